"""For staff who run the service: what is stuck, and trying it again."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from mobility import steps
from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.booking.queries import list_needing_attention
from mobility.db import transaction

router = APIRouter(prefix="/v1/operations", tags=["operations"])


class StuckStep(BaseModel):
    """A durable step whose last run failed; it is tried again at ``run_at``."""

    kind: str
    key: str
    attempts: int
    last_error: str | None
    run_at: datetime


class StuckSteps(BaseModel):
    """What is stuck and why, and the bookings that a person must look at; the oldest first."""

    steps: list[StuckStep]
    bookings_needing_attention: list[str]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "steps": [
                    {
                        "kind": "advance_booking",
                        "key": "bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra",
                        "attempts": 12,
                        "last_error": "PaymentStuckError: refused by the processor",
                        "run_at": "2026-11-26T07:00:00Z",
                    }
                ],
                "bookings_needing_attention": ["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"],
            }
        }
    )


@router.get("/steps", response_model=StuckSteps, summary="What is stuck and why")
async def list_stuck(wiring: WiringDep, _staff: StaffDep) -> StuckSteps:
    """Durable steps whose last run failed, and bookings in which money or a vehicle is stuck."""
    async with transaction(wiring.engine) as tx:
        found = await steps.list_stuck(tx)
        waiting = await list_needing_attention(tx)
    return StuckSteps(
        bookings_needing_attention=waiting,
        steps=[
            StuckStep(
                kind=item.kind,
                key=item.key,
                attempts=item.attempts,
                last_error=item.last_error,
                run_at=item.run_at,
            )
            for item in found
        ],
    )


class RetriedStep(BaseModel):
    """A step that is due again."""

    kind: str = Field(examples=["advance_booking"])
    key: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])


@router.post("/steps/{kind}/{key}/retry", status_code=202, summary="Try a stuck step again")
async def retry(kind: str, key: str, wiring: WiringDep, _staff: StaffDep, now: Now) -> RetriedStep:
    """Make a stuck step due now; 404 when there is none."""
    async with transaction(wiring.engine) as tx:
        if not any((item.kind, item.key) == (kind, key) for item in await steps.list_stuck(tx)):
            raise HTTPException(404, f"no stuck step {kind} {key}")
        await steps.enqueue(tx, kind=kind, key=key, run_at=now)
    return RetriedStep(kind=kind, key=key)
