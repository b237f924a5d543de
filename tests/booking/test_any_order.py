"""Whatever comes after a trip in whatever order: what was paid, what went back, the books agree.

Trips of one to three persons with a bike below, at or above its hold, a spend ceiling, a rest that
is rebooked, arrears, goodwill and a day's ceiling. ``SEED`` names the first of the
``DAYS`` that are played.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from decimal import Decimal
from random import Random, SystemRandom

import pytest

from mobility.booking.bill_split import split_equally
from mobility.booking.collect import collect, list_owed
from mobility.booking.day_ceiling import cap_day
from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import pay_goodwill
from mobility.booking.queries import get_any_booking
from mobility.booking.rebooked import bear_difference, borne
from mobility.booking.receipt import Receipt, get_receipt
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.cities.city import load_city
from tests.booking.test_arrears import ANNA, pay, payment_of
from tests.booking.test_day_ceiling import CEILING
from tests.booking.test_goodwill import grant
from tests.booking.test_hard_luck import BUS, TicketOffice, changed, do, later, ticket_leg
from tests.booking.test_rebooked import rebook
from tests.booking.world import BIKE, World, bike_leg, offer_of

SEED = int(os.environ.get("SEED", "0")) or SystemRandom().randrange(10**9)
DAYS = int(os.environ.get("DAYS", "6"))


@pytest.mark.parametrize("day", range(DAYS))
async def test_what_was_paid_and_went_back_agrees_in_any_order(world: World, day: int) -> None:
    sys.stdout.write(f"SEED={SEED + day}\n")
    dice = Random(SEED + day)
    ceiling = replace(CEILING, amount=Decimal(dice.choice([100, 333, 777])) / 100)
    providers = {**world.desk.providers, BUS: TicketOffice(BUS)}
    town = changed(world, providers=providers, day_ceilings=(ceiling,))
    persons = dice.choice([1, 1, 2, 3])
    trips = await ridden(town, dice, persons)
    tonight = later(town, hours=2)
    for trip in trips:
        await tonight.advance(trip)
    settle = [(kind, trip) for trip in trips for kind in ("cap", "bear")]
    asked = settle + [("pay", trip) for trip in trips]
    granted = [("grant", trip) for trip in trips if dice.random() < 0.5]
    asked += granted
    dice.shuffle(asked)
    for kind, trip in [*asked, *settle]:
        await follow(tonight, dice, kind, trip)
    kept, cost = 0, 0
    for trip in trips:
        record = await do(town, lambda tx, of=trip: get_any_booking(tx, of))  # type: ignore[misc]
        receipt = await do(town, lambda tx, of=record: get_receipt(tx, of, load_city("luebeck")))  # type: ignore[misc]
        paid = check(receipt)
        of = await town.trip(trip)
        assert of.locked is None or paid <= of.locked.minor
        cost += (of.final - receipt.too_little).minor
        cost -= 0 if of.locked is None else borne(of.final, of.ceiling, of.locked).minor
        kept += paid
    books = await town.books()
    assert (sum(books.values()), books["processor:EUR"]) == (0, kept)
    most = cost if persons > 1 else min(cost, int(ceiling.amount * 100))
    assert kept <= most if granted else kept == most


async def ridden(town: World, dice: Random, persons: int) -> list[str]:
    """A trip by two buses, perhaps after a bike, and perhaps one in place of its last bus."""
    hold = dice.choice([0, 0, 200, 460, 900])
    bike = [bike_leg(price=100, ceiling=hold)] if hold else []
    buses = [ticket_leg(BUS, dice.randint(51, 700), minutes) for minutes in (5, 15)]
    offer = replace(offer_of(*bike, *buses), passengers=persons)
    quoted = sum(leg.quote.price.minor for leg in offer.legs if leg.quote)
    spend = dice.choice([None, quoted + 70]) if bike else None
    trips = [await town.book(offer, spend_ceiling=spend)]
    await town.advance(trips[0])
    legs = (await town.trip(trips[0])).legs
    if bike:
        await do(town, lambda tx: ask_to_start(tx, trips[0], legs[0].id, town.desk.clock()))
        await town.advance(trips[0])
    if dice.random() < 0.6:
        instead = ticket_leg(BUS, dice.randint(51, 900), 50)
        trips.append(await rebook(town, trips[0], len(legs) - 1, instead))
        for trip in reversed(trips):
            await town.advance(trip)
    if bike:
        town.operators[BIKE].ride(dice.choice([20, 120]), 3000)
        await do(town, lambda tx: ask_to_finish(tx, trips[0], legs[0].id, town.desk.clock()))
        await town.advance(trips[0])
    return trips


async def follow(town: World, dice: Random, kind: str, trip: str) -> None:
    """One of the things that come after a trip; staff grants nothing where it cannot."""
    if kind == "cap":
        await cap_day(town.desk, trip)
    elif kind == "bear":
        await bear_difference(town.desk, trip)
    elif kind == "grant":
        leg = dice.choice((await town.trip(trip)).legs)
        try:
            await grant(town, trip, leg.id, dice.choice([None, 30, 120]))
        except WrongStateError:
            return
        await pay_goodwill(town.desk, trip)
    elif await do(town, lambda tx: list_owed(tx, ANNA, booking_id=trip)):
        await collect(town.desk, await payment_of(town, trip))
        (owed,) = await do(town, lambda tx: list_owed(tx, ANNA, booking_id=trip))
        if owed.debt.is_due:
            await pay(town, trip)


def check(receipt: Receipt) -> int:
    """What a trip cost its rider in the end, in cents; its shares add up to it, rate by rate."""
    taken = {"charge", "later_charge"}
    moved = [each.amount.minor * (1 if each.kind in taken else -1) for each in receipt.movements]
    paid = receipt.paid.minor
    assert sum(moved) == (receipt.captured - receipt.refunded).minor == paid
    assert receipt.outstanding == receipt.too_little
    for persons in (1, 2, 3) if paid else ():
        shares = split_equally(receipt, ["x"] * persons)
        assert sum(share.amount.minor for share in shares) == paid
        for share in shares:
            assert sum(rate.gross.minor for rate in share.rates) == share.amount.minor
            assert all(0 <= rate.vat.minor <= rate.gross.minor for rate in share.rates)
    return paid
