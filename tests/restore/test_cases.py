"""What a restore leaves to a person, in words and cents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from mobility import cli
from mobility.alone import NotAloneError, alone, refuse_while_rebuilding
from mobility.audit import Deed, list_deeds
from mobility.booking.day_ceiling import cap_day
from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import GRANTED, grant_goodwill
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import Trip
from mobility.db import make_engine, transaction
from mobility.ids import leg_id
from mobility.restore import describe, find_gap
from mobility.tables import booking
from payments.cases import OF_A_RESTORE, close_case, list_cases
from payments.ledger import list_journals
from payments.money import Money
from payments.reconcile import reconcile
from tests.restore.backup import back_up, list_breaks, rebuild_world, restore
from tests.restore.rider import Rider
from tests.simulation.ceilings import CEILING
from tests.simulation.offers import BIKE, bike_ride
from tests.simulation.world import City, Process

LOW = replace(CEILING, amount=Decimal("1.50"))
SHORT_SESSIONS = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = 1000', current_database());
END $$
"""
OWING = ("books a bike up to what is held", "unlocks", "rides 130", "locks")


@pytest.fixture
async def rider(database: AsyncEngine, city: City) -> AsyncIterator[Rider]:
    rider = Rider(database, city, 1)
    await rider.clock.move_to(rider.start)
    yield rider
    await rider.close()


async def lose(rider: Rider, *deeds: str) -> str:
    """The deeds, all lost with the database; returns the id of the booking that is gone."""
    backup = await back_up(rider)
    for deed in deeds:
        await rider.do(deed)
    async with rider.engine.begin() as tx:
        booking_id = str(await tx.scalar(select(booking.c.id)))
    await restore(rider, backup)
    await rebuild_world(rider, backup)
    assert await list_breaks(rider, over=False) == []
    return booking_id


@contextmanager
def operator_away(rider: Rider) -> Iterator[None]:
    """Nobody reaches the bikes' operator meanwhile."""
    hosts = rider.outside.wire.hosts
    there, hosts[BIKE] = hosts[BIKE], httpx.MockTransport(_no_route)
    yield
    hosts[BIKE] = there


