"""What staff sees and does, over HTTP and from the console, and nobody else."""

from __future__ import annotations

import asyncio
import getpass

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from mobility import steps
from mobility.api.cursors import make_cursor
from mobility.cli import app
from mobility.db import transaction
from mobility.identity.roles import Role
from mobility.tables import booking
from tests.api.conftest import START, World

A_BOOKING = {
    "id": "bkg_1",
    "rider_id": "rdr_1",
    "offer_id": "off_1",
    "state": "needs_attention",
    "aim": "cancel",
    "payment_id": "pay_1",
    "payment_method": "pm_card_visa",
    "passengers": 1,
    "currency": "EUR",
    "price_minor": 100,
    "ceiling_minor": 300,
    "expires_at": START,
}
REASON = {"reason": "the water main is closed"}
WASH = "/v1/operations/steps/wash/car"


async def fail_once(world: World) -> None:
    """A step that has failed."""
    async with transaction(world.wiring.engine) as tx:
        await steps.enqueue(tx, kind="wash", key="car", run_at=world.now)
        await tx.execute(
            text(
                "update step set attempts = 3, last_error = 'no water', "
                "failing_since = '2026-11-25 07:00Z'"
            )
        )


async def test_staff_sees_what_is_stuck_and_tries_it_again(world: World) -> None:
    await fail_once(world)
    staff = await world.sign_in(role=Role.STAFF)
    (found,) = (await world.client.get("/v1/operations/steps", headers=staff)).json()["steps"]
    assert found == {
        "kind": "wash",
        "key": "car",
        "condition": "failing",
        "since": "2026-11-25T07:00:00Z",
        "attempts": 3,
        "last_error": "no water",
        "run_at": "2026-11-25T08:00:00Z",
        "worker": None,
        "lease_until": None,
    }
    answer = await world.client.post(f"{WASH}/retry", headers=staff)
    assert (answer.status_code, answer.json()) == (202, {"kind": "wash", "key": "car"})


async def test_giving_up_needs_a_reason_and_is_audited(world: World) -> None:
    await fail_once(world)
    staff = await world.sign_in(role=Role.STAFF)
    client = world.client
    for body in (None, {}, {"reason": "  "}, {"reason": "a\nb"}, {"reason": "x" * 501}, []):
        answer = await client.post(f"{WASH}/give-up", json=body, headers=staff)
        assert answer.status_code == 422, body
    answer = await client.post(f"{WASH}/give-up", json=REASON, headers=staff)
    assert answer.status_code == 200
    (found,) = (await client.get("/v1/operations/steps", headers=staff)).json()["steps"]
    assert (found["condition"], found["since"]) == ("given_up", "2026-11-25T08:00:00Z")
    page = (await client.get("/v1/operations/audit", headers=staff)).json()
    (entry,) = page["entries"]
    assert entry.pop("actor").startswith("rdr_")
    assert entry == {
        "id": 1,
        "action": "step.give_up",
        "subject": "wash car",
        "reason": "the water main is closed",
        "at": "2026-11-25T08:00:00Z",
    }


async def test_the_audit_log_is_read_page_by_page(world: World) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    await fail_once(world)
    for _ in range(3):
        await fail_once(world)
        await world.client.post(f"{WASH}/retry", json=REASON, headers=staff)
    path, seen = "/v1/operations/audit?limit=2", []
    page = (await world.client.get(path, headers=staff)).json()
    seen += [entry["id"] for entry in page["entries"]]
    page = (await world.client.get(f"{path}&cursor={page['next_cursor']}", headers=staff)).json()
    seen += [entry["id"] for entry in page["entries"]]
    assert (seen, page["next_cursor"]) == ([3, 2, 1], None)
    for cursor in (
        "1",
        "%00",
        make_cursor("audit", world.now, "x"),
        make_cursor("audit", world.now, "9" * 30),
        make_cursor("cases", world.now, "9"),
    ):
        answer = await world.client.get(f"{path}&cursor={cursor}", headers=staff)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("key", ["nobody", "%00", "x" * 3000, "%F0%9F%9A%B2", "'--"])
async def test_a_step_that_is_none_is_4xx(world: World, key: str) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    for how in ("retry", "give-up"):
        path = f"/v1/operations/steps/wash/{key}/{how}"
        answer = await world.client.post(path, json=REASON, headers=staff)
        assert answer.status_code in {404, 422}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


BOOKING = "/v1/operations/bookings/bkg_nobody"
GRANTING = f"{BOOKING}/legs/leg_nobody/goodwill"
KEY = {"Idempotency-Key": "one"}


