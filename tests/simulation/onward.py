"""A bus does not come, or a connection is missed: another booking for the rest of the way.

Between looking and booking anything may happen, the cancellation of what is rebooked included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.errors import AlreadyRebookedError, WrongStateError
from mobility.booking.leg_reports import Kind
from mobility.booking.moves import OVER
from mobility.booking.queries import get_any_booking
from mobility.booking.rebooked import (
    STANDS,
    Rebooks,
    borne,
    find_deadline,
    find_successor,
    list_given_up,
    lock_price,
)
from mobility.booking.trip import Aim, BookingState, LegState, Trip, TripLeg
from mobility.booking.trips import get_trip, lock_booking
from mobility.db import transaction
from mobility.planning.offer import InPlaceOf, Offer
from mobility.rebooking.disturbance import find_reported
from mobility.tables import booking, leg_report
from payments.debt import list_debts
from payments.money import Money
from payments.operation import OperationKind, OperationState
from payments.refund import NOT_AGAIN, REBOOKING
from payments.tables import debt, entry, money_operation, payment
from tests.simulation.offers import carrying, rides_on
from tests.simulation.world import Process, World

MOST_BORNE = 1000
"""The city's ``rebooking_costs_most``, in cents."""


@dataclass(frozen=True)
class Way:
    """What a rider was shown: another way to go on from one of her legs."""

    offer: Offer
    method: str


def list_going(trip: Trip) -> list[str]:
    """The legs from which a trip may be disturbed: booked, and nothing from there on is used."""
    return [
        leg.id
        for number, leg in enumerate(trip.provided)
        if (leg.issued or leg.state is LegState.CONFIRMED)
        and not any(_is_aboard(each) for each in trip.provided[number:])
    ]


def _is_aboard(leg: TripLeg) -> bool:
    begun = leg.issued and leg.started_at is not None
    return leg.ridden or (begun and leg.started_at >= leg.departs_at)


async def _find_reported(tx: AsyncConnection, trip: Trip, now: datetime) -> tuple[str, ...]:
    """The legs that the rider could not use and may rebook from the first, as the API finds it."""
    over = (BookingState.SETTLED, BookingState.CANCELLED)
    if trip.aim not in (Aim.TRAVEL, Aim.CANCEL) or trip.state not in (*STANDS[:2], *over):
        return ()
    found = find_reported((await get_any_booking(tx, trip.id)).legs, now)
    return () if found is None else found.reported


def _lock(trip: Trip, leg_id: str, reported: tuple[str, ...]) -> Money:
    unusable = [leg for leg in trip.provided if leg.id in reported]
    return lock_price(trip, list_given_up(trip, leg_id), unusable)


def _refuse_over(trip: Trip) -> None:
    if trip.aim is not Aim.TRAVEL or trip.state not in STANDS[:2]:
        raise WrongStateError(f"there is nothing to rebook of {trip.id}")


async def look_on(world: World, chance: Random, number: int, method: str) -> Way | None:
    """A rider of one of the bookings is told that it cannot be made, and looks for another way.

    She who has reported a leg herself looks before others do.
    """
    trips = await world.trips()
    async with world.engine.begin() as tx:
        reported = [(trip, await _find_reported(tx, trip, world.clock.now)) for trip in trips]
    going = [(trip, legs[0], legs) for trip, legs in reported if legs] or [
        (trip, leg_id, ())
        for trip in trips
        if trip.state in STANDS[:2]
        for leg_id in list_going(trip)
    ]
    if not going:
        return None
    trip, leg_id, unusable = chance.choice(going)
    locked = _lock(trip, leg_id, unusable)
    offered = carrying(rides_on(world.clock.now, chance), trip.passengers)
    if offered.ceiling.minor > locked.minor + MOST_BORNE:
        return None
    meant = InPlaceOf(trip.id, leg_id)
    return Way(replace(offered, id=f"off_on_{number}", in_place_of=meant), method)


