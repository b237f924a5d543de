"""File a claim with its evidence, on the rider's consent; and record what the carrier decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.audit import Deed, write_down
from mobility.booking.covered import find_ticket
from mobility.booking.errors import ClaimRefusedError, NotFoundError, WrongStateError
from mobility.booking.leg_price import get_leg_price
from mobility.booking.leg_reports import find_report
from mobility.booking.moves import OVER
from mobility.booking.ride import find_leg
from mobility.booking.trip import Aim
from mobility.booking.trips import get_trip
from mobility.claims.pay_claim import STEP
from mobility.claims.states import ClaimEvent, ClaimState, after
from mobility.claims.store import Claim, get_claim, list_claims, set_claim
from payments.claims import CarrierPays, accepted, book, carrier_paid, paid_by_hand
from payments.money import Money


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody of finance records, and why."""

    actor: str
    reference: str
    """The carrier's, or the bank's."""
    reason: str


async def file_claim(
    tx: AsyncConnection,
    booking_id: str,
    guarantee_id: str,
    *,
    leg_id: str | None,
    receipt: Money | None,
    now: datetime,
) -> Claim:
    """File what was noticed of a guarantee; filed before, it stays as it is.

    Raises:
        NotFoundError: nothing was noticed of that guarantee (on that leg).
        ClaimRefusedError: which leg is not clear, or what was spent is to be told by a receipt.
        WrongStateError: its deadline has passed, or it is for an arrival by a ride given back,
            or whose price staff has granted.
    """
    mine = [
        each
        for each in await list_claims(tx, booking_id, now)
        if each.guarantee.id == guarantee_id and leg_id in (None, each.leg_id)
    ]
    if not mine:
        raise NotFoundError(f"nothing was noticed of a guarantee {guarantee_id} on this trip")
    if len(mine) > 1:
        legs = ", ".join(each.leg_id for each in mine)
        raise ClaimRefusedError(f"this guarantee was noticed on several legs; name one of {legs}")
    claim = (await get_claim(tx, mine[0].id, lock=True)).at(now)
    if claim.state not in (ClaimState.NOTICED, ClaimState.LAPSED):
        return claim
    await _refuse_unridden(tx, claim)
    state = after(claim.state, ClaimEvent.FILE)
    amount = _amount(claim, receipt)
    await set_claim(tx, claim, state=state, filed_at=now, amount_minor=amount.minor)
    return await get_claim(tx, claim.id)


async def _refuse_unridden(tx: AsyncConnection, claim: Claim, *, for_good: bool = False) -> None:
    """A late arrival by a leg that was given back is none: its price would go back twice.

    So it would where staff has granted all of it; or gives back the trip later, which it may as
    long as that goes on (``for_good``). Nothing is reported or granted of the leg before the
    transaction ends.
    """
    trip = await get_trip(tx, claim.booking_id, lock=True)
    if claim.guarantee.kind != "late_arrival":
        return
    if trip.aim is not Aim.TRAVEL:
        raise WrongStateError(f"booking {trip.id} was given back: leg {claim.leg_id} costs nothing")
    if for_good and trip.state not in OVER:
        raise WrongStateError(
            f"booking {trip.id} goes on, and the price of leg {claim.leg_id} may yet go back"
        )
    report = await find_report(tx, claim.booking_id, claim.leg_id)
    if report is not None and report.outcome.costs_nothing:
        raise WrongStateError(f"leg {claim.leg_id} costs nothing and was not ridden to its end")
    ticket = find_ticket(trip.tickets, find_leg(trip, claim.leg_id))
    if (await get_leg_price(tx, trip, ticket)).granted_whole:
        raise WrongStateError(f"all that leg {claim.leg_id} cost was granted by staff already")


def _amount(claim: Claim, receipt: Money | None) -> Money:
    if claim.amount is not None:
        return claim.amount
    if claim.most is None:
        raise ClaimRefusedError("what this guarantee gives is not known; ask the carrier")
    if receipt is None or receipt.minor <= 0 or receipt.currency != claim.most.currency:
        raise ClaimRefusedError(f"it gives what was spent, at most {claim.most}: give the receipt")
    return min(receipt, claim.most)


