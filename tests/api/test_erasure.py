"""After an erasure the whole database is searched, every table of every schema, as text."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Update, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.claims.store import add_noticed
from mobility.db import transaction
from mobility.identity.addresses import email_hash
from mobility.identity.customers import FORGET_STEP, forget_customer, get_or_create_customer
from mobility.identity.errors import RiderErasedError
from mobility.identity.riders import find_rider_id, lock_rider
from mobility.identity.roles import Role
from mobility.steps import run_due
from mobility.tables import booking, claim
from payments.refund import CAME_BACK, PAID_OTHERWISE
from payments.tables import dispute, money_operation, payment
from tests.api.conftest import World
from tests.claims.test_notice import CITY, MORNING, at, notice, now

LOCAL_PART = "anna.erasure.probe"
EMAIL = f"{LOCAL_PART}@example.org"
NAME = "Annegret Zwiebelturm"
BORN = "1991-04-23"


def dump(database_url: str) -> dict[str, str]:
    """Every row of every table, bytes in hexadecimal; what pg_dump would print as data."""
    found = {}
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(
                sql.Identifier(schema, table)
            )
            with connection.cursor().copy(query) as rows:
                found[table] = "".join(bytes(row).decode() for row in rows).lower()
    return found


def traces(database_url: str, index: bytes) -> set[str]:
    """What of the person a dump still shows, in the clear or as bytes."""
    content = "".join(dump(database_url).values())
    searched = {"address": EMAIL, "local part": LOCAL_PART, "name": NAME, "birth": BORN}
    found = {
        what
        for what, text in searched.items()
        if text.lower() in content or text.encode().hex() in content
    }
    return found | ({"index"} if index.hex() in content else set())


async def _anna(world: World) -> tuple[dict[str, str], str]:
    """A rider who has used everything that stores something."""
    mine = await world.sign_in(EMAIL, Role.STAFF)
    client = world.client
    body = {"name": NAME, "birth_date": BORN, "driving_licence": "declared"}
    assert (await client.patch("/v1/me", json=body, headers=mine)).status_code == 200
    for kind in ("deutschlandticket", "wertmarke", "wertmarke_companion"):
        await client.post("/v1/me/passes", json={"kind": kind}, headers=mine)
    await client.post("/v1/me/payment-methods", headers=mine)
    await client.post("/v1/auth/codes", json={"email": EMAIL})
    return mine, (await client.get("/v1/me", headers=mine)).json()["id"]


async def test_an_erased_person_is_nowhere_in_a_dump(world: World, database_url: str):
    index = email_hash(world.wiring.secrets.email_index_key, EMAIL)
    mine, rider_id = await _anna(world)
    otto = await world.sign_in("otto@example.org")
    await world.client.patch("/v1/me", json={"name": "Otto"}, headers=otto)
    assert traces(database_url, index) == {"index"}
    assert len(world.mails()) == 1

    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 204

    assert traces(database_url, index) == set()
    assert world.mails() == []
    kept = {table for table, rows in dump(database_url).items() if rider_id in rows}
    assert kept == {"rider", "processor_customer", "step"}
    assert (await world.client.get("/v1/me", headers=otto)).json()["name"] == "Otto"


async def test_the_processor_is_told_by_a_step_that_outlives_an_outage(world: World):
    mine, _ = await _anna(world)
    wiring = world.wiring

    async def forget(key: str, _now: object) -> None:
        await forget_customer(wiring.engine, wiring.gateway, key)

    async def work() -> None:
        await run_due(
            wiring.engine,
            {FORGET_STEP: forget},
            worker="w",
            lease=timedelta(seconds=5),
            clock=lambda: datetime.now(UTC),
        )

    assert len(world.processor.customers) == 1
    world.processor.down = True
    await world.client.delete("/v1/me", headers=mine)
    await work()
    assert len(world.processor.customers) == 1
    world.processor.down = False
    async with transaction(wiring.engine) as tx:
        await tx.exec_driver_sql("UPDATE step SET run_at = now() - interval '1 minute'")
    await work()
    assert world.processor.customers == {}
    async with transaction(wiring.engine) as tx:
        left = await tx.exec_driver_sql("SELECT count(*) FROM processor_customer")
        assert left.scalar_one() == 0


async def test_who_comes_back_is_somebody_new(world: World):
    mine, rider_id = await _anna(world)
    await world.client.delete("/v1/me", headers=mine)
    again = await world.sign_in(EMAIL)
    me = (await world.client.get("/v1/me", headers=again)).json()
    assert me["id"] != rider_id
    assert (me["name"], me["roles"]) == (None, ["rider"])
    assert (await world.client.get("/v1/me/passes", headers=again)).json() == {"passes": []}


def _booking(rider_id: str, state: str, world: World) -> dict[str, object]:
    return {
        "id": f"bkg_{state}",
        "rider_id": rider_id,
        "offer_id": "off_1",
        "state": state,
        "aim": "travel",
        "payment_id": "pay_1",
        "payment_method": "pm_card_visa",
        "passengers": 1,
        "currency": "EUR",
        "price_minor": 360,
        "ceiling_minor": 360,
        "created_at": world.now,
        "expires_at": world.now,
    }


async def test_while_a_trip_runs_the_account_stays_and_says_which(world: World):
    mine, rider_id = await _anna(world)
    async with transaction(world.wiring.engine) as tx:
        for state in ("active", "settled"):
            await tx.execute(booking.insert().values(_booking(rider_id, state, world)))
    answer = await world.client.delete("/v1/me", headers=mine)
    assert (answer.status_code, answer.json()["type"], answer.json()["booking_ids"]) == (
        409,
        "/problems/trips-running",
        ["bkg_active"],
    )
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(booking.update().values(state="settled"))
    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 204


async def _owe_a_claim(tx: AsyncConnection, world: World) -> Update:
    found = notice([MORNING], now("1-1 2026-11-25: C=+1020"), at("08:36"), CITY)
    ride = replace(found[0].ride, booking_id="bkg_settled")
    assert await add_noticed(tx, replace(found[0], ride=ride), "EUR", world.now)
    await tx.execute(update(claim).values(state="accepted", filed_at=world.now))
    return update(claim).values(state="paid")


async def _owe_a_refund(tx: AsyncConnection, world: World, state: str, code: str | None) -> Update:
    await tx.execute(
        insert(payment).values(
            id="pay_1", booking_id="bkg_settled", state="captured", currency="EUR",
            amount_minor=360, authorised_minor=360, captured_minor=360, customer_ref="",
            method="", return_url="", created_at=world.now, updated_at=world.now,
        )
    )  # fmt: skip
    await tx.execute(
        insert(money_operation).values(
            payment_id="pay_1", id="pay_1.refund.0", kind="refund", state=state, currency="EUR",
            amount_minor=100, reason="goodwill", error_code=code, first_sent_at=world.now,
        )
    )  # fmt: skip
    return update(money_operation).values(state="done", error_code=None)


async def _dispute(tx: AsyncConnection, world: World) -> Update:
    await tx.execute(
        insert(dispute).values(
            id="dp_1", booking_id="bkg_settled", state="open", currency="EUR", amount_minor=360,
            reason="fraudulent", created_at=world.now, updated_at=world.now,
        )
    )  # fmt: skip
    return update(dispute).values(state="won")


@pytest.mark.parametrize(
    "leave_open",
    [
        _owe_a_claim,
        partial(_owe_a_refund, state="unknown", code=None),
        partial(_owe_a_refund, state="declined", code=CAME_BACK),
        partial(_owe_a_refund, state="declined", code=PAID_OTHERWISE),
        _dispute,
    ],
    ids=["an accepted claim", "a refund under way", "one that came back", "given up", "a dispute"],
)
async def test_as_long_as_money_may_still_move_for_her_the_account_stays(
    world: World, leave_open: Callable[[AsyncConnection, World], Awaitable[Update]]
):
    mine, rider_id = await _anna(world)
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(booking.insert().values(_booking(rider_id, "settled", world)))
        settle = await leave_open(tx, world)
    answer = await world.client.delete("/v1/me", headers=mine)
    assert (answer.status_code, answer.json()["booking_ids"]) == (409, ["bkg_settled"])
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(settle)
    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 204


async def test_a_booking_and_an_erasure_do_not_pass_each_other(world: World):
    mine, rider_id = await _anna(world)
    async with transaction(world.wiring.engine) as tx:
        await lock_rider(tx, rider_id)
        erasing = asyncio.create_task(world.client.delete("/v1/me", headers=mine))
        await asyncio.sleep(0.1)
        assert not erasing.done()
        await tx.execute(booking.insert().values(_booking(rider_id, "held", world)))
    assert (await erasing).status_code == 409
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(booking.update().values(state="cancelled"))
    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 204
    async with transaction(world.wiring.engine) as tx:
        with pytest.raises(RiderErasedError):
            await lock_rider(tx, rider_id)
        assert await find_rider_id(tx, world.wiring.secrets, EMAIL) is None


async def test_an_erased_rider_gets_no_customer_any_more(world: World):
    mine, rider_id = await _anna(world)
    await world.client.delete("/v1/me", headers=mine)
    wiring = world.wiring
    with pytest.raises(RiderErasedError):
        await get_or_create_customer(wiring.engine, wiring.gateway, wiring.secrets, rider_id)
