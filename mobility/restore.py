"""Rebuild what a restore from a backup lost, from what the processor and the operators still hold.

What the database knows is brought up to date booking by booking (``booking.catch_up``). What it
does not know is not invented: holds are let go, money goes back but for what a ride cost, and
whatever that leaves is a case for a person. Run again, it changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP, NoRestError
from mobility.booking.catch_up import catch_up, catch_up_collections, catch_up_debt
from mobility.booking.desk import Desk
from mobility.booking.found_rebates import take_over_rebates
from mobility.booking.moves import OVER
from mobility.db import transaction
from mobility.ids import leg_id
from mobility.tables import booking, leg
from payments.cases import file_lost, list_cases
from payments.errors import PaymentError
from payments.gateway import FoundHold
from payments.matching import Case, CaseKind
from payments.money import EUR, Money
from payments.payment import find_payment
from payments.rebuild import Used, find_paid_for, settle_lost
from payments.reconcile import reconcile
from payments.tables import journal, payment
from providers.errors import ProviderError, RefusedError
from providers.values import Kept, ProviderId, ReservationState

log = logging.getLogger(__name__)

MARGIN = timedelta(hours=1)
"""How much before the backup the other sides are read: clocks differ, and a list may lag."""
MOST_LEGS = 20
"""More legs than any booking has."""
_HELD = (ReservationState.HELD, ReservationState.CONFIRMED)
_RIDDEN = (ReservationState.IN_USE, ReservationState.ENDED)
Orphans = Mapping[str, tuple[ProviderId, Kept]]


@dataclass(frozen=True, slots=True)
class Gap:
    """What the other sides hold and the database does not know, and what it has still to do."""

    since: datetime
    open_bookings: tuple[tuple[str, str], ...]
    """Each with its payment, in the order in which they were made."""
    holds: Mapping[str, FoundHold]
    """All holds of ours since then, by the payment they are of."""
    known: frozenset[str]
    """The bookings among theirs that the database has."""
    orphans: Orphans
    """What operators keep under keys that no leg has, by key."""
    unread: tuple[str, ...]
    """Which sides could not be read, and why."""
    blind: bool = False
    """Whether one of them has a list, so that reading it later tells what was ridden."""

    @property
    def lost(self) -> list[FoundHold]:
        """The holds of bookings that the database does not have."""
        return [each for each in self.holds.values() if each.booking_id not in self.known]


@dataclass(slots=True)
class Report:
    """What was done, and what is left to a person."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


async def find_gap(desk: Desk, backup_at: datetime) -> Gap:
    """Read what the processor and the operators hold since the backup; changes nothing.

    Raises:
        PaymentError: the processor cannot be read now.
    """
    async with transaction(desk.engine) as tx:
        since = min([backup_at, *await _list_latest(tx)]) - MARGIN
    holds = await desk.gateway.list_holds(since=since)
    kept: dict[str, tuple[ProviderId, Kept]] = {}
    unread, blind = [], False
    for provider_id, provider in desk.providers.items():
        try:
            kept |= {each.key: (provider_id, each) for each in await provider.list_kept(since)}
        except ProviderError as error:
            unread.append(f"what {provider_id} holds could not be listed: {error.detail}")
            blind = blind or not isinstance(error, RefusedError)
    async with transaction(desk.engine) as tx:
        ids = {each.booking_id for each in holds}
        known = set(await tx.scalars(select(booking.c.id).where(booking.c.id.in_(ids))))
        of_legs = set(await tx.scalars(select(leg.c.order_key).where(leg.c.order_key.in_(kept))))
        rows = await tx.execute(
            select(booking.c.id, booking.c.payment_id)
            .where(booking.c.state.not_in(OVER))
            .order_by(booking.c.created_at, booking.c.id)
        )
        open_bookings = tuple((row.id, row.payment_id) for row in rows)
    return Gap(
        since=since,
        open_bookings=open_bookings,
        holds={each.payment_id: each for each in holds},
        known=frozenset(known),
        orphans={key: each for key, each in kept.items() if key not in of_legs},
        unread=tuple(unread),
        blind=blind,
    )


async def _list_latest(tx: AsyncConnection) -> list[datetime]:
    """When something was last recorded: no backup is older than what it holds."""
    columns = (booking.c.created_at, payment.c.updated_at, journal.c.recorded_at)
    found = [await tx.scalar(select(func.max(column))) for column in columns]
    return [max(each for each in found if each is not None)] if any(found) else []


def describe(gap: Gap) -> list[str]:
    """What rebuilding would do, a line for each thing."""
    lines = [f"{len(gap.open_bookings)} bookings that are not over would be read and go on"]
    lines += [f"{each.booking_id}: lost; {each.hold.id} is {each.hold.state}" for each in gap.lost]
    lines += [
        f"{provider_id} {key}: of no leg; it is {kept.state} there"
        for key, (provider_id, kept) in gap.orphans.items()
        if kept.state in _HELD + _RIDDEN
    ]
    return lines