def _no_route(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route to host")


async def cases(rider: Rider) -> list[tuple[str, str, int]]:
    async with rider.engine.begin() as tx:
        return [
            (each.case.kind, each.case.subject, each.case.difference.minor)
            for each in await list_cases(tx)
        ]


async def balances(rider: Rider) -> tuple[int, int]:
    """What the processor holds back on cards, and what it has taken and not given back."""
    intents, refunds = await rider.outside.intents(), await rider.outside.refunds()
    taken = sum(each["amount_received"] for each in intents)
    held = sum(each["amount_capturable"] for each in intents)
    return held, taken - sum(each["amount"] for each in refunds)


async def test_what_was_held_in_the_gap_is_let_go(rider: Rider) -> None:
    await lose(rider, "books bike and bus")

    assert await balances(rider) == (0, 0)
    assert await cases(rider) == []


async def test_what_was_taken_for_tickets_in_the_gap_is_given_back(rider: Rider) -> None:
    lost = await lose(rider, "books two buses")

    assert await balances(rider) == (0, 0)
    assert await cases(rider) == []
    async with rider.engine.begin() as tx:
        kinds = [str(each.kind) for each in await list_journals(tx, lost)]
    assert [kind for kind in kinds if kind != "fee"] == ["rebuilt", "refund"]


async def test_a_ride_that_was_paid_in_the_gap_stays_paid(rider: Rider) -> None:
    lost = await lose(rider, "books a bike", "unlocks", "rides 9", "locks")

    (found,) = await cases(rider)
    _, taken = await balances(rider)
    assert taken > 0
    assert (found[0], found[2]) == ("lost_booking", taken)
    async with rider.engine.begin() as tx:
        (rebuilt,) = [j for j in await list_journals(tx, lost) if j.kind == "rebuilt"]
    assert {p.account.code: p.amount.minor for p in rebuilt.postings} == {
        "processor:EUR": taken,
        "provider_payable:demo-rad:EUR": -taken,
    }


async def test_no_money_goes_back_before_it_is_known_what_was_ridden(rider: Rider) -> None:
    backup = await back_up(rider)
    for deed in ("books a bike", "unlocks", "rides 9", "locks"):
        await rider.do(deed)
    paid = await balances(rider)
    await restore(rider, backup)

    with operator_away(rider):
        report = await rebuild_world(rider, backup)
    assert await balances(rider) == paid
    assert any("could not be listed" in line for line in report.left), report.left

    await rebuild_world(rider, backup)
    assert await balances(rider) == paid
    assert [(kind, amount) for kind, _, amount in await cases(rider)] == [("lost_booking", paid[1])]


async def test_what_was_paid_of_a_debt_stays_paid_though_its_ride_cannot_be_read(
    rider: Rider,
) -> None:
    for deed in ("books a bike", "unlocks"):
        await rider.do(deed)
    backup = await back_up(rider)
    for deed in ("rides 600", "locks"):
        await rider.do(deed)
    paid, intents = await balances(rider), await rider.outside.intents()
    assert len(intents) == 2, "it costs more than was held, so a second charge was made"
    await restore(rider, backup)

    with operator_away(rider):
        await rebuild_world(rider, backup)
    assert await balances(rider) == paid

    await rebuild_world(rider, backup)
    await rider.rest()
    assert await balances(rider) == paid
    assert await cases(rider) == []
    assert await list_breaks(rider, over=True) == []


async def test_a_ride_that_was_free_by_the_day_s_ceiling_was_ridden(rider: Rider) -> None:
    async def cap(process: Process) -> None:
        desk = replace(process.desk, day_ceilings=(LOW,))
        await cap_day(desk, (await rider.trips())[-1].id)

    for deed in ("books a bike", "unlocks", "rides 9", "locks"):
        await rider.do(deed)
    await rider.books(replace(bike_ride(rider.clock.now), id="off_2"))
    await rider.do("unlocks")
    backup = await back_up(rider)
    for deed in ("rides 9", "locks"):
        await rider.do(deed)
    assert await balances(rider) == (0, 300)
    await rider.alive(cap)
    assert await balances(rider) == (0, 150)
    await restore(rider, backup)
    await rebuild_world(rider, backup)

    assert [trip.state for trip in await rider.trips()] == ["settled", "settled"]
    await rider.alive(cap)
    assert await balances(rider) == (0, 150)
    assert await list_breaks(rider, over=True) == []


async def test_a_ride_that_goes_on_is_named_and_free(rider: Rider) -> None:
    lost = await lose(rider, "books a bike", "unlocks")

    assert await balances(rider) == (0, 0)
    assert await cases(rider) == [("lost_ride", leg_id(lost, 0), 0)]


async def test_a_case_stays_open_until_a_person_closes_it(rider: Rider) -> None:
    lost = await lose(rider, "books a bike", "unlocks")
    gateway = rider.process and rider.process.gateway
    assert gateway is not None
    await reconcile(rider.engine, gateway, now=rider.clock.now)
    assert len(await cases(rider)) == 1

    async with rider.engine.begin() as tx:
        assert await close_case(tx, leg_id(lost, 0), OF_A_RESTORE, rider.clock.now)
        assert not await close_case(tx, leg_id(lost, 0), OF_A_RESTORE, rider.clock.now)

    assert await cases(rider) == []


async def test_looking_tells_all_and_changes_nothing(rider: Rider) -> None:
    backup = await back_up(rider)
    await rider.do("books a bike")
    async with rider.engine.begin() as tx:
        booking_id = str(await tx.scalar(select(booking.c.id)))
    await restore(rider, backup)
    before = await balances(rider)

    told = await rider.alive(lambda process: find_gap(process.desk, backup.taken_at))

    (intent,) = await rider.outside.intents()
    assert describe(told) == [
        "0 bookings that are not over would be read and go on",
        f"{booking_id}: lost; {intent['id']} is held",
        f"demo-rad {leg_id(booking_id, 0)}: of no leg; it is confirmed there",
    ]
    assert await balances(rider) == before


async def test_it_is_refused_while_anybody_else_is_connected(
    engine: AsyncEngine, database_url: str
) -> None:
    company = make_engine(database_url)
    async with company.connect() as another:
        await another.execute(select(booking.c.id))
        with pytest.raises(NotAloneError, match="1 other connections"):
            async with alone(engine):
                pass
    await company.dispose()


async def test_while_it_works_no_other_begins_and_nobody_starts(
    engine: AsyncEngine, database_url: str
) -> None:
    late = make_engine(database_url)
    async with alone(engine):
        with pytest.raises(NotAloneError, match="another command"):
            async with alone(late):
                pass
        with pytest.raises(NotAloneError, match="at work"):
            await refuse_while_rebuilding(late)
    await refuse_while_rebuilding(late)
    await late.dispose()


@pytest.mark.parametrize(
    "command", ["migrate", "steps list", "sales list", "finance trace bkg_1", "finance reconcile"]
)
async def test_while_it_works_no_command_works_on_the_database(
    engine: AsyncEngine, database_url: str, command: str
) -> None:
    env = {"DATABASE_URL": database_url, "STRIPE_API_KEY": "sk_test_x"}
    await engine.dispose()
    async with alone(engine):
        done = await asyncio.to_thread(CliRunner().invoke, cli.app, command.split(), env=env)
    assert done.exit_code == 1
    assert done.stderr == (
        "mobility: `mobility restore rebuild` is at work on this database; "
        "start when it is through\n"
    )


async def test_no_time_limit_of_the_server_for_idle_sessions_ends_it(
    engine: AsyncEngine, database_url: str
) -> None:
    async with transaction(engine) as tx:
        await tx.execute(text(SHORT_SESSIONS))
    await engine.dispose()
    late = make_engine(database_url)
    async with alone(engine):
        await asyncio.sleep(1.5)
        with pytest.raises(NotAloneError, match="at work"):
            await refuse_while_rebuilding(late)
    await late.dispose()


async def test_a_debit_that_failed_in_the_gap_is_not_asked_about_for_ever(rider: Rider) -> None:
    """She paid by card when it had: the backup knows the debit alone, and that it is on its way."""
    for deed in (*OWING, "debits in vain"):
        await rider.do(deed)
    backup = await back_up(rider)
    for deed in ("waits 5000", "pays by card"):
        await rider.do(deed)
    paid = await rider.ending()
    await restore(rider, backup)
    await rebuild_world(rider, backup)
    await rider.rest()

    assert (await rider.ending(), paid) == (["settled, 500 ct"], ["settled, 500 ct"])
    assert await list_breaks(rider, over=True) == []


async def test_what_staff_granted_in_the_gap_is_granted(rider: Rider) -> None:
    await rider.do("books two buses")
    await rider.rest()
    backup = await back_up(rider)
    await grant(rider, 100)
    await grant(rider, 30)
    await restore(rider, backup)
    report = await rebuild_world(rider, backup)
    trip = (await rider.trips())[-1]

    assert sorted(line for line in report.done if "given back" in line) == [
        f"booking {trip.id}: 0.30 EUR was given back (goodwill)",
        f"booking {trip.id}: 1.00 EUR was given back (goodwill)",
    ]
    assert await list_breaks(rider, over=True) == []
    with pytest.raises(WrongStateError, match=r"1\.20 EUR of its price can"):
        await grant(rider, 121)
    await grant(rider, 120)
    assert sorted(each["amount"] for each in await rider.outside.refunds()) == [30, 100, 120]
    assert await list_breaks(rider, over=True) == []
    async with rider.engine.begin() as tx:
        deeds = [(deed.actor, deed.subject) for _, deed in await list_deeds(tx, limit=9)]
    subject = f"{trip.id} {trip.provided[0].id}"
    assert deeds == [("rdr_otto", trip.id), ("restore", subject), ("restore", subject)]


@pytest.mark.parametrize("rides_on", [9, 90])
async def test_a_rebate_stays_with_the_trip_that_it_was_made_for(
    rider: Rider, rides_on: int
) -> None:
    """Whichever of the day's trips is settled first after the loss: it goes back once."""
    await rider.do("books two buses")
    await rider.books(replace(bike_ride(rider.clock.now), id="off_2"))
    bike = (await rider.trips())[1]
    await rider._ask(bike.id, bike.provided[0].id, ask_to_start)
    await rider.work(timedelta(seconds=20))
    backup = await back_up(rider)
    await rider.do(f"waits {rides_on}")
    await rider._ask(bike.id, bike.provided[0].id, ask_to_finish)
    await rider.do("waits 90")
    paid = await rider.ending()
    rebates = await rider.outside.refunds()
    await restore(rider, backup)
    await rebuild_world(rider, backup)
    await rider.rest()

    assert await rider.ending() == paid
    assert (await rider.outside.refunds(), bool(rebates)) == (rebates, True)
    assert await list_breaks(rider, over=True) == []


async def grant(rider: Rider, cents: int, of: Trip | None = None, *, pay: bool = True) -> None:
    """Staff gives so much of the first leg back, of the last trip where none is named."""
    now, trip = rider.clock.now, of or (await rider.trips())[-1]
    deed = Deed("rdr_otto", GRANTED, trip.id, "ticket 4711", now)
    async with transaction(rider.engine) as tx:
        await grant_goodwill(tx, trip.id, trip.provided[0].id, Money(cents), deed)
    if pay:
        await rider.work(timedelta(seconds=20))
