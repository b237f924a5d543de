"""What was reported of a leg, by its rider or by us: one row a leg, with what followed from it.

The row is the evidence of a claim that is not paid: what the provider was asked since, what it
answered, how it last said that the leg stood. What it charges stands on the leg (``claimed``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import RowMapping, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.tickets import void_tickets
from mobility.booking.trip import Ask, AskState, LegState
from mobility.tables import leg, leg_report
from payments.money import Money
from providers.values import Reservation, RideReport

FREE_METRES = 500
"""How far a vehicle that is reported soon after its start may have been ridden for nothing."""
FREE_AFTER_MINUTES = 10
"""How much longer its ride may last than until the report, for nothing: a lock takes its time."""

WAIVED = "gemeldet und nicht berechnet"
"""What the receipt says of such a leg."""
REBOOKED = "umgebucht und nicht berechnet"
"""And of one that another booking took the place of."""


class Kind(StrEnum):
    """What is the matter with a leg: as its rider reports it, or why we ended it."""

    VEHICLE_MISSING = "vehicle_missing"
    VEHICLE_BROKEN = "vehicle_broken"
    WHEELCHAIR_REFUSED = "wheelchair_refused"
    OTHER = "other"
    SPEND_CEILING = "spend_ceiling"
    """The ride would have cost more than its rider allowed; we ended it."""
    LONGEST_RIDE = "longest_ride"
    """The ride lasted longer than the city's rules allow; we ended it."""
    REBOOKED = "rebooked"
    """Its vehicle was cancelled or missed; its rider goes on with another booking."""


