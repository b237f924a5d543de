"""What inspectors carry over HTTP, and what staff withdraws: signing keys and revocations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mobility.identity.roles import Role
from providers.bus.revocations import read_list
from providers.bus.ticket import show, verify, write_claims
from providers.bus.ticket_errors import RevokedKeyError, RevokedTicketError, UnknownKeyError
from providers.bus.ticket_keys import read_keys
from tests.api.conftest import World
from tests.api.ticket_world import SAID, WHY, book, booked, inspect, phone_of, rider_of


async def test_a_leaked_key_is_withdrawn_and_nobody_is_stranded(world: World):
    phone = await booked(world)
    bound = (await phone.take()).json()["payload"]
    before = read_keys((await world.client.get("/v1/tickets/keys")).content)
    staff = await world.sign_in("staff@example.org", Role.STAFF)
    revoke = "/v1/operations/ticket-keys/2026-11-25/revoke"
    assert (await world.client.post(revoke, json=WHY, headers=phone.headers)).status_code == 403
    for _ in range(2):
        assert (await world.client.post(revoke, json=WHY, headers=staff)).status_code == 200
    with pytest.raises(RevokedKeyError):
        await inspect(world, show(bound, phone.key, world.now))
    again = (await phone.take()).json()
    code = show(again["payload"], phone.key, world.now)
    assert again["binding"] == 1
    assert await inspect(world, code) == 1
    list_ = read_list(
        (await world.client.get("/v1/tickets/revocations")).content, before, world.now
    )
    assert verify(code, before, list_, world.now).binding == 1
    unknown = "/v1/operations/ticket-keys/tomorrow/revoke"
    assert (await world.client.post(unknown, json=WHY, headers=staff)).status_code == 404


async def test_keys_withdrawn_after_midnight_are_followed_also_for_who_has_no_network(world: World):
    """A ticket from 23:30 to 01:30 UTC; the keys of its day leak one after the other."""
    start = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    said = replace(SAID, valid_from=start, valid_until=start + timedelta(hours=2))
    world.pass_time(hours=15, minutes=35)
    phone = await phone_of(world)
    await book(world, await rider_of(world, phone), access_code=write_claims(said))
    bound = [(await phone.take()).json()["payload"]]
    keys = read_keys((await world.client.get("/v1/tickets/keys")).content)
    list_ = (await world.client.get("/v1/tickets/revocations")).content
    world.pass_time(minutes=35)
    phone.headers = await world.sign_in(session="s1")
    staff = await world.sign_in("staff@example.org", Role.STAFF)
    for leaked in ("2026-11-25", "2026-11-25.1"):
        revoke = f"/v1/operations/ticket-keys/{leaked}/revoke"
        await world.client.post(revoke, json=WHY, headers=staff)
        with pytest.raises(RevokedKeyError):
            await inspect(world, show(bound[-1], phone.key, world.now))
        bound.append((await phone.take()).json()["payload"])
        assert await inspect(world, show(bound[-1], phone.key, world.now)) == 1
    for carried in bound[:2]:
        code = show(carried, phone.key, world.now)
        old = read_list(list_, keys, world.now)
        assert verify(code, keys, old, world.now).binding == 1
    with pytest.raises(UnknownKeyError):
        verify(show(bound[2], phone.key, world.now), keys, old, world.now)
    other = await phone_of(world, "s2")
    moved = (await other.take()).json()
    assert (moved["binding"], moved["moves_left"]) == (2, 4)
    assert await inspect(world, show(moved["payload"], other.key, world.now)) == 2
    with pytest.raises(RevokedTicketError):
        await inspect(world, show(bound[2], phone.key, world.now))


async def test_the_list_holds_what_could_be_valid_and_no_more(world: World):
    phone, other = await booked(world), await phone_of(world, "s2")
    await phone.take()
    await other.take()
    staff = await world.sign_in("staff@example.org", Role.STAFF)
    for day in ("2026-11-23", "2026-11-25", "2026-11-20"):
        await world.client.post(f"/v1/operations/ticket-keys/{day}/revoke", json=WHY, headers=staff)

    async def listed() -> tuple[dict[str, int], set[str]]:
        keys = read_keys((await world.client.get("/v1/tickets/keys")).content)
        answer = await world.client.get("/v1/tickets/revocations")
        found = read_list(answer.content, keys, world.now)
        return dict(found.tickets), set(found.keys)

    assert await listed() == ({SAID.id: 1}, {"2026-11-23", "2026-11-25"})
    world.pass_time(hours=2, seconds=1)
    assert await listed() == ({}, {"2026-11-23", "2026-11-25"})


async def test_what_inspectors_carry_is_public_and_may_be_cached(world: World):
    keys = await world.client.get("/v1/tickets/keys")
    assert keys.headers["cache-control"] == "public, max-age=3600"
    assert keys.json()["keys"][1] == {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": "2026-11-24",
        "x": keys.json()["keys"][1]["x"],
        "nbf": int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()),
        "exp": int(datetime(2026, 11, 26, tzinfo=UTC).timestamp()),
    }
    listed = await world.client.get("/v1/tickets/revocations")
    assert listed.headers["cache-control"] == "public, max-age=60"
    assert listed.json()["next_update"] == "2026-11-25T08:01:00Z"
