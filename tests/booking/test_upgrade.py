"""A database of the first version with bookings in it is brought to this one, and they go on.

The rows are made by this version and put into the first tables, column by column that was there.
"""

from __future__ import annotations

import asyncio

from alembic import command
from sqlalchemy import Connection, Engine, text

from mobility.booking.cancel import ask_to_cancel
from mobility.booking.collect import collect, list_owed
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import get_booking, list_bookings
from mobility.booking.receipt import get_receipt
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.db import transaction
from mobility.migrate import alembic_config, migrate
from payments.money import Money
from tests.booking.test_arrears import ANNA, books_may, owes, pay, payment_of, ride_too_long
from tests.booking.test_hard_luck import do
from tests.booking.test_receipt import city_of
from tests.booking.world import BIKE, World, bike_leg, car_leg, offer_of

KEPT = (
    *("account", "journal_key", "journal", "entry", "payment", "money_operation"),
    *("booking", "leg", "provider_operation", "step"),
)
"""In the order in which they refer to each other."""
COUNT = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in KEPT)


def _begin_with_the_first_tables(connection: Connection) -> None:
    connection.execute(text("DELETE FROM step WHERE kind = 'collect_debt'"))
    connection.execute(text("UPDATE leg SET detail = detail - 'trip'"))
    connection.execute(text("ALTER SCHEMA public RENAME TO later"))
    connection.execute(text("CREATE SCHEMA public"))
    command.upgrade(alembic_config(connection), "0001")
    for name in KEPT:
        columns = connection.scalar(
            text(
                "SELECT string_agg(quote_ident(column_name), ',') FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name = :name"
            ),
            {"name": name},
        )
        connection.execute(
            text(f"INSERT INTO public.{name} ({columns}) SELECT {columns} FROM later.{name}")
        )
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    connection.execute(text("DROP SCHEMA later CASCADE"))


async def _upgrade(world: World, database_url: str, sync_engine: Engine) -> None:
    """From the first version with what is in the database now, to this one; no row is lost."""
    await world.desk.engine.dispose()
    with sync_engine.begin() as tx:
        _begin_with_the_first_tables(tx)
        before = tx.execute(text(COUNT)).all()
    await asyncio.to_thread(migrate, database_url)
    with sync_engine.begin() as tx:
        assert tx.execute(text(COUNT)).all() == before


async def _riding(world: World) -> tuple[str, str]:
    """A trip by car on the way, and its leg."""
    booking_id = await world.book(offer_of(car_leg()))
    await world.advance(booking_id)
    leg_id = (await world.trip(booking_id)).provided[0].id
    await do(world, lambda tx: ask_to_start(tx, booking_id, leg_id, world.desk.clock()))
    await world.advance(booking_id)
    return booking_id, leg_id


async def _cancelled(world: World) -> str:
    booking_id = await world.book(offer_of(bike_leg("hbf-02")))
    await world.advance(booking_id)
    await do(world, lambda tx: ask_to_cancel(tx, booking_id, world.desk.clock()))
    await world.advance(booking_id)
    return booking_id


async def test_what_fell_short_in_the_first_version_is_owed_and_can_be_paid(
    world: World, database_url: str, sync_engine: Engine
) -> None:
    booking_id = await ride_too_long(world)
    await _upgrade(world, database_url, sync_engine)
    assert await owes(world, booking_id) == "arrears 300, refused: before_debts"
    assert not await books_may(world)
    async with transaction(world.desk.engine) as tx:
        record = await get_booking(tx, ANNA, booking_id)
        receipt = await get_receipt(tx, record, city_of(world))
        standing = await get_standing(tx, record.payment_id, "EUR")
    assert (receipt.total, receipt.captured) == (Money(500), Money(200))
    assert (receipt.outstanding, standing.outstanding) == (Money(300), Money(300))
    assert [(each.kind, each.amount) for each in receipt.movements] == [("charge", Money(200))]
    assert [(line.gross, line.off) for line in receipt.lines] == [(Money(500), Money(0))]
    assert await collect(world.desk, await payment_of(world, booking_id)) is None
    await pay(world, booking_id)
    assert await owes(world, booking_id) == "paid 0"
    assert (await world.books())["rider_receivable:EUR"] == 0
    assert await books_may(world)


async def test_what_was_over_and_what_was_on_the_way_are_read_and_go_on(
    world: World, database_url: str, sync_engine: Engine
) -> None:
    over = await _cancelled(world)
    riding, leg_id = await _riding(world)
    books = await world.books()
    await _upgrade(world, database_url, sync_engine)
    assert await world.books() == books
    async with transaction(world.desk.engine) as tx:
        found = [each.id for each in await list_bookings(tx, ANNA, limit=9)]
        assert await list_owed(tx, ANNA) == []
    assert found == [riding, over]
    assert await world.story(over) == "cancelled | bike cancelled | released"
    assert await world.story(riding) == "active | car active | authorised"
    await do(world, lambda tx: ask_to_finish(tx, riding, leg_id, world.desk.clock()))
    await world.advance(riding)
    assert await world.story(riding) == "settled | car ended | captured"


async def test_a_hold_of_the_first_version_is_confirmed_by_this_one(
    world: World, database_url: str, sync_engine: Engine
) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await _upgrade(world, database_url, sync_engine)
    await world.advance(booking_id)
    assert await world.story(booking_id) == "confirmed | bike confirmed | authorised"
    assert world.holders(BIKE, "hbf-01") == 1