async def rebuild(desk: Desk, gap: Gap) -> Report:
    """Close the gap as far as that is certain; what is not becomes a case.

    Raises:
        PaymentError: the processor cannot be read now; run it again.
    """
    report = Report(left=list(gap.unread))
    not_read = set()
    for booking_id, payment_id in gap.open_bookings:
        going_on = _go_on(desk, booking_id, payment_id, gap.holds.get(payment_id))
        if await _try(report, f"booking {booking_id}", going_on):
            report.done.append(f"booking {booking_id} read and brought up to date")
        else:
            not_read.add(booking_id)
    await reconcile(desk.engine, desk.gateway, now=desk.clock())
    cases = []
    for found in await _settle_debts(desk, gap, not_read, report):
        cases += await _settle_lost(desk, gap, found, report)
    await _try(report, "what was given back at our expense", _take_over_rebates(desk, report))
    for provider_id, kept in gap.orphans.values():
        cases += await _let_go(desk, provider_id, kept, report)
    run = await reconcile(desk.engine, desk.gateway, now=desk.clock())
    async with transaction(desk.engine) as tx:
        await file_lost(tx, run.id, cases, desk.clock())
        for filed in await list_cases(tx, limit=1000):
            report.left.append(f"{filed.case.kind} {filed.case.subject}: {filed.case.explanation}")
    return report


async def _try(report: Report, what: str, doing: Awaitable[object]) -> bool:
    """Do one thing; if it cannot be done now the others go on, and it is left."""
    try:
        await doing
    except (ProviderError, PaymentError, NoRestError, ValueError) as error:
        log.warning("%s is left: %s", what, error)
        report.left.append(f"{what}: {error}")
        return False
    return True


async def _go_on(desk: Desk, booking_id: str, payment_id: str, found: FoundHold | None) -> None:
    look_at = await catch_up(desk, booking_id, payment_id, found)
    async with transaction(desk.engine) as tx:
        run_at = look_at or desk.clock()
        await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=run_at)


async def _settle_debts(
    desk: Desk, gap: Gap, not_read: Collection[str], report: Report
) -> Sequence[FoundHold]:
    """Read the charges for debts, the first attempts first; returns the holds that are of nothing.

    A booking that could not be read keeps its hold, and what was charged for a debt that reading
    it may show: it is still to be read.
    """
    rest = []
    waiting = {payment_id for _, payment_id in gap.open_bookings}
    for found in sorted(gap.holds.values(), key=lambda each: (each.created_at, each.payment_id)):
        if found.booking_id not in gap.known:
            rest.append(found)
            continue
        async with transaction(desk.engine) as tx:
            is_known = await find_payment(tx, found.payment_id) is not None
        if is_known or found.payment_id in waiting or found.booking_id in not_read:
            continue
        try:
            if not await catch_up_debt(desk, found):
                rest.append(found)
        except PaymentError as error:
            report.left.append(f"charge {found.payment_id}: {error}")
    await _try(report, "charges under way", catch_up_collections(desk))
    return rest


async def _take_over_rebates(desk: Desk, report: Report) -> None:
    report.done += await take_over_rebates(desk)


def _rides(gap: Gap, booking_id: str) -> list[tuple[ProviderId, Kept]]:
    """What operators tell of the legs of a lost booking, which no leg of ours names."""
    keys = (leg_id(booking_id, position) for position in range(MOST_LEGS))
    return [gap.orphans[key] for key in keys if key in gap.orphans]


async def _settle_lost(desk: Desk, gap: Gap, found: FoundHold, report: Report) -> list[Case]:
    """End the payment of a lost booking; the cases that it leaves."""
    if gap.blind and found.hold.captured:
        report.left.append(
            f"{found.hold.id} of {found.booking_id}, which is lost: {found.hold.captured} stays "
            "taken until every operator is read"
        )
        return []
    rides = [] if found.booking_id in gap.known else _rides(gap, found.booking_id)
    used = [
        Used(provider_id, kept.key, kept.price)
        for provider_id, kept in rides
        if kept.price is not None and kept.state is ReservationState.ENDED
    ]
    try:
        ended = await settle_lost(
            desk.engine, desk.gateway, found, used, return_url=desk.return_url, now=desk.clock()
        )
    except PaymentError as error:
        report.left.append(f"{found.hold.id} of {found.booking_id}, which is lost: {error}")
        return []
    report.done.append(f"{found.booking_id}: lost; {ended}")
    if not ended.kept and not ended.unused:
        return []
    names = ", ".join(f"{each.provider_id} {each.leg_id} for {each.price}" for each in used)
    told = f"{ended.kept} kept for {names or 'no ride'}; {ended.unused} could not be given back"
    return [
        Case(
            CaseKind.LOST_BOOKING,
            found.payment_id,
            ended.kept + ended.unused,
            f"customer {found.customer_ref} paid for a booking that a restore lost: {told}",
            found.booking_id,
        )
    ]


async def _let_go(desk: Desk, provider_id: ProviderId, kept: Kept, report: Report) -> list[Case]:
    """Cancel what an operator keeps under a key of no leg; a ride is a person's case."""
    state = kept.state
    if state in _HELD:
        try:
            state = await desk.providers[provider_id].let_go(kept.key)
        except ProviderError as error:
            report.left.append(f"{provider_id} {kept.key} is {state} and not let go: {error}")
            return []
        report.done.append(f"{provider_id} {kept.key}: of no leg; let go, it is {state} there")
    if state not in _HELD + _RIDDEN:
        return []
    price = kept.price or Money.zero(EUR)
    async with transaction(desk.engine) as tx:
        paid = await find_paid_for(tx, kept.key, price.currency)
    if state is ReservationState.ENDED and paid == price:
        return []
    told = f"it asks for {price}, of which {paid} was taken" if kept.price else "no price is told"
    return [
        Case(
            CaseKind.LOST_RIDE,
            kept.key,
            paid - price,
            f"{provider_id} has {kept.key} as {state}, of a booking that a restore lost: {told}",
        )
    ]