async def test_a_booking_that_is_none_is_4xx(world: World) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    nobody = await world.client.get(BOOKING, headers=staff)
    assert nobody.json()["detail"] == "there is no booking bkg_nobody"
    for name in ("bkg_nobody", "%00", "x" * 3000, "'--"):
        path = f"/v1/operations/bookings/{name}"
        assert (await world.client.get(path, headers=staff)).status_code in {404, 422}
        answer = await world.client.post(f"{path}/release-and-refund", json=REASON, headers=staff)
        assert answer.status_code in {404, 422}
        granting = f"{path}/legs/{name}/goodwill"
        answer = await world.client.post(granting, json=REASON, headers=staff | KEY)
        assert answer.status_code in {404, 422}
        assert (await world.client.post(granting, json=REASON, headers=staff)).status_code in {
            400,
            404,
            422,
        }
    for body in (None, {}, {"reason": ""}, {"reason": "x", "amount": 5}):
        answer = await world.client.post(f"{BOOKING}/release-and-refund", json=body, headers=staff)
        assert answer.status_code == 422
    for amount in (5, {}, {"amount": 0, "currency": "EUR"}, {"amount": 10**9, "currency": "EUR"}):
        body = {**REASON, "amount": amount}
        answer = await world.client.post(GRANTING, json=body, headers=staff | KEY)
        assert answer.status_code == 422


async def test_staff_gives_a_booking_back_once(world: World) -> None:
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(booking.insert().values(**A_BOOKING, created_at=world.now))
    staff = await world.sign_in(role=Role.STAFF)
    path = "/v1/operations/bookings/bkg_1"
    for _ in range(2):
        answer = await world.client.post(f"{path}/release-and-refund", json=REASON, headers=staff)
        assert answer.status_code == 202
    nothing = {"amount": 0, "currency": "EUR"}
    shown = (await world.client.get(path, headers=staff)).json()
    assert shown == answer.json() == {
        "id": "bkg_1",
        "rider_id": "rdr_1",
        "state": "needs_attention",
        "aim": "give_back",
        "created_at": "2026-11-25T08:00:00Z",
        "payment_id": "pay_1",
        "payment": {
            "state": "none", "captured": nothing, "refunded": nothing, "outstanding": nothing,
        },
        "legs": [],
        "goodwill": [],
    }  # fmt: skip
    async with transaction(world.wiring.engine) as tx:
        waiting = [tuple(row) for row in await tx.execute(text("select kind, key from step"))]
        await tx.execute(text("update booking set aim = 'cancel', state = 'cancelled'"))
    assert waiting == [("advance_booking", "bkg_1")]
    page = (await world.client.get("/v1/operations/audit", headers=staff)).json()
    deeds = [(entry["action"], entry["subject"]) for entry in page["entries"]]
    assert deeds == [("booking.give_back", "bkg_1")]
    answer = await world.client.post(f"{path}/release-and-refund", json=REASON, headers=staff)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/wrong-state")


PATHS = [
    ("GET", BOOKING),
    ("POST", f"{BOOKING}/release-and-refund"),
    ("POST", GRANTING),
    ("GET", "/v1/operations/steps"),
    ("POST", f"{WASH}/retry"),
    ("POST", f"{WASH}/give-up"),
    ("GET", "/v1/operations/audit"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_nobody_else_may(world: World, method: str, path: str) -> None:
    await fail_once(world)
    who = {
        401: [{}, await world.provider_key("demo-rad")],
        403: [
            await world.sign_in("otto@example.org"),
            await world.sign_in("fina@example.org", role=Role.FINANCE),
        ],
    }
    for status, headers in who.items():
        for each in headers:
            answer = await world.client.request(method, path, headers=each, json=REASON)
            assert answer.status_code == status


async def test_the_console_does_the_same(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def mobility(*words: str, group: str = "steps") -> tuple[int, str]:
        found = await asyncio.to_thread(CliRunner().invoke, app, [group, *words])
        return found.exit_code, found.output

    assert await mobility("list") == (0, "Nothing is stuck.\n")
    await fail_once(world)
    status, said = await mobility("list")
    assert (status, said) == (
        1,
        "wash car  failing since 2026-11-25 07:00 UTC, 3 attempts\n  no water\n",
    )
    assert (await mobility("give-up", "wash", "car"))[0] == 2
    assert (await mobility("give-up", "wash", "car", "--reason", " "))[0] == 2
    assert (await mobility("give-up", "wash", "nobody", "--reason", "gone away"))[0] == 1
    assert (await mobility("give-up", "wash", "car", "--reason", "gone away"))[0] == 0
    assert "given_up" in (await mobility("list"))[1]
    assert await mobility("retry", "wash", "car") == (0, "wash car is due now.\n")
    give_back = ("bkg_1", "--reason", "gone away")
    assert (await mobility(*give_back, group="release-and-refund"))[0] == 1
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(booking.insert().values(**A_BOOKING, created_at=world.now))
    done = await mobility(*give_back, group="release-and-refund")
    assert done == (0, "bkg_1 is being given back.\n")
    granting = ("bkg_1", "leg_1", "--cents", "210", "--reason", "gone away")
    refused = (1, "Not done: booking bkg_1 has no leg leg_1 of a provider\n")
    assert await mobility(*granting, group="goodwill") == refused
    staff = await world.sign_in(role=Role.STAFF)
    page = (await world.client.get("/v1/operations/audit", headers=staff)).json()
    assert [(entry["actor"], entry["action"]) for entry in page["entries"]] == [
        (f"console:{getpass.getuser()}", "booking.give_back"),
        (f"console:{getpass.getuser()}", "step.retry"),
        (f"console:{getpass.getuser()}", "step.give_up"),
    ]