async def accept(tx: AsyncConnection, claim_id: str, decision: Decision, now: datetime) -> Claim:
    """Record that the carrier pays, in the books too, and ask for the money to go out; audited.

    Raises:
        NotFoundError: no such claim.
        WrongStateError: it is not filed, or for an arrival by a ride given back, or whose price was
            granted, since: reject it. Or for an arrival of a trip that goes on: wait for its end.
    """
    claim = await get_claim(tx, claim_id, lock=True)
    if claim.state in (ClaimState.ACCEPTED, ClaimState.PAID):
        return _same(claim, claim.carrier_reference, decision)
    state = after(claim.state, ClaimEvent.ACCEPT)
    await _refuse_unridden(tx, claim, for_good=True)
    if claim.amount is None:
        raise WrongStateError(f"claim {claim_id} has no amount")
    await set_claim(tx, claim, state=state, **_decided(decision, now))
    await book(tx, accepted(claim.in_books, claim.amount), now)
    await steps.enqueue(tx, kind=STEP, key=claim_id, run_at=now)
    await _audit(tx, "claim.accept", claim, decision, now)
    return await get_claim(tx, claim_id)


async def reject(tx: AsyncConnection, claim_id: str, decision: Decision, now: datetime) -> Claim:
    """Record that the carrier does not pay; audited.

    Raises:
        NotFoundError: no such claim.
        WrongStateError: it is not filed.
    """
    claim = await get_claim(tx, claim_id, lock=True)
    if claim.state is ClaimState.REJECTED:
        return _same(claim, claim.carrier_reference, decision)
    state = after(claim.state, ClaimEvent.REJECT)
    await set_claim(tx, claim, state=state, **_decided(decision, now))
    await _audit(tx, "claim.reject", claim, decision, now)
    return await get_claim(tx, claim_id)


async def record_transfer(
    tx: AsyncConnection, claim_id: str, decision: Decision, now: datetime
) -> Claim:
    """Record that what exceeds the payment was transferred to the rider; audited, once.

    Raises:
        NotFoundError: no such claim.
        WrongStateError: it is not accepted, or what goes back on the payment is not decided yet,
            or all of it went back there.
    """
    claim = await get_claim(tx, claim_id, lock=True)
    if claim.state is ClaimState.PAID:
        if claim.refunded == claim.amount:
            raise WrongStateError(
                f"claim {claim_id} went back on the rider's payment whole; nothing of it is left "
                "to transfer"
            )
        return claim
    state = after(claim.state, ClaimEvent.PAY)
    if not claim.left:
        raise WrongStateError(f"what goes back on the payment for claim {claim_id} comes first")
    await book(tx, paid_by_hand(claim.in_books, claim.left), now)
    await set_claim(tx, claim, state=state, paid_at=now)
    await _audit(tx, "claim.transfer", claim, decision, now)
    return await get_claim(tx, claim_id)


async def record_carrier_paid(
    tx: AsyncConnection, claim_id: str, how: CarrierPays, decision: Decision, now: datetime
) -> Claim:
    """Record that the carrier paid us what its guarantee cost; audited, once.

    Raises:
        NotFoundError: no such claim.
        WrongStateError: the carrier has not accepted it.
    """
    claim = await get_claim(tx, claim_id, lock=True)
    if claim.carrier_paid_at is not None:
        return claim
    if claim.state not in (ClaimState.ACCEPTED, ClaimState.PAID) or claim.amount is None:
        raise WrongStateError(f"the claim is {claim.state}; the carrier owes nothing for it")
    await book(tx, carrier_paid(claim.in_books, claim.amount, how), now)
    await set_claim(tx, claim, carrier_paid_at=now)
    await _audit(tx, f"claim.carrier_paid_by_{how}", claim, decision, now)
    return await get_claim(tx, claim_id)


def _decided(decision: Decision, now: datetime) -> dict[str, object]:
    return {
        "decided_at": now,
        "carrier_reference": decision.reference,
        "reason": decision.reason,
    }


def _same(claim: Claim, reference: str | None, decision: Decision) -> Claim:
    """The claim as decided before, if the same is said again."""
    if reference != decision.reference:
        raise WrongStateError(f"the claim is {claim.state} under the reference {reference}")
    return claim


async def _audit(
    tx: AsyncConnection, action: str, claim: Claim, decision: Decision, now: datetime
) -> None:
    text = f"{decision.reference}: {decision.reason}"
    await write_down(tx, Deed(decision.actor, action, claim.id, text, now))
