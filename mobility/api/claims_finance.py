"""Finance: what carriers decide of filed claims, what is transferred by hand, what they pay us."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.api.booking_view import Amount
from mobility.api.claims import ClaimView
from mobility.api.cursors import make_cursor, read_cursor
from mobility.api.dependencies import FinanceDep, Now, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.claims.file_claim import (
    Decision,
    accept,
    record_carrier_paid,
    record_transfer,
    reject,
)
from mobility.claims.pay_claim import STEP, pay_claim
from mobility.claims.states import ClaimState
from mobility.claims.store import Claim, get_claim, list_filed
from mobility.db import transaction
from mobility.identity.tokens import RiderIdentity
from payments.claims import CarrierPays
from payments.disputes import sum_taken_back
from payments.money import Money

router = APIRouter(prefix="/v1/finance/claims", tags=["finance"])

_Id = Annotated[str, Path(pattern=r"^[\x21-\x7e]{1,80}$")]
_Words = StringConstraints(
    strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$"
)
_EUR = [{"amount": 360, "currency": "EUR"}]
_REFUSES = problems("wrong-state", "idempotency-key-reused")


class Decided(BaseModel):
    """What was decided or paid, under which reference, and why."""

    model_config = ConfigDict(extra="forbid")
    reference: Annotated[str, _Words, Field(max_length=100, examples=["SV-2026-4711"])]
    reason: Annotated[str, _Words, Field(examples=["Verspätung bestätigt"])]

    def by(self, who: RiderIdentity) -> Decision:
        """As a value."""
        return Decision(who.rider_id, self.reference, self.reason)


class CarrierPaid(Decided):
    """How a carrier paid."""

    how: CarrierPays = Field(
        description="bank, or offset against what we owe it.", examples=["offset"]
    )


class FiledClaim(ClaimView):
    """A claim as finance sees it."""

    taken_back: Amount | None = Field(
        description="What the bank of the rider has taken back of the trip's payment, in a dispute "
        "that is open or lost and that she has not paid again: she has that money already. "
        "`/v1/finance/traces` of the booking says more. None where it took nothing.",
        examples=_EUR,
    )

    @classmethod
    async def look_up(cls, tx: AsyncConnection, claims: list[Claim]) -> list[FiledClaim]:
        """Claims with what banks took back for their trips."""
        taken = await sum_taken_back(tx, {claim.booking_id for claim in claims})
        return [
            cls(
                **dict(ClaimView.of(claim)),
                taken_back=_amount(taken.get(claim.booking_id)),
            )
            for claim in claims
        ]


async def _show(tx: AsyncConnection, claim: Claim) -> FiledClaim:
    return (await FiledClaim.look_up(tx, [claim]))[0]


def _amount(money: Money | None) -> Amount | None:
    return None if money is None else Amount.of(money)


class FiledClaims(BaseModel):
    """Filed claims, the oldest first."""

    claims: list[FiledClaim]
    next_cursor: str | None = Field(default=None, examples=[None])


@router.get("", summary="List filed claims", responses=problems(400))
async def list_all(
    wiring: WiringDep,
    _finance: FinanceDep,
    state: Annotated[ClaimState, Query(examples=["filed"])] = ClaimState.FILED,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FiledClaims:
    """Those in one state: `filed` are the carrier's to decide, `accepted` to be transferred."""
    async with transaction(wiring.engine) as tx:
        found = await list_filed(tx, [state], limit=limit + 1, after=read_cursor("claims", cursor))
        shown = found[:limit]
        claims = await FiledClaim.look_up(tx, shown)
    last = shown[-1] if len(found) > limit else None
    following = None
    if last is not None and last.filed_at is not None:
        following = make_cursor("claims", last.filed_at, last.id)
    return FiledClaims(claims=claims, next_cursor=following)


@router.post(
    "/{claim_id}/accept",
    summary="The carrier accepts",
    responses=_REFUSES,
)
async def accept_claim(
    claim_id: _Id,
    body: Decided,
    wiring: WiringDep,
    finance: FinanceDep,
    now: Now,
    keyed: KeyedDep,
) -> FiledClaim:
    """Record it, book what the carrier owes us, and refund the rider's payment; audited.

    What exceeds her payment is to be transferred by hand (`left` of what was `refunded`).
    """
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        await accept(tx, claim_id, body.by(finance), now)
    await wiring.desk.run_now(STEP, claim_id, pay_claim)
    async with transaction(wiring.engine) as tx:
        return await _show(tx, await get_claim(tx, claim_id))


@router.post(
    "/{claim_id}/reject",
    summary="The carrier rejects",
    responses=_REFUSES,
)
async def reject_claim(
    claim_id: _Id,
    body: Decided,
    wiring: WiringDep,
    finance: FinanceDep,
    now: Now,
    keyed: KeyedDep,
) -> FiledClaim:
    """Record that the carrier does not pay, and why; audited, and shown to the rider."""
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        return await _show(tx, await reject(tx, claim_id, body.by(finance), now))


@router.post(
    "/{claim_id}/transfer",
    summary="The rest was transferred",
    responses=_REFUSES,
)
async def transferred(
    claim_id: _Id,
    body: Decided,
    wiring: WiringDep,
    finance: FinanceDep,
    now: Now,
    keyed: KeyedDep,
) -> FiledClaim:
    """Record that what exceeds the payment was transferred to the rider; audited, booked once."""
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        return await _show(tx, await record_transfer(tx, claim_id, body.by(finance), now))


@router.post(
    "/{claim_id}/carrier-paid",
    summary="The carrier paid us",
    responses=_REFUSES,
)
async def carrier_has_paid(
    claim_id: _Id,
    body: CarrierPaid,
    wiring: WiringDep,
    finance: FinanceDep,
    now: Now,
    keyed: KeyedDep,
) -> FiledClaim:
    """Record that the carrier paid what it owed for a claim; audited, booked once."""
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        done = await record_carrier_paid(tx, claim_id, body.how, body.by(finance), now)
        return await _show(tx, done)
