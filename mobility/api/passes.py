"""The passes I hold, which make legs cheaper or free."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mobility.api.dependencies import IdempotencyKey, Now, RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.db import transaction
from mobility.identity.passes import (
    Pass,
    PassKind,
    add_pass,
    list_passes,
    remove_all_passes,
    remove_pass,
)

router = APIRouter(prefix="/v1/me/passes", tags=["passes"])

_EARLIEST = date(2000, 1, 1)
_LATEST = date(2100, 1, 1)


class NewPass(BaseModel):
    """A pass, as the rider declares it; inspection is the operator's."""

    model_config = ConfigDict(extra="forbid")
    kind: PassKind = Field(examples=["deutschlandticket"])
    valid_from: date | None = Field(
        default=None,
        ge=_EARLIEST,
        le=_LATEST,
        description="The first day; today when absent.",
        examples=["2026-11-01"],
    )
    valid_until: date | None = Field(
        default=None,
        ge=_EARLIEST,
        le=_LATEST,
        description="The last day; open when absent.",
        examples=["2027-10-31"],
    )

    @model_validator(mode="after")
    def _in_order(self) -> NewPass:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class PassView(BaseModel):
    """A pass."""

    id: str = Field(examples=["pas_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    kind: PassKind = Field(examples=["deutschlandticket"])
    valid_from: date = Field(examples=["2026-11-01"])
    valid_until: date | None = Field(examples=["2027-10-31"])
    valid_today: bool = Field(examples=[True])

    @classmethod
    def of(cls, held: Pass, today: date) -> PassView:
        """A pass as it is shown on that day."""
        return cls(
            id=held.id,
            kind=held.kind,
            valid_from=held.valid_from,
            valid_until=held.valid_until,
            valid_today=held.holds_on(today),
        )


class PassList(BaseModel):
    """All my passes, by first day."""

    passes: list[PassView]


@router.get("", response_model=PassList, summary="List my passes")
async def list_mine(wiring: WiringDep, rider: RiderDep, now: Now) -> PassList:
    """What I hold, also what has run out or not begun."""
    today = now.astimezone(wiring.city.timezone).date()
    async with transaction(wiring.engine) as tx:
        held = await list_passes(tx, wiring.vault, rider.rider_id)
    return PassList(passes=[PassView.of(item, today) for item in held])


@router.post(
    "",
    status_code=201,
    response_model=PassView,
    summary="Add a pass",
    responses=problems("idempotency-key-reused", 422),
)
async def add(
    body: NewPass, wiring: WiringDep, rider: RiderDep, now: Now, key: IdempotencyKey = None
) -> PassView:
    """Declare a pass. Prices of later searches and offers regard it."""
    today = now.astimezone(wiring.city.timezone).date()
    valid_from = body.valid_from or min(today, body.valid_until or today)
    async with transaction(wiring.engine) as tx:
        added = await add_pass(
            tx,
            wiring.vault,
            rider.rider_id,
            kind=body.kind,
            valid_from=valid_from,
            valid_until=body.valid_until,
            idempotency_key=key,
        )
    return PassView.of(added, today)


@router.delete("", status_code=204, summary="Remove all my passes")
async def remove_all(wiring: WiringDep, rider: RiderDep) -> None:
    """Forget every pass."""
    async with transaction(wiring.engine) as tx:
        await remove_all_passes(tx, rider.rider_id)


@router.delete("/{pass_id}", status_code=204, summary="Remove a pass", responses=problems(404))
async def remove(pass_id: str, wiring: WiringDep, rider: RiderDep) -> None:
    """Forget one pass."""
    async with transaction(wiring.engine) as tx:
        await remove_pass(tx, rider.rider_id, pass_id)
