"""What a rider's day costs at most over all modes, where the city's data says so; we bear the rest.

A trip is charged by its tariffs and paid to its providers. When it is settled, what the day's trips
cost together beyond the ceiling goes back on its payment. It depends on no order: whatever trip is
settled last gives back what is then beyond. What staff grants of a leg comes off beside it. Trips
of several persons do not count: it is one rider's day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking import rebates
from mobility.booking.desk import Desk
from mobility.booking.rebooked import borne
from mobility.booking.trip import Aim, BookingState, LegState
from mobility.booking.trips import get_trip
from mobility.cities.facts import DayCeiling
from mobility.db import transaction
from mobility.tables import booking, day_rebate, leg
from payments.debt import never_paid
from payments.money import Money
from payments.refund import REBATE

STEP = "cap_day"
KEY = "day_ceiling"
LONGEST_TRIP = timedelta(days=2)
"""How long before a day a trip may have begun that goes on in it."""
_BEGUN = case(
    (leg.c.scarce, func.coalesce(leg.c.started_at, leg.c.departs_at)), else_=leg.c.departs_at
)
"""When a ride began; one on a ticket by its timetable, whenever its rider tapped."""


async def ask_to_cap(tx: AsyncConnection, desk: Desk, booking_id: str, now: datetime) -> None:
    """Ask for the day's ceiling to be held to, once a trip is settled; nothing where none is."""
    if desk.day_ceilings:
        await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=now)


async def cap_day(desk: Desk, booking_id: str) -> datetime | None:
    """Give back what a settled trip's day cost beyond its ceiling, once.

    Returns:
        When to look again, or None when nothing is left to do.

    Raises:
        PaymentStuckError: the processor refuses it; asked again, it is asked once more.
    """
    async with transaction(desk.engine) as tx:
        await _prepare(tx, desk, booking_id)
    return await rebates.make_refunds(desk, booking_id, REBATE)


async def _prepare(tx: AsyncConnection, desk: Desk, booking_id: str) -> None:
    row = (await tx.execute(select(booking).where(booking.c.id == booking_id))).one()
    await _lock_days(tx, row.rider_id)
    charged = await rebates.list_charged(tx, row.payment_id)
    if row.state != BookingState.SETTLED or not charged:
        return
    days = await _list_days(tx, desk.day_ceilings, booking_id)
    beyond = await _list_beyond(tx, days, row.rider_id, row.currency)
    total = Money.total(beyond.values(), row.currency)
    known = await tx.scalar(select(func.count()).where(day_rebate.c.booking_id == booking_id))
    if not total or known:
        return
    most = min(total, await _find_cost(tx, booking_id))
    left = await rebates.prepare_refunds(
        tx, charged, most, reason=REBATE, key=KEY, now=desk.clock()
    )
    await _note(tx, booking_id, row.rider_id, _share(beyond, left))


async def _find_cost(tx: AsyncConnection, booking_id: str) -> Money:
    """What a trip costs its rider: what it was charged beyond a locked price goes back by itself.

    Were that spent on a rebate, which another trip of the day can give, it would go back once.
    """
    trip = await get_trip(tx, booking_id)
    of = booking.c.id == booking_id
    unpaid = select(never_paid(booking.c.payment_id, trip.final.currency)).where(of)
    final = trip.final - Money(int(await tx.scalar(unpaid) or 0), trip.final.currency)
    if trip.locked is None:
        return final
    return final - borne(trip.final, trip.ceiling, trip.locked)


def _share(beyond: Mapping[date, Money], given: Money) -> dict[date, Money]:
    """How much of what is given back is for which day, the first days first."""
    parts = {}
    for day, amount in beyond.items():
        parts[day] = min(amount, given)
        given -= parts[day]
    return parts


async def _note(
    tx: AsyncConnection, booking_id: str, rider_id: str, parts: Mapping[date, Money]
) -> None:
    for day, part in parts.items():
        if not part:
            continue
        row = insert(day_rebate).values(
            booking_id=booking_id, day=day, rider_id=rider_id, amount_minor=part.minor
        )
        more = {"amount_minor": day_rebate.c.amount_minor + row.excluded.amount_minor}
        await tx.execute(row.on_conflict_do_update(constraint=day_rebate.primary_key, set_=more))


