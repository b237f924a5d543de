"""Claims as they are kept: written once a leg and guarantee, with what was seen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, exists, null, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import NotFoundError
from mobility.booking.leg_reports import Kind
from mobility.booking.trip import Aim, LegState
from mobility.booking.trips import OFFER_LEG
from mobility.cities.facts import Guarantee
from mobility.claims.notice import BookedRide, Evidence, Noticed
from mobility.claims.states import ClaimState, standing
from mobility.ids import new_id
from mobility.tables import booking, claim, leg, leg_report
from payments.claims import ClaimInBooks
from payments.money import Money

LOOK_BACK = timedelta(hours=6)
"""How long after its departure a ride is looked at."""
_EVIDENCE = TypeAdapter(Evidence)
_GUARANTEE = TypeAdapter(Guarantee)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as it stands; ``guarantee`` as it was in force when the ride was."""

    id: str
    booking_id: str
    leg_id: str
    provider_id: str
    guarantee: Guarantee
    state: ClaimState
    amount: Money | None
    """None until a receipt tells it."""
    most: Money | None
    refunded: Money | None
    """What went back on the payment; None as long as that is not decided."""
    file_by: datetime | None
    evidence: Evidence | None
    """None once it has been forgotten."""
    noticed_at: datetime
    filed_at: datetime | None
    decided_at: datetime | None
    carrier_reference: str | None
    reason: str | None
    paid_at: datetime | None
    carrier_paid_at: datetime | None

    @property
    def left(self) -> Money | None:
        """What of an accepted claim is still to be transferred by hand; None if not known yet."""
        if self.state is not ClaimState.ACCEPTED or self.refunded is None or self.amount is None:
            return None
        return self.amount - self.refunded

    @property
    def in_books(self) -> ClaimInBooks:
        """What its journals have in common."""
        return ClaimInBooks(self.id, self.booking_id, self.provider_id)

    def at(self, now: datetime) -> Claim:
        """The claim with its state at a moment."""
        return replace(self, state=standing(self.state, self.file_by, now))


async def list_rides(
    tx: AsyncConnection, provider_ids: Collection[str], now: datetime
) -> list[list[BookedRide]]:
    """The rides on lines of the last hours, booking by booking, in the order of travel.

    Without those whose ticket was given back already, or that another booking took the place of.
    """
    rows = await tx.execute(
        select(leg, booking.c.passengers, booking.c.currency)
        .join(booking, booking.c.id == leg.c.booking_id)
        .where(
            leg.c.provider_id.in_(provider_ids),
            leg.c.departs_at.between(now - LOOK_BACK, now),
            leg.c.state.in_([LegState.CONFIRMED, LegState.ACTIVE, LegState.ENDED]),
            booking.c.aim == Aim.TRAVEL,
            or_(leg.c.final_minor.is_(None), leg.c.final_minor > 0, leg.c.quoted_minor == 0),
            leg.c.product.is_not(None),
            leg.c.detail.is_not(None),
            ~exists().where(
                leg_report.c.booking_id == leg.c.booking_id,
                leg_report.c.leg_id == leg.c.id,
                leg_report.c.kind == Kind.REBOOKED,
            ),
        )
        .order_by(leg.c.booking_id, leg.c.position)
    )
    found: dict[str, list[BookedRide]] = {}
    for row in rows:
        detail = OFFER_LEG.validate_python(row.detail)
        if detail.trip is None or detail.fare_ride is None:
            continue
        ride = BookedRide(
            booking_id=row.booking_id,
            leg_id=row.id,
            provider_id=row.provider_id,
            agency_id=detail.fare_ride.agency_id,
            trip=detail.trip,
            departs_at=row.departs_at,
            arrives_at=row.arrives_at,
            passengers=row.passengers,
            price=Money(row.quoted_minor, row.currency),
            product=row.product,
            tariff_version=row.tariff_version or "",
        )
        found.setdefault(row.booking_id, []).append(ride)
    return list(found.values())


async def add_noticed(tx: AsyncConnection, noticed: Noticed, currency: str, now: datetime) -> bool:
    """Write what was noticed; False where it was known of that leg and guarantee.

    Nor is it written again of who stays on a run when she rebooks, and on the ticket she has.
    """
    if not noticed.ride.price and await _known_of_run(tx, noticed):
        return False
    added = await tx.execute(
        insert(claim)
        .values(
            booking_id=noticed.ride.booking_id,
            id=new_id("clm"),
            leg_id=noticed.ride.leg_id,
            guarantee_id=noticed.guarantee.id,
            provider_id=noticed.ride.provider_id,
            state=ClaimState.NOTICED,
            currency=currency,
            amount_minor=None if noticed.amount is None else noticed.amount.minor,
            most_minor=None if noticed.most is None else noticed.most.minor,
            guarantee=_GUARANTEE.dump_python(noticed.guarantee, mode="json"),
            evidence=_EVIDENCE.dump_python(noticed.evidence, mode="json"),
            noticed_at=now,
            file_by=noticed.file_by,
        )
        .on_conflict_do_nothing()
        .returning(claim.c.id)
    )
    return added.one_or_none() is not None


