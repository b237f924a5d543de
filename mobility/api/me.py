"""All under ``/v1/me``."""

from __future__ import annotations

from fastapi import APIRouter

from mobility.api import account, export, passes, payment_methods

router = APIRouter()
router.include_router(account.router)
router.include_router(export.router)
router.include_router(passes.router)
router.include_router(payment_methods.router)