async def note_found(tx: AsyncConnection, desk: Desk, booking_id: str, given: Money) -> None:
    """Note a rebate that was made before a restore: of the days that are beyond their ceilings.

    What cannot be told any more, as a trip of that day is not settled yet, is of the trip's first.
    """
    rider_id = await tx.scalar(select(booking.c.rider_id).where(booking.c.id == booking_id))
    days = await _list_days(tx, desk.day_ceilings, booking_id)
    if not days:
        return
    await _lock_days(tx, str(rider_id))
    beyond = await _list_beyond(tx, days, str(rider_id), given.currency)
    parts = _share(beyond, given)
    first = next(iter(days))
    rest = given - Money.total(parts.values(), given.currency)
    parts[first] = parts.get(first, Money.zero(given.currency)) + rest
    await _note(tx, booking_id, str(rider_id), parts)


async def _lock_days(tx: AsyncConnection, rider_id: str) -> None:
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(rider_id, 0))))


async def _list_days(
    tx: AsyncConnection, ceilings: tuple[DayCeiling, ...], booking_id: str
) -> dict[date, DayCeiling]:
    """The days on which a trip's rides began that have a ceiling, in the order of time."""
    mine = select(_BEGUN).where(leg.c.booking_id == booking_id, leg.c.state == LegState.ENDED)
    found: dict[date, DayCeiling] = {}
    for at in await tx.scalars(mine.order_by(_BEGUN)):
        for ceiling in ceilings:
            day = ceiling.find_day(at)
            if day is not None and day not in found:
                found[day] = ceiling
                break
    return found


async def _list_beyond(
    tx: AsyncConnection, days: Mapping[date, DayCeiling], rider_id: str, currency: str
) -> Mapping[date, Money]:
    """What days cost beyond their ceilings and was not given back, by day."""
    found = {}
    for day, ceiling in days.items():
        costs = await list_costs(tx, ceiling, rider_id, day, currency)
        found[day] = costs.get(day, Money(0, currency)) - Money.of_major(ceiling.amount, currency)
    return {day: amount for day, amount in found.items() if amount.minor > 0}


async def list_costs(
    tx: AsyncConnection, ceiling: DayCeiling, rider_id: str, since: date, currency: str
) -> dict[date, Money]:
    """What a rider's settled trips of each day from one on cost, less the rebates of that day.

    What staff or a carrier gave back of a leg counts as paid: it would lower the rebate where it
    comes first, and not where it comes last. What is too little to be charged costs nobody
    anything. Of a trip on two days that was rebooked at a locked price, or of which so little is
    owed, the first day's rides cost theirs.
    """
    day = func.date(func.timezone(ceiling.day_zone, _BEGUN))
    days = (
        select(
            booking.c.id,
            day.label("day"),
            func.sum(func.coalesce(leg.c.final_minor, leg.c.quoted_minor)).label("used"),
            booking.c.ceiling_minor,
            booking.c.locked_minor,
            never_paid(booking.c.payment_id, currency).label("unpaid"),
        )
        .join(booking, booking.c.id == leg.c.booking_id)
        .where(
            booking.c.rider_id == rider_id,
            booking.c.state == BookingState.SETTLED,
            booking.c.aim == Aim.TRAVEL,
            booking.c.passengers == 1,
            leg.c.state == LegState.ENDED,
            leg.c.provider_id.is_not(None),
            day >= since - LONGEST_TRIP,
        )
        .group_by(booking.c.id, "day")
        .subquery()
    )
    whole = func.sum(days.c.used).over(partition_by=days.c.id)
    until = func.sum(days.c.used).over(partition_by=days.c.id, order_by=days.c.day)
    borne = func.least(whole, days.c.ceiling_minor) - days.c.locked_minor  # when rebooked
    paid = whole - func.greatest(func.coalesce(borne, 0), 0) - days.c.unpaid
    cost = func.least(until, paid) - func.least(until - days.c.used, paid)
    trips = select(days.c.day, cost.label("cost")).subquery()
    given = select(day_rebate.c.day, -day_rebate.c.amount_minor).where(
        day_rebate.c.rider_id == rider_id, day_rebate.c.day >= since
    )
    costs: dict[date, Money] = {}
    for query in (select(trips).where(trips.c.day >= since), given):
        for on, minor in await tx.execute(query):
            costs[on] = costs.get(on, Money(0, currency)) + Money(int(minor), currency)
    return costs