async def _known_of_run(tx: AsyncConnection, noticed: Noticed) -> bool:
    """Whether a trip that this one took the place of has the guarantee for the very same run."""
    columns = (booking.c.id, booking.c.rebooked_from)
    chain = select(*columns).where(booking.c.id == noticed.ride.booking_id).cte(recursive=True)
    chain = chain.union(select(*columns).where(booking.c.id == chain.c.rebooked_from))
    seen = claim.c.evidence
    known = select(claim.c.id).where(
        claim.c.booking_id.in_(select(chain.c.rebooked_from)),
        claim.c.guarantee_id == noticed.guarantee.id,
        seen["trip_id"].as_string() == noticed.evidence.trip_id,
        seen["service_day"].as_string() == noticed.evidence.service_day.isoformat(),
    )
    return await tx.scalar(known.limit(1)) is not None


async def list_claims(tx: AsyncConnection, booking_id: str, now: datetime) -> list[Claim]:
    """A booking's claims, as they stand now, in the order they were noticed."""
    rows = await tx.execute(
        select(claim)
        .where(claim.c.booking_id == booking_id)
        .order_by(claim.c.noticed_at, claim.c.id)
    )
    return [_claim(row).at(now) for row in rows]


async def list_claims_of_rider(tx: AsyncConnection, rider_id: str, now: datetime) -> list[Claim]:
    """All claims of a rider's bookings, as they stand now."""
    mine = select(booking.c.id).where(booking.c.rider_id == rider_id)
    rows = await tx.execute(
        select(claim).where(claim.c.booking_id.in_(mine)).order_by(claim.c.noticed_at, claim.c.id)
    )
    return [_claim(row).at(now) for row in rows]


async def list_filed(
    tx: AsyncConnection,
    states: Collection[ClaimState],
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[Claim]:
    """Claims in one of these states that were filed, the oldest filing first."""
    query = (
        select(claim)
        .where(claim.c.state.in_(list(states)), claim.c.filed_at.is_not(None))
        .order_by(claim.c.filed_at, claim.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(claim.c.filed_at, claim.c.id) > tuple_(*after))
    return [_claim(row) for row in await tx.execute(query)]


async def get_claim(tx: AsyncConnection, claim_id: str, *, lock: bool = False) -> Claim:
    """A claim; with ``lock`` nobody else decides about it until the transaction ends.

    Raises:
        NotFoundError: no such claim.
    """
    query = select(claim).where(claim.c.id == claim_id)
    row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no claim {claim_id}")
    return _claim(row)


async def set_claim(tx: AsyncConnection, of: Claim, **columns: Any) -> None:
    """Set columns of a claim."""
    mine = (claim.c.booking_id == of.booking_id, claim.c.id == of.id)
    await tx.execute(update(claim).where(*mine).values(**columns))


async def forget_evidence(tx: AsyncConnection, before: datetime) -> None:
    """Delete what was seen for claims that nobody decides about any more: it names places."""
    over = (ClaimState.NOTICED, ClaimState.REJECTED, ClaimState.PAID, ClaimState.LAPSED)
    await tx.execute(
        update(claim)
        .where(claim.c.noticed_at < before, claim.c.state.in_(over), claim.c.evidence.is_not(None))
        .values(evidence=null())
    )


def _claim(row: Row[Any]) -> Claim:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, row.currency)

    return Claim(
        id=row.id,
        booking_id=row.booking_id,
        leg_id=row.leg_id,
        provider_id=row.provider_id,
        guarantee=_GUARANTEE.validate_python(row.guarantee),
        state=ClaimState(row.state),
        amount=money(row.amount_minor),
        most=money(row.most_minor),
        refunded=money(row.refunded_minor),
        file_by=row.file_by,
        evidence=None if row.evidence is None else _EVIDENCE.validate_python(row.evidence),
        noticed_at=row.noticed_at,
        filed_at=row.filed_at,
        decided_at=row.decided_at,
        carrier_reference=row.carrier_reference,
        reason=row.reason,
        paid_at=row.paid_at,
        carrier_paid_at=row.carrier_paid_at,
    )
