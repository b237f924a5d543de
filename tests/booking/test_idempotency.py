"""One key, one request, one answer; whoever else comes with it is told so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.api.keyed import Keyed
from mobility.booking.errors import KeyReusedError
from mobility.db import transaction
from mobility.idempotency import (
    Request,
    StoredAnswer,
    begin,
    complete,
    find,
    fingerprint,
)

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
PATH = "/v1/bookings"


def request(body: bytes = b"{}", key: str = "k", rider: str = "rdr_anna") -> Request:
    return Request(rider, key, fingerprint("POST", PATH, body))


async def start(engine: AsyncEngine, wanted: Request, body: str) -> StoredAnswer | None:
    async with transaction(engine) as tx:
        return await begin(tx, wanted, body, NOW)


async def test_the_first_request_begins_and_a_repetition_finds_its_work(engine: AsyncEngine):
    assert await start(engine, request(), "bkg_1") is None
    assert await start(engine, request(), "bkg_2") == StoredAnswer(None, "bkg_1")


async def test_the_answer_is_repeated(engine: AsyncEngine):
    await start(engine, request(), "bkg_1")
    async with transaction(engine) as tx:
        await complete(tx, request(), 201, {"id": "bkg_1"})
    async with transaction(engine) as tx:
        assert await find(tx, request()) == StoredAnswer(201, {"id": "bkg_1"})


async def test_requests_at_the_same_time_begin_once(engine: AsyncEngine):
    begun = await asyncio.gather(*(start(engine, request(), f"bkg_{n}") for n in range(8)))
    assert begun.count(None) == 1
    (work,) = {each.body for each in begun if each is not None}
    assert begun[int(work.removeprefix("bkg_"))] is None


async def test_another_body_under_the_key_is_refused(engine: AsyncEngine):
    await start(engine, request(), "bkg_1")
    with pytest.raises(KeyReusedError):
        await start(engine, request(b'{"offer_id": "off_2"}'), "bkg_2")


async def test_a_key_of_an_act_on_one_booking_does_not_serve_another(engine: AsyncEngine):
    first, other = (
        Keyed(Request("rdr_anna", "k", fingerprint("POST", f"{PATH}/{id_}/cancel", b"")), NOW)
        for id_ in ("bkg_1", "bkg_2")
    )
    async with transaction(engine) as tx:
        assert [await first.claim(tx), await first.claim(tx)] == [True, False]
        with pytest.raises(KeyReusedError):
            await other.claim(tx)


async def test_a_key_is_a_riders_own(engine: AsyncEngine):
    assert await start(engine, request(), "bkg_1") is None
    assert await start(engine, request(rider="rdr_ben"), "bkg_2") is None
