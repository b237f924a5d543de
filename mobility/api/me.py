"""All under ``/v1/me`` that is about the person; passes and cards have modules of their own."""

from __future__ import annotations

from fastapi import APIRouter

from mobility.api import account, export

router = APIRouter()
router.include_router(account.router)
router.include_router(export.router)
