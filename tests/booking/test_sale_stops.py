"""What is stopped is not sold, whoever races; what was sold goes on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.audit import list_deeds
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.db import transaction
from mobility.sale_stops import (
    NoSuchStopError,
    NotSoldError,
    SaleStop,
    Target,
    begin_stop,
    end_stop,
    list_in_force,
    list_latest,
    read_target,
    refuse_stopped,
)
from providers.values import Mode, ProviderId
from tests.booking.world import BIKE, CAR, World, bike_leg, car_leg, offer_of, walk_leg

EVERYTHING, BIKES, CARS = Target(), Target(mode=Mode.BIKE), Target(provider_id=CAR)


def now() -> datetime:
    return datetime.now(UTC)


async def begin(tx: AsyncConnection, target: Target) -> SaleStop:
    return await begin_stop(tx, target, actor="rdr_otto", reason="locks do not open", now=now())


async def stop(world: World, target: Target) -> SaleStop:
    async with transaction(world.desk.engine) as tx:
        return await begin(tx, target)


async def resume(world: World, stop_id: str) -> SaleStop:
    async with transaction(world.desk.engine) as tx:
        return await end_stop(tx, stop_id, actor="rdr_otto", reason="they do", now=now())


@pytest.mark.parametrize(
    ("target", "sold"),
    [
        (EVERYTHING, ""),
        (BIKES, "car"),
        (CARS, "bike"),
        (Target(provider_id=BIKE), "car"),
        (Target(mode=Mode.BUS), "bike car both"),
        (Target(provider_id=ProviderId("nobody")), "bike car both"),
    ],
)
async def test_what_is_stopped_is_not_sold(world: World, target: Target, sold: str) -> None:
    offers = {
        "bike": offer_of(walk_leg(), bike_leg()),
        "car": offer_of(car_leg()),
        "both": offer_of(bike_leg("hbf-02"), car_leg("car-2")),
    }
    begun = await stop(world, target)
    found = []
    for name, offer in offers.items():
        try:
            await world.book(offer)
            found.append(name)
        except NotSoldError:
            continue
    assert found == sold.split()
    await resume(world, begun.id)
    for offer in offers.values():
        await world.book(offer)


async def test_a_stop_waits_for_the_booking_that_is_being_recorded(world: World) -> None:
    """Else the booking would be there after the answer that nothing is sold any more."""
    engine = world.desk.engine
    async with transaction(engine) as booking:
        await refuse_stopped(booking, [(BIKE, Mode.BIKE)])
        stopping = asyncio.create_task(stop(world, EVERYTHING))
        done, _ = await asyncio.wait({stopping}, timeout=0.3)
        assert not done
    assert (await stopping).target == EVERYTHING


async def test_a_booking_waits_for_the_stop_that_is_being_begun(world: World) -> None:
    async with transaction(world.desk.engine) as tx:
        await begin(tx, BIKES)
        booking = asyncio.create_task(world.book(offer_of(bike_leg())))
        done, _ = await asyncio.wait({booking}, timeout=0.3)
        assert not done
    with pytest.raises(NotSoldError, match="mode:bike"):
        await booking


async def test_riders_and_a_stop_race_and_none_books_after_it(world: World) -> None:
    booked_at: list[datetime] = []

    async def ride_on_and_on() -> None:
        for _ in range(50):
            try:
                await world.book(offer_of(bike_leg()))
            except NotSoldError:
                return
            booked_at.append(now())

    riders = [asyncio.create_task(ride_on_and_on()) for _ in range(4)]
    await asyncio.sleep(0.1)
    await stop(world, EVERYTHING)
    stopped = len(booked_at)
    await asyncio.gather(*riders)
    assert stopped > 0
    assert len(booked_at) <= stopped + len(riders)  # committed before, and said so after
    async with transaction(world.desk.engine) as tx:
        with pytest.raises(NotSoldError):
            await refuse_stopped(tx, [(BIKE, Mode.BIKE)])


async def test_trips_under_way_go_on_to_their_end(world: World) -> None:
    rides = await world.book(offer_of(bike_leg()))
    gives_up = await world.book(offer_of(car_leg()))
    waits = await world.book(offer_of(bike_leg("hbf-02")))
    for booking_id in (rides, gives_up):
        await world.advance(booking_id)
    await stop(world, EVERYTHING)
    await world.advance(waits)
    assert await world.story(waits) == "confirmed | bike confirmed | authorised"
    leg_id = (await world.trip(rides)).legs[0].id
    for ask in (ask_to_start, ask_to_finish):
        async with transaction(world.desk.engine) as tx:
            await ask(tx, rides, leg_id, now())
        await world.advance(rides)
    async with transaction(world.desk.engine) as tx:
        await ask_to_cancel(tx, gives_up, now())
    await world.advance(gives_up)
    assert await world.story(rides) == "settled | bike ended | captured"
    assert await world.story(gives_up) == "cancelled | car cancelled | released"


async def test_stopping_and_resuming_twice_is_once_and_audited_once(world: World) -> None:
    begun = await asyncio.gather(*(stop(world, BIKES) for _ in range(5)))
    assert len({each.id for each in begun}) == 1
    ended = [await resume(world, begun[0].id) for _ in range(2)]
    assert ended[0] == ended[1]
    again = await stop(world, BIKES)
    async with transaction(world.desk.engine) as tx:
        deeds = [deed for _, deed in await list_deeds(tx, limit=10)]
        assert [each.id for each in await list_in_force(tx)] == [again.id]
        assert [each.id for each in await list_latest(tx)] == [again.id, begun[0].id]
        with pytest.raises(NoSuchStopError):
            await end_stop(tx, "stp_nobody", actor="rdr_otto", reason="", now=now())
    assert [(deed.action, deed.subject) for deed in deeds] == [
        ("sale.stop", "mode:bike"),
        ("sale.resume", "mode:bike"),
        ("sale.stop", "mode:bike"),
    ]


async def test_another_reason_for_the_same_stop_is_added_and_audited(world: World) -> None:
    """Who resumes sees both: the locks may be mended and the brakes not."""
    whys = ("locks", "brakes", "locks", "brakes")
    for why in whys:
        async with transaction(world.desk.engine) as tx:
            stop = await begin_stop(tx, BIKES, actor=f"rdr_{why}", reason=why, now=now())
    assert (stop.reason, stop.begun_by) == ("locks; brakes", "rdr_locks")
    async with transaction(world.desk.engine) as tx:
        assert await list_in_force(tx) == [stop]
        deeds = [deed for _, deed in await list_deeds(tx, limit=10)]
    assert [(deed.actor, deed.reason) for deed in deeds] == [
        ("rdr_brakes", "brakes"),
        ("rdr_locks", "locks"),
    ]


@pytest.mark.parametrize("target", [EVERYTHING, BIKES, CARS])
def test_a_target_reads_back_as_it_was_written(target: Target) -> None:
    assert read_target(str(target)) == target


@pytest.mark.parametrize("text", ["", "All", "mode:", "mode:zeppelin", "provider:", "bike", "x:y"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither all|not a valid Mode"):
        read_target(text)
