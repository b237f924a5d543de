"""``/sandbox``: steer and look into the demo operator. No real operator has these endpoints."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from providers.sandbox import answers
from providers.sandbox.answers import Json
from providers.sandbox.faults import Fault, FaultKind, Operation
from providers.sandbox.served import FaultsDep, OperatorDep


class FaultIn(BaseModel):
    """What to do wrong, and how often."""

    operation: Operation
    fault: FaultKind
    count: int = Field(default=1, ge=1)
    seconds: float = Field(default=8, ge=0, le=600)
    status: int = Field(default=200, ge=200, le=599)
    body: str = ""


class RideIn(BaseModel):
    """What the next ride that ends is to have used."""

    minutes: int = Field(ge=1, le=100_000)
    metres: int = Field(ge=0, le=10_000_000)


class ClockIn(BaseModel):
    """How far to move the operator's clock forward."""

    advance_seconds: int = Field(ge=0)


router = APIRouter(prefix="/sandbox")


@router.post("/faults", status_code=204)
async def add_fault(body: FaultIn, faults: FaultsDep) -> None:
    faults.planned.append(
        Fault(body.operation, body.fault, body.count, body.seconds, body.status, body.body)
    )


@router.delete("/faults", status_code=204)
async def clear_faults(faults: FaultsDep) -> None:
    faults.planned.clear()


@router.post("/ride", status_code=204)
async def set_ride(body: RideIn, operator: OperatorDep) -> None:
    with operator.store.transaction() as db:
        db.execute("INSERT INTO ride (minutes, metres) VALUES (?, ?)", (body.minutes, body.metres))


@router.post("/clock", status_code=204)
async def move_clock(body: ClockIn, operator: OperatorDep) -> None:
    offset = operator.store.number("clock_offset_s") + body.advance_seconds
    operator.store.set_number("clock_offset_s", offset)
    operator.expire()


@router.get("/state")
async def state(operator: OperatorDep) -> Json:
    operator.expire()
    bookings = operator.store.rows("SELECT * FROM booking ORDER BY id")
    return {
        "id": operator.stanza.id,
        "now": operator.now().isoformat(),
        "bookings": [
            {k: row[k] for k in row.keys() if k not in {"access_code", "planned"}}  # noqa: SIM118 - a sqlite3.Row iterates its values
            for row in bookings
        ],
        "vehicles": answers.gbfs_vehicles(operator),
        "stations": answers.gbfs_stations(operator),
    }
