"""A ticket over HTTP: shown, moved to another phone, revoked; and what inspectors make of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from mobility.booking.tickets import MOVES, void_tickets
from mobility.db import transaction
from mobility.identity.roles import Role
from mobility.tables import booking, leg, ticket
from providers.bus.envelope import encode
from providers.bus.ticket import show
from providers.bus.ticket_errors import RevokedTicketError, StaleCodeError
from tests.api.conftest import World
from tests.api.ticket_world import PATH, SAID, WHY, book, booked, inspect, phone_of, rider_of


async def test_without_a_key_of_its_own_a_front_end_shows_a_code_for_a_slot(world: World):
    phone = await booked(world)
    world.pass_time(seconds=4)
    answer = await phone.get()
    shown = answer.json()
    payload = shown.pop("payload")
    assert answer.headers["cache-control"] == "no-store"
    assert shown == {
        "leg_id": "leg_1",
        "provider_id": "stadtverkehr-luebeck",
        "format": "QR",
        "encoding": "text",
        "rotation": "server",
        "fetch_again_at": "2026-11-25T08:00:15Z",
        "valid_from": "2026-11-25T08:00:00Z",
        "valid_until": "2026-11-25T10:00:00Z",
        "binding": 1,
        "moves_left": MOVES,
        "server_time": "2026-11-25T08:00:04Z",
    }
    assert await inspect(world, payload) == 1
    world.pass_time(seconds=11)
    again = (await phone.get()).json()["payload"]
    assert again != payload
    assert await inspect(world, again) == 1
    world.pass_time(seconds=15)
    with pytest.raises(StaleCodeError):
        await inspect(world, payload)


async def test_a_phone_shows_its_ticket_without_a_network(world: World):
    phone = await booked(world)
    answer = (await phone.take()).json()
    assert (answer["rotation"], answer["binding"]) == ("device", 1)
    assert (await phone.take()).json() == answer
    for minutes in (0, 30, 119):
        at = world.now + timedelta(minutes=minutes)
        assert await inspect(world, show(answer["payload"], phone.key, at), at=at) == 1


async def test_who_lost_a_phone_goes_on_with_another_and_the_old_one_is_refused(world: World):
    old = await booked(world)
    lost = (await old.take()).json()["payload"]
    new = await phone_of(world, "s2")
    found = (await new.take()).json()
    assert (found["binding"], found["moves_left"]) == (2, MOVES - 1)
    assert await inspect(world, show(found["payload"], new.key, world.now)) == 2
    with pytest.raises(RevokedTicketError):
        await inspect(world, show(lost, old.key, world.now))


async def test_a_second_screen_gets_nothing_unless_the_ticket_moves_there(world: World):
    first, second = await booked(world), await phone_of(world, "s2")
    shown = (await first.get()).json()["payload"]
    refused = await second.get()
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/ticket-elsewhere")
    moved = await second.take(device_key=None)
    assert (moved.status_code, moved.json()["binding"]) == (200, 2)
    assert (await first.get()).status_code == 409
    assert await inspect(world, (await second.get()).json()["payload"]) == 2
    with pytest.raises(RevokedTicketError):
        await inspect(world, shown)


async def test_a_phone_with_a_key_keeps_browsers_out(world: World):
    phone = await booked(world)
    await phone.take()
    assert (await phone.get()).status_code == 409


async def test_passing_a_ticket_around_ends_and_staff_can_allow_more(world: World):
    one, other = await booked(world), await phone_of(world, "s2")
    await one.take()
    for move in range(MOVES):
        assert (await (other, one)[move % 2].take()).json()["moves_left"] == MOVES - move - 1
    holder, refused = (other, one) if MOVES % 2 else (one, other)
    answer = await refused.take()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/ticket-moves-used")
    assert (await holder.take()).status_code == 200
    allow = "/v1/operations/tickets/bkg_1/leg_1/moves"
    assert (await world.client.post(allow, json=WHY, headers=one.headers)).status_code == 403
    staff = await world.sign_in("staff@example.org", Role.STAFF)
    assert (await world.client.post(allow, json=WHY, headers=staff)).json() == {"moves_left": 1}
    assert (await refused.take()).json()["moves_left"] == 0
    nothing = "/v1/operations/tickets/bkg_1/leg_2/moves"
    assert (await world.client.post(nothing, json=WHY, headers=staff)).status_code == 404
    page = (await world.client.get("/v1/operations/audit", headers=staff)).json()["entries"]
    assert [(e["action"], e["subject"]) for e in page] == [("ticket.allow_move", "bkg_1 leg_1")]


@pytest.mark.parametrize("first", ["nobody", "one of them", "a browser"])
async def test_of_phones_that_ask_at_the_same_time_one_is_valid_afterwards(
    world: World, first: str
):
    phones = [await booked(world), *[await phone_of(world, f"s{n}") for n in range(2, 6)]]
    if first == "one of them":
        await phones[0].take()
    elif first == "a browser":
        await phones[0].get()
    answers = await asyncio.gather(*(phone.take() for phone in phones for _ in range(2)))
    valid = set()
    for number, answer in enumerate(answers):
        if answer.status_code == 409:
            continue
        assert answer.status_code == 200
        phone = phones[number // 2]
        try:
            valid.add(await inspect(world, show(answer.json()["payload"], phone.key, world.now)))
        except RevokedTicketError:
            continue
    assert len(valid) == 1


async def test_a_ticket_given_back_is_refused_whoever_shows_it(world: World):
    phone = await booked(world)
    bound = (await phone.take()).json()["payload"]
    async with transaction(world.wiring.engine) as tx:
        await void_tickets(tx, "bkg_1", world.now)
        await tx.execute(leg.update().values(state="cancelled", access_code=None))
    with pytest.raises(RevokedTicketError):
        await inspect(world, show(bound, phone.key, world.now))
    for answer in (await phone.get(), await phone.take()):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/wrong-state")


async def test_what_is_stored_of_her_phone_is_in_her_export(world: World):
    phone = await booked(world)
    await phone.take()
    export = (await world.client.get("/v1/me/export", headers=phone.headers)).json()
    assert export["tickets"] == [
        {
            "leg_id": "leg_1",
            "ticket_id": SAID.id,
            "valid_until": "2026-11-25T10:00:00Z",
            "binding": 1,
            "device_key": phone.device_key,
            "session": None,
            "void_at": None,
        }
    ]


async def test_a_void_ticket_is_shown_to_nobody_even_while_its_leg_stays(world: World):
    phone = await booked(world)
    await phone.take()
    async with transaction(world.wiring.engine) as tx:
        await void_tickets(tx, "bkg_1", world.now)
    assert (await phone.take()).json()["type"] == "/problems/wrong-state"


@pytest.mark.parametrize(
    "body",
    [
        {"device_key": ""},
        {"device_key": "x"},
        {"device_key": "A" * 43},
        {"device_key": "A" * 44},
        {"device_key": "=" * 43},
        {"device_key": "ü" * 43},
        {"device_key": "\x00" * 43},
        {"device_key": 7},
        {"device_key": encode(bytes.fromhex("01" + "00" * 31))},
        {"something": "else"},
        [],
        None,
    ],
    ids=range(12),
)
async def test_a_device_key_that_is_none_is_refused(world: World, body: object):
    phone = await booked(world)
    answer = await world.client.post(PATH, json=body, headers=phone.headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    async with transaction(world.wiring.engine) as tx:
        assert (await tx.execute(ticket.select())).all() == []


async def test_nobody_gets_another_riders_ticket(world: World):
    await booked(world)
    otto = await phone_of(world, "s9", "otto@example.org")
    for answer in (await otto.get(), await otto.take()):
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert (await world.client.get(PATH)).status_code == 401
    assert (await world.client.post(PATH, json={})).status_code == 401


ODD = [
    "4711",
    "  spaces and a line\n\t ",
    "Grüße € 🎫 \u202e\u0301",
    "\x00\x01\x02\x7f\x80\xff",
    "back\\slash \\0 \\\\ %s {} ' \" $1",
    "//79/A==",
    "a" * 8000,
    "https://operator.example/open?a=1&b=%C3%BC#x",
    "#UT01" + "".join(map(chr, range(256))),
]


@pytest.mark.parametrize("code", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize(("kind", "base64"), [("AZTEC", True), ("CODE", False)])
async def test_an_operators_own_code_comes_through_byte_by_byte(
    world: World, code: str, kind: str, base64: bool
):
    phone = await phone_of(world)
    rider_id = await rider_of(world, phone)
    await book(world, rider_id, access_code=code, access_format=kind, access_base64=base64)
    for answer in (await phone.get(), await phone.take()):
        shown = json.loads(answer.content)
        assert shown["payload"].encode() == code.encode()
        assert (shown["format"], shown["encoding"]) == (kind, "base64" if base64 else "text")
        assert (shown["rotation"], shown["binding"]) == ("none", None)


async def test_who_is_erased_leaves_no_device_behind_and_her_tickets_stay_revoked(world: World):
    phone, other = await booked(world), await phone_of(world, "s2")
    await phone.take()
    bound = (await other.take()).json()["payload"]
    async with transaction(world.wiring.engine) as tx:
        await void_tickets(tx, "bkg_1", world.now)
        await tx.execute(leg.update().values(state="cancelled", access_code=None, detail={}))
        await tx.execute(booking.update().values(state="cancelled"))
    assert (await world.client.delete("/v1/me", headers=phone.headers)).status_code == 204
    async with transaction(world.wiring.engine) as tx:
        (row,) = (await tx.execute(ticket.select())).all()
    assert (row.device_key, row.session) == (None, None)
    with pytest.raises(RevokedTicketError):
        await inspect(world, show(bound, other.key, world.now))
