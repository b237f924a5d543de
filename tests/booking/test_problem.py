"""A vehicle is missing or broken, a bus leaves a wheelchair behind: who pays, and who knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mobility.booking.errors import WrongStateError
from mobility.booking.leg_reports import Kind, LegReport, Outcome, find_report
from mobility.booking.longest import CAPPED
from mobility.booking.problem import Problem, judge, report_problem
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import Ask, TripLeg
from mobility.db import transaction
from mobility.tables import leg
from tests.booking.test_hard_luck import FERRY, city, do, later, ticket_leg
from tests.booking.trips import NOON, asked, trip_of
from tests.booking.world import BIKE, World, bike_leg, car_leg, offer_of

__all__ = ["city"]


def one(text: str, **changes: Any) -> TripLeg:
    return replace(trip_of(text).legs[0], **changes)


@pytest.mark.parametrize(
    ("told", "minutes", "outcome"),
    [
        (one("bike confirmed"), 0, "given_back"),
        (one("bike active", started_at=NOON), 5, "free"),
        (one("bike active", started_at=NOON), 6, "charged"),
        (one("bus confirmed"), -1, "given_back"),
        (one("bus confirmed"), 0, "refunded"),
        (one("bus active"), 3, "refunded"),
        (one("bus active"), 0, "refunded"),
        (one("bus active"), -1, "given_back"),  # begun at home, or it came early
    ],
)
def test_what_follows_depends_on_how_far_the_leg_has_got(
    told: TripLeg, minutes: int, outcome: str
) -> None:
    at = NOON + timedelta(minutes=minutes)
    kind = Kind.VEHICLE_BROKEN if told.scarce else Kind.WHEELCHAIR_REFUSED
    assert judge(told, kind, at, believed=True) == outcome


def test_who_reports_too_much_is_not_believed_but_pays_nothing_for_what_is_unused() -> None:
    riding = one("bike active", started_at=NOON)
    assert judge(riding, Kind.OTHER, NOON, believed=False) is Outcome.CHARGED
    assert judge(one("bike confirmed"), Kind.OTHER, NOON, believed=False) is Outcome.GIVEN_BACK
    bus = one("bus confirmed")
    assert judge(bus, Kind.WHEELCHAIR_REFUSED, NOON, believed=False) is Outcome.NOTED
    assert judge(bus, Kind.VEHICLE_MISSING, NOON, believed=True) is Outcome.NOTED


@pytest.mark.parametrize("state", ["planned", "held", "ended", "cancelled", "failed"])
def test_nothing_is_reported_of_a_leg_that_is_not_hers_yet_or_is_over(state: str) -> None:
    with pytest.raises(WrongStateError):
        judge(one(f"bike {state}"), Kind.OTHER, NOON, believed=True)


def test_nothing_is_reported_while_the_vehicle_is_being_unlocked() -> None:
    starting = one("bike confirmed", asked={Ask.START: asked("sent")})
    with pytest.raises(WrongStateError, match="in a moment"):
        judge(starting, Kind.OTHER, NOON, believed=True)


async def tell(
    world: World, booking_id: str, number: int = 0, kind: str = "vehicle_broken", **more: Any
) -> LegReport:
    trip = await world.trip(booking_id)
    problem = Problem(Kind(kind), **more)
    report = await do(
        world,
        lambda tx: report_problem(
            tx, booking_id, trip.legs[number].id, problem, world.desk.clock()
        ),
    )
    await world.advance(booking_id)
    return report  # type: ignore[no-any-return]


async def riding(world: World, booking_id: str) -> None:
    await world.advance(booking_id)
    first = (await world.trip(booking_id)).legs[0]
    await do(world, lambda tx: ask_to_start(tx, booking_id, first.id, world.desk.clock()))
    await world.advance(booking_id)


async def claims(world: World, booking_id: str) -> list[tuple[int | None, int | None, list[str]]]:
    """Of each leg what its provider asks, what is due, and why."""
    async with transaction(world.desk.engine) as tx:
        rows = await tx.execute(
            leg.select().where(leg.c.booking_id == booking_id).order_by(leg.c.position)
        )
        return [(row.claimed_minor, row.final_minor, row.price_lines) for row in rows]


async def report_of(world: World, booking_id: str) -> LegReport:
    trip = await world.trip(booking_id)
    async with transaction(world.desk.engine) as tx:
        found = await find_report(tx, booking_id, trip.legs[0].id)
    assert found is not None
    return found


async def test_a_bike_that_is_not_there_is_given_back_and_the_trip_costs_nothing(
    world: World,
) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await world.advance(booking_id)
    report = await tell(world, booking_id, kind="vehicle_missing")
    assert (report.outcome, report.open) == (Outcome.GIVEN_BACK, False)
    assert await world.story(booking_id) == "cancelled | bike cancelled | released"
    assert world.holders(BIKE, "hbf-01") == 0
    assert world.money(booking_id) == (0, 0)


@pytest.mark.parametrize(
    ("cancel_rest", "story"),
    [
        (False, "confirmed | bike cancelled, car confirmed | authorised"),
        (True, "cancelled | bike cancelled, car cancelled | released"),
    ],
)
async def test_the_other_legs_go_on_or_not_as_the_rider_asks(
    world: World, cancel_rest: bool, story: str
) -> None:
    booking_id = await world.book(offer_of(bike_leg(), car_leg()))
    await world.advance(booking_id)
    await tell(world, booking_id, cancel_rest=cancel_rest)
    assert await world.story(booking_id) == story


async def test_a_bike_that_breaks_at_once_is_locked_and_charged_nothing(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await riding(world, booking_id)
    world.operators[BIKE].ride(minutes=3, metres=400)
    report = await tell(world, booking_id)
    assert report.outcome is Outcome.FREE
    assert await world.story(booking_id) == "settled | bike ended | released"
    ((claimed, final, lines),) = await claims(world, booking_id)
    assert claimed
    assert (final, lines) == (0, ["gemeldet und nicht berechnet"])
    assert world.money(booking_id) == (0, 0)
    kept = await report_of(world, booking_id)
    assert (kept.asked, kept.answer, kept.seen) == ("finish", "done", "ended")


async def test_a_bike_that_was_ridden_far_is_charged_after_all_and_staff_looks(
    world: World,
) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await riding(world, booking_id)
    world.operators[BIKE].ride(minutes=4, metres=501)
    await tell(world, booking_id)
    ((claimed, final, _),) = await claims(world, booking_id)
    assert claimed == final
    kept = await report_of(world, booking_id)
    assert (kept.outcome, kept.open) == (Outcome.CHARGED, True)


async def test_a_bike_that_breaks_later_is_charged_as_ridden(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await riding(world, booking_id)
    world.operators[BIKE].ride(minutes=9, metres=300)
    report = await tell(later(world, minutes=9), booking_id)
    assert (report.outcome, report.open) == (Outcome.CHARGED, True)
    ((claimed, final, _),) = await claims(world, booking_id)
    assert claimed == final
    assert (await world.trip(booking_id)).state == "settled"


@pytest.mark.parametrize(("minutes", "outcome"), [(10, "free"), (200, "charged")])
async def test_a_broken_bike_that_cannot_be_locked_is_free_soon_and_later_charged_to_its_report(
    world: World, minutes: int, outcome: str
) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await riding(world, booking_id)
    world.operators[BIKE].fault("finish", "refuse")
    await tell(world, booking_id)
    assert await world.story(booking_id) == "needs_attention | bike active | authorised"
    assert (await report_of(world, booking_id)).answer == "refused"
    world.operators[BIKE].ride(minutes=minutes, metres=0)
    riding_leg = (await world.trip(booking_id)).legs[0]
    await do(world, lambda tx: ask_to_finish(tx, booking_id, riding_leg.id, datetime.now(UTC)))
    await world.advance(booking_id)
    ((claimed, final, lines),) = await claims(world, booking_id)
    assert claimed
    kept = await report_of(world, booking_id)
    assert (kept.outcome, kept.open) == (outcome, True)
    if outcome == "free":
        assert (final, lines) == (0, ["gemeldet und nicht berechnet"])
    else:
        assert final
        assert final < claimed
        assert lines[-1] == CAPPED
    assert world.money(booking_id) == (0, final)


async def test_an_end_whose_answer_is_lost_is_found_by_reading(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await riding(world, booking_id)
    world.operators[BIKE].ride(minutes=2, metres=0)
    world.operators[BIKE].fault("finish", "lost")
    await tell(world, booking_id)
    assert await world.story(booking_id) == "settled | bike ended | released"


async def test_a_ticket_for_a_bus_that_took_no_wheelchair_is_paid_back(city: World) -> None:
    booking_id = await city.book(offer_of(ticket_leg(FERRY, 300, 1), ticket_leg(FERRY, 200, 30)))
    await city.advance(booking_id)
    assert city.money(booking_id) == (0, 500)
    gone = later(city, minutes=2)
    await tell(gone, booking_id, kind="wheelchair_refused")
    await later(city, minutes=90).advance(booking_id)
    assert (await city.trip(booking_id)).kept.minor == 200
    assert await city.story(booking_id) == "settled | bus ended, bus ended | captured"


async def test_a_bus_that_comes_early_and_takes_no_wheelchair_is_given_back(city: World) -> None:
    """She says that she gets on before the time of the timetable, and cannot."""
    booking_id = await city.book(offer_of(replace(ticket_leg(FERRY, 300, 3), co2_grams=180)))
    await city.advance(booking_id)
    await riding(city, booking_id)
    await tell(city, booking_id, kind="wheelchair_refused")
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"


async def test_a_bus_that_came_very_late_and_took_no_wheelchair_is_told_to_staff(
    city: World,
) -> None:
    """By the clock its ride is over, and its price taken; its ticket is still valid."""
    booking_id = await city.book(offer_of(ticket_leg(FERRY, 300, 1)))
    await city.advance(booking_id)
    late = later(city, minutes=50)
    await late.advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended | captured"
    until = "update leg set hold_expires_at = departs_at + interval '1 hours'"
    await do(city, lambda tx: tx.execute(text(until)))
    with pytest.raises(WrongStateError, match="it is ended"):
        await tell(late, booking_id, kind="other")
    with pytest.raises(WrongStateError, match="it is settled"):
        await tell(later(city, minutes=62), booking_id, kind="wheelchair_refused")
    report = await tell(late, booking_id, kind="wheelchair_refused", cancel_rest=True)
    assert (report.outcome, report.open) == (Outcome.NOTED, True)
    assert await city.story(booking_id) == "settled | bus ended | captured"
    assert (await city.trip(booking_id)).kept.minor == 300


async def test_the_first_report_of_a_leg_stands(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await world.advance(booking_id)
    first = await tell(world, booking_id, note="weg")
    assert replace(first, asked=None) == replace(
        await tell(world, booking_id, kind="other"),
        asked=None, answer=None, answer_error=None, seen=None, seen_at=None,
    )  # fmt: skip


async def test_the_sixth_report_of_a_day_is_for_staff(world: World) -> None:
    for number in range(6):
        booking_id = await world.book(offer_of(bike_leg()))
        await world.advance(booking_id)
        report = await tell(world, booking_id)
        assert report.open == (number == 5)
