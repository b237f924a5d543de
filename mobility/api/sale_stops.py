"""For staff: stop selling a provider, a mode or everything, and sell again."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mobility import sale_stops
from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.operations import Reason, ReasonText
from mobility.db import transaction
from mobility.sale_stops import SaleStop, Target
from providers.values import Mode, ProviderId

router = APIRouter(prefix="/v1/operations/stops", tags=["operations"])


class NewStop(BaseModel):
    """What is not to be sold any more: one of provider_id, mode and all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"provider_id": "demo-rad", "reason": "locks do not open, ticket 4711"}
        },
    )
    provider_id: str | None = Field(default=None, min_length=1, max_length=60)
    mode: Mode | None = None
    all: bool = False
    reason: ReasonText

    @model_validator(mode="after")
    def _one_of_them(self) -> NewStop:
        if [self.provider_id is not None, self.mode is not None, self.all].count(True) != 1:
            raise ValueError("give one of provider_id, mode and all")
        if self.mode is Mode.WALK:
            raise ValueError("a walk is not sold")
        return self

    def target(self) -> Target:
        """As a value."""
        provider_id = None if self.provider_id is None else ProviderId(self.provider_id)
        return Target(provider_id, self.mode)


class StopView(BaseModel):
    """A stop of sales, in force until it has ended."""

    id: str = Field(examples=["stp_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    provider_id: str | None = Field(examples=["demo-rad"])
    mode: Mode | None = Field(examples=[None])
    all: bool = Field(examples=[False])
    reason: str = Field(examples=["locks do not open, ticket 4711"])
    begun_by: str = Field(examples=["rdr_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    begun_at: datetime = Field(examples=["2026-11-26T07:00:00Z"])
    ended_by: str | None = Field(examples=[None])
    ended_at: datetime | None = Field(examples=[None])

    @staticmethod
    def of(stop: SaleStop) -> StopView:
        """The view of a stop."""
        target = stop.target
        return StopView(
            id=stop.id,
            provider_id=target.provider_id,
            mode=target.mode,
            all=target == Target(),
            reason=stop.reason,
            begun_by=stop.begun_by,
            begun_at=stop.begun_at,
            ended_by=stop.ended_by,
            ended_at=stop.ended_at,
        )


class Stops(BaseModel):
    """Stops of sales, the newest first."""

    stops: list[StopView]


@router.post(
    "", status_code=201, summary="Stop selling", responses=problems("idempotency-key-reused")
)
async def begin(
    body: NewStop, wiring: WiringDep, staff: StaffDep, now: Now, keyed: KeyedDep
) -> StopView:
    """Sell nothing more of one provider, one mode, or at all; audited.

    No booking is recorded after the answer; searches know within two seconds. What is booked goes
    on: it starts, finishes, is settled and can be cancelled. What is stopped already stays so,
    and another reason is added to the first.
    """
    if body.provider_id is not None and body.provider_id not in wiring.stanzas:
        known = f"no such provider, only {', '.join(sorted(wiring.stanzas))}"
        wrong = {"loc": ("body", "provider_id"), "msg": known, "type": "value_error"}
        raise RequestValidationError([wrong])
    async with transaction(wiring.engine) as tx:
        earlier = await keyed.find(tx)
        if earlier is not None:
            return StopView.model_validate(earlier)
        stop = await sale_stops.begin_stop(
            tx, body.target(), actor=staff.rider_id, reason=body.reason, now=now
        )
        await keyed.keep(tx, StopView.of(stop).model_dump(mode="json"))
    await wiring.sales.read()
    return StopView.of(stop)


@router.get("", summary="What is not sold, and what was not")
async def list_stops(wiring: WiringDep, _staff: StaffDep, *, in_force: bool = True) -> Stops:
    """The stops in force; with `in_force=false` the latest 500 of all."""
    async with transaction(wiring.engine) as tx:
        if in_force:
            found = list(reversed(await sale_stops.list_in_force(tx)))
        else:
            found = await sale_stops.list_latest(tx)
    return Stops(stops=[StopView.of(stop) for stop in found])


@router.post("/{stop_id}/end", summary="Sell again", responses=problems(404))
async def end(
    stop_id: str, wiring: WiringDep, staff: StaffDep, now: Now, body: Reason | None = None
) -> StopView:
    """End a stop; audited. One that has ended stays as it is."""
    reason = body.reason if body else ""
    async with transaction(wiring.engine) as tx:
        stop = await sale_stops.end_stop(tx, stop_id, actor=staff.rider_id, reason=reason, now=now)
    await wiring.sales.read()
    return StopView.of(stop)