async def go_on(world: World, process: Process, way: Way) -> None:
    """Book it, if it still is a way to go on.

    Raises:
        BookingError: it is none any more.
    """
    meant = way.offer.in_place_of
    assert meant is not None
    async with transaction(process.desk.engine) as tx:
        if await tx.scalar(select(booking.c.id).where(booking.c.offer_id == way.offer.id)):
            return
        await lock_booking(tx, meant.booking_id)
        trip = await get_trip(tx, meant.booking_id)
        successor = await find_successor(tx, trip.id)
        if successor is not None:
            raise AlreadyRebookedError(trip.id, successor.booking_id)
        reported = await _find_reported(tx, trip, world.clock.now)
        if reported[:1] != (meant.leg_id,):
            reported = ()
            _refuse_over(trip)
            if meant.leg_id not in list_going(trip):
                raise WrongStateError(f"nothing is wrong any more with {meant.leg_id}")
        given_up = list_given_up(trip, meant.leg_id)
        locked = _lock(trip, meant.leg_id, reported)
        if not (given_up or reported) or way.offer.ceiling.minor > locked.minor + MOST_BORNE:
            raise WrongStateError(f"less of {trip.id} is given up now")
        first = next(leg for leg in trip.provided if leg.id == meant.leg_id)
        certain_by = find_deadline(given_up, first, by_word=bool(reported))
        await prepare_booking(
            tx,
            BookingRequest(
                trip.rider_id, way.offer, way.method, None, lambda _terms: (),
                rebooks=Rebooks(trip.id, meant.leg_id, locked, certain_by),
            ),
            lambda id_: ProviderTerms(process.desk.providers[id_], Decimal(8)),
            hold=timedelta(minutes=10),
            now=world.clock.now,
        )  # fmt: skip


async def list_torn(world: World) -> list[str]:
    """Where there are both, or neither, of a booking and of what takes its place: at any moment."""
    async with world.engine.begin() as tx:
        rows = (
            await tx.execute(
                select(booking.c.id, booking.c.rebooked_from, booking.c.rebooked_leg_id).where(
                    booking.c.rebooked_from.is_not(None)
                )
            )
        ).all()
        given_up = set(
            await tx.scalars(
                select(leg_report.c.booking_id).where(leg_report.c.kind == Kind.REBOOKED)
            )
        )
        trips = {id_: await get_trip(tx, id_) for row in rows for id_ in row[:2]}
    torn = []
    for row in rows:
        new, old = trips[row.id], trips[row.rebooked_from]
        stands = new.aim is Aim.TRAVEL and new.state in STANDS
        goes_on = old.aim is Aim.TRAVEL and old.state not in OVER
        both = list_given_up(old, row.rebooked_leg_id) if stands and goes_on else []
        torn += [f"both {leg.id} and {new.id}" for leg in both]
    served = {row.rebooked_from for row in rows if trips[row.id].aim is not Aim.FAIL}
    return torn + [f"neither the rest of {id_} nor another" for id_ in given_up - served]


async def list_unborne(world: World) -> list[str]:
    """Where a rider pays more for the rest of her way than was locked, or we bear too much."""
    breaks, borne_by_us = [], 0
    for trip in await world.trips():
        borne_by_us += await get_back(world, trip.id)
        back = await get_back(world, trip.id, otherwise=True)
        due = 0
        if trip.locked is not None and trip.state is BookingState.SETTLED:
            due = borne(trip.final, trip.ceiling, trip.locked).minor
        if await owes(world, trip):
            due = min(due, back)
        if back != due:
            breaks.append(f"{back} of {due} ct went back for the way that {trip.id} rebooks")
    async with world.engine.begin() as tx:
        costs = select(entry.c.amount_minor).where(entry.c.account_code == "rebooking_costs:EUR")
        booked = sum(await tx.scalars(costs))
    if booked != borne_by_us:
        breaks.append(f"rebookings cost us {booked} ct by the ledger, and {borne_by_us} went back")
    return breaks


async def get_back(
    world: World, booking_id: str, reason: str = REBOOKING, *, otherwise: bool = False
) -> int:
    """What went back to a rider, for the price that was locked or another reason, in cents.

    ``otherwise``: with what a person pays, as the processor refused it or it came back.
    """
    made = money_operation.c.state == OperationState.DONE
    by_hand = money_operation.c.error_code.in_(NOT_AGAIN)
    async with world.engine.begin() as tx:
        amounts = await tx.scalars(
            select(money_operation.c.amount_minor)
            .join(payment, payment.c.id == money_operation.c.payment_id)
            .where(
                payment.c.booking_id == booking_id,
                money_operation.c.kind == OperationKind.REFUND,
                money_operation.c.reason == reason,
                or_(made, by_hand) if otherwise else made,
            )
        )
        return sum(amounts)


async def get_outstanding(world: World, booking_id: str) -> int:
    """What a rider has not paid of what she owes for a booking, in cents."""
    async with world.engine.begin() as tx:
        left = func.coalesce(func.sum(debt.c.amount_minor - debt.c.paid_minor), 0)
        return int(await tx.scalar(select(left).where(debt.c.booking_id == booking_id)) or 0)


async def owes(world: World, trip: Trip) -> bool:
    """Whether something of a trip is still to be paid."""
    async with world.engine.begin() as tx:
        mine = await tx.scalar(select(booking.c.payment_id).where(booking.c.id == trip.id))
        return any(each.is_due for each in await list_debts(tx, [str(mine)]))