class Outcome(StrEnum):
    """What followed from a report."""

    GIVEN_BACK = "given_back"
    """Nothing of the leg is used: it costs nothing."""
    FREE = "free"
    """Ended soon after its start, and charged nothing."""
    CHARGED = "charged"
    """Ended, charged as ridden; staff decides about the rest."""
    REFUNDED = "refunded"
    """The ticket is paid back."""
    ENDED_BY_US = "ended_by_us"
    """We asked its provider to end the ride; going on costs the rider nothing."""
    NOTED = "noted"
    """Nothing has changed; staff decides."""

    @property
    def costs_nothing(self) -> bool:
        """Whether the rider pays nothing for the leg."""
        return self in (Outcome.GIVEN_BACK, Outcome.FREE, Outcome.REFUNDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegReport:
    """A report as it is shown."""

    booking_id: str
    leg_id: str
    kind: Kind
    outcome: Outcome
    believed: bool
    """Not one of too many reports by one rider."""
    open: bool
    """A person is to look at it."""
    reported_at: datetime
    note: str | None = None
    asked: str | None = None
    """The last ask of the provider since then; ``answer`` is what became of it."""
    answer: str | None = None
    answer_error: str | None = None
    seen: str | None = None
    """How the provider last said that the leg stood, at ``seen_at``."""
    seen_at: datetime | None = None


def _report(row: RowMapping) -> LegReport:
    found = {str(name): value for name, value in row.items() if name != "rider_id"}
    found |= {"kind": Kind(row["kind"]), "outcome": Outcome(row["outcome"])}
    return LegReport(**found)


async def add_report(tx: AsyncConnection, report: LegReport, rider_id: str) -> None:
    """Write a report down; the first one of a leg stands."""
    await tx.execute(
        insert(leg_report)
        .values(
            booking_id=report.booking_id,
            leg_id=report.leg_id,
            rider_id=rider_id,
            kind=report.kind,
            note=report.note,
            outcome=report.outcome,
            believed=report.believed,
            open=report.open,
            reported_at=report.reported_at,
        )
        .on_conflict_do_nothing()
    )


async def find_report(tx: AsyncConnection, booking_id: str, leg_id: str) -> LegReport | None:
    """The report about a leg, if there is one."""
    mine = (leg_report.c.booking_id == booking_id, leg_report.c.leg_id == leg_id)
    row = (await tx.execute(select(leg_report).where(*mine))).mappings().one_or_none()
    return None if row is None else _report(row)


async def list_reports(tx: AsyncConnection, booking_ids: list[str]) -> list[LegReport]:
    """All reports about the legs of these bookings."""
    query = select(leg_report).where(leg_report.c.booking_id.in_(booking_ids))
    return [_report(row) for row in (await tx.execute(query)).mappings()]


async def list_open_reports(tx: AsyncConnection) -> list[LegReport]:
    """What a person is to look at, the oldest first; at most 500."""
    query = select(leg_report).where(leg_report.c.open).order_by(leg_report.c.reported_at)
    return [_report(row) for row in (await tx.execute(query.limit(500))).mappings()]


async def close_report(tx: AsyncConnection, booking_id: str, leg_id: str) -> bool:
    """Take a report off the list of staff; False when it is not on it."""
    done = await tx.execute(
        update(leg_report)
        .where(
            leg_report.c.booking_id == booking_id,
            leg_report.c.leg_id == leg_id,
            leg_report.c.open,
        )
        .values(open=False)
    )
    return done.rowcount == 1


async def count_reports(tx: AsyncConnection, rider_id: str, since: datetime) -> int:
    """How much a rider has reported since then.

    Rides that we ended by ourselves are no reports, nor is what was rebooked.
    """
    found = await tx.scalar(
        select(func.count())
        .select_from(leg_report)
        .where(
            leg_report.c.rider_id == rider_id,
            leg_report.c.reported_at > since,
            leg_report.c.outcome != Outcome.ENDED_BY_US,
            leg_report.c.kind != Kind.REBOOKED,
        )
    )
    return int(found or 0)


_KEEP = update(leg_report).where(
    leg_report.c.booking_id == bindparam("of_booking"), leg_report.c.leg_id == bindparam("of_leg")
)


async def record_seen(
    tx: AsyncConnection,
    booking_id: str,
    leg_id: str,
    found: Reservation | None,
    now: datetime,
    *,
    asked: tuple[Ask, AskState, str | None] | None = None,
) -> bool:
    """Keep what a provider answered about a leg, where something was reported of it.

    Returns:
        Whether there was something to keep it by.
    """
    values: dict[str, object] = {}
    if asked is not None:
        values |= {"asked": asked[0], "answer": asked[1], "answer_error": asked[2]}
        if asked[1] is AskState.REFUSED:
            values["open"] = True
    if found is not None:
        values |= {"seen": found.state, "seen_at": now}
    if not values:
        return False
    kept = await tx.execute(_KEEP, {"of_booking": booking_id, "of_leg": leg_id, **values})
    return kept.rowcount > 0


async def void(tx: AsyncConnection, booking_id: str, leg_id: str, now: datetime) -> None:
    """Make a ticket worthless, and free whatever its provider says of it."""
    await void_tickets(tx, booking_id, now, leg_id=leg_id)
    mine = (leg.c.booking_id == booking_id, leg.c.id == leg_id)
    await tx.execute(update(leg).where(*mine).values(final_minor=0, access_code=None))


async def end_voided(tx: AsyncConnection, booking_id: str, leg_id: str, now: datetime) -> None:
    """End a leg whose ticket was voided for a report, and that its provider does not take back."""
    voided = (leg.c.access_code.is_(None), leg.c.final_minor == 0, ~leg.c.scarce)
    await tx.execute(
        update(leg)
        .where(leg.c.booking_id == booking_id, leg.c.id == leg_id, *voided)
        .values(
            state=LegState.ENDED,
            ended_at=now,
            claimed_minor=leg.c.quoted_minor,
            price_lines=[WAIVED],
            co2_grams=0,
        )
    )


async def find_minutes(tx: AsyncConnection, booking_id: str, leg_id: str) -> int | None:
    """After how many minutes we wanted a ride to end, begun ones whole; None: it might go on."""
    columns = select(leg.c.started_at, leg.c.end_by)
    mine = (leg.c.booking_id == booking_id, leg.c.id == leg_id)
    row = (await tx.execute(columns.where(*mine))).one()
    if row.end_by is None or row.started_at is None:
        return None
    begun: int = -((row.started_at - row.end_by) // timedelta(minutes=1))
    return max(0, begun)


async def find_waiver(
    tx: AsyncConnection, booking_id: str, leg_id: str, ride: RideReport
) -> Money | None:
    """What a ride costs because of a report about it; None where that changes nothing.

    A ride that went further than ``FREE_METRES``, or lasted longer than ``FREE_AFTER_MINUTES``
    beyond the report (some meters give no metres), is charged after all and a case for staff.
    """
    report = await find_report(tx, booking_id, leg_id)
    if report is None or report.outcome not in (Outcome.FREE, Outcome.GIVEN_BACK):
        return None
    far = ride.usage.metres > FREE_METRES
    until = await find_minutes(tx, booking_id, leg_id) or 0
    if far or ride.usage.minutes > until + FREE_AFTER_MINUTES:
        await tx.execute(
            update(leg_report)
            .where(leg_report.c.booking_id == booking_id, leg_report.c.leg_id == leg_id)
            .values(outcome=Outcome.CHARGED, open=True)
        )
        this = (leg.c.booking_id == booking_id, leg.c.id == leg_id)
        if far:
            await tx.execute(update(leg).where(*this).values(end_by=None))
        return None
    return Money.zero(ride.price.currency)
