import json
from datetime import UTC, datetime
from typing import cast

from mobility.api.export import dump_bookings
from mobility.booking.queries import BookingRecord, LegRecord
from mobility.db import transaction
from mobility.identity.customers import get_or_create_customer
from mobility.identity.riders import find_rider_id
from payments.money import Money
from providers.values import Mode, ProviderId
from tests.api.conftest import World

ME = "/v1/me"
PASSES = "/v1/me/passes"
CARDS = "/v1/me/payment-methods"


async def test_a_new_account_knows_an_address_and_nothing_else(world: World):
    mine = await world.sign_in()
    me = (await world.client.get(ME, headers=mine)).json()
    assert me.pop("id").startswith("rdr_")
    assert me == {
        "email": "anna@example.org",
        "name": None,
        "birth_date": None,
        "birth_date_status": None,
        "driving_licence": "none",
        "driving_licence_since": None,
        "roles": ["rider"],
        "created_at": "2026-11-25T08:00:00Z",
    }


async def test_what_a_rider_says_is_marked_as_declared(world: World):
    mine = await world.sign_in()
    body = {"name": " Anna Hansen ", "birth_date": "1991-04-23", "driving_licence": "declared"}
    me = (await world.client.patch(ME, json=body, headers=mine)).json()
    shown = {key: me[key] for key in (*body, "birth_date_status", "driving_licence_since")}
    assert shown == {
        "name": "Anna Hansen",
        "birth_date": "1991-04-23",
        "driving_licence": "declared",
        "birth_date_status": "declared",
        "driving_licence_since": "2026-11-25",
    }
    me = (await world.client.patch(ME, json={"name": None}, headers=mine)).json()
    assert (me["name"], me["birth_date"]) == (None, "1991-04-23")


async def test_what_staff_verified_is_declared_again_when_the_person_changes(world: World):
    mine = await world.sign_in()
    wiring = world.wiring
    async with transaction(wiring.engine) as tx:
        rider_id = await find_rider_id(tx, wiring.secrets, "anna@example.org")
        assert rider_id is not None
        person = await wiring.vault.get_person(tx, rider_id)
        await wiring.vault.write(tx, rider_id, person.with_verified_licence(world.now.date()))

    async def change(**body: object) -> str:
        answer = await world.client.patch(ME, json=body, headers=mine)
        licence: str = answer.json()["driving_licence"]
        return licence

    assert await change(driving_licence="declared") == "verified"
    assert await change(name=None) == "verified"
    assert await change(birth_date="1991-04-23") == "declared"
    assert await change(driving_licence="none") == "none"


async def test_what_cannot_be_is_422(world: World):
    mine = await world.sign_in()
    for body in (
        {},
        [],
        {"birth_date": "2026-11-26"},
        {"birth_date": "1899-12-31"},
        {"birth_date": "yesterday"},
        {"birth_date": 10**30},
        {"name": ""},
        {"name": "a" * 201},
        {"name": "Anna\x00"},
        {"name": "Anna\nRoot"},
        {"driving_licence": "verified"},
        {"email": "otto@example.org"},
        {"roles": ["staff"]},
    ):
        answer = await world.client.patch(ME, json=body, headers=mine)
        assert (answer.status_code, answer.json()["type"]) == (
            422,
            "/problems/invalid-request",
        ), body


async def test_passes_are_added_listed_and_removed(world: World):
    mine = await world.sign_in()
    key = {**mine, "Idempotency-Key": "k1"}
    body = {"kind": "deutschlandticket", "valid_from": "2026-11-01", "valid_until": "2026-11-24"}
    added = await world.client.post(PASSES, json=body, headers=key)
    assert added.status_code == 201
    assert (await world.client.post(PASSES, json=body, headers=key)).json() == added.json()
    other = await world.client.post(PASSES, json={"kind": "wertmarke"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")
    await world.client.post(PASSES, json={"kind": "wertmarke"}, headers=mine)
    listed = (await world.client.get(PASSES, headers=mine)).json()["passes"]
    assert [(p["kind"], p["valid_from"], p["valid_today"]) for p in listed] == [
        ("deutschlandticket", "2026-11-01", False),
        ("wertmarke", "2026-11-25", True),
    ]
    assert (await world.client.delete(PASSES, headers=mine)).status_code == 204
    assert (await world.client.get(PASSES, headers=mine)).json() == {"passes": []}


async def test_a_pass_that_cannot_be_is_422(world: World):
    mine = await world.sign_in()
    for body in (
        {},
        {"kind": "bahncard"},
        {"kind": "wertmarke", "valid_from": "2026-02-30"},
        {"kind": "wertmarke", "valid_from": "2026-03-01", "valid_until": "2026-02-01"},
        {"kind": "wertmarke", "valid_until": "9999-12-31"},
        {"kind": "wertmarke", "rider_id": "rdr_otto"},
    ):
        assert (await world.client.post(PASSES, json=body, headers=mine)).status_code == 422, body


async def test_a_card_is_saved_on_the_processors_page(world: World):
    mine = await world.sign_in()
    assert (await world.client.get(CARDS, headers=mine)).json() == {"payment_methods": []}
    key = {**mine, "Idempotency-Key": "k1"}
    begun = await world.client.post(CARDS, headers=key)
    assert begun.status_code == 201
    assert begun.json() == {
        "id": "cs_0",
        "redirect_url": "http://processor/0?return=http://api.test/payment-done?setup=card",
        "complete": False,
    }
    assert (await world.client.post(CARDS, headers=key)).json() == begun.json()
    other = await world.client.post(CARDS, headers=key, json={"type": "card"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")
    saved = (await world.client.get(CARDS, headers=mine)).json()["payment_methods"]
    shown = {name: value for name, value in saved[0].items() if value is not None}
    assert shown == {
        "id": "pm_cus_1_1",
        "type": "card",
        "label": "Visa •••• 4242",
        "last4": "4242",
        "brand": "visa",
        "expires": "2029-08",
    }
    assert (await world.client.delete(CARDS, headers=mine)).status_code == 204
    assert (await world.client.get(CARDS, headers=mine)).json() == {"payment_methods": []}


async def test_the_processor_knows_a_pseudonym(world: World):
    mine = await world.sign_in()
    me = (await world.client.get(ME, headers=mine)).json()
    await world.client.post(CARDS, headers=mine)
    [known] = world.processor.pseudonyms
    assert known.startswith("rp_")
    assert me["id"] not in known


async def test_two_first_payments_at_once_leave_one_customer(world: World):
    mine = await world.sign_in()
    rider_id = (await world.client.get(ME, headers=mine)).json()["id"]
    wiring = world.wiring
    first = await get_or_create_customer(wiring.engine, wiring.gateway, wiring.secrets, rider_id)
    again = await get_or_create_customer(wiring.engine, wiring.gateway, wiring.secrets, rider_id)
    assert first == again
    assert list(world.processor.customers) == [first]


async def test_a_processor_that_is_down_is_503_and_the_export_goes_on(world: World):
    mine = await world.sign_in()
    await world.client.post(CARDS, headers=mine)
    world.processor.down = True
    for answer in (
        await world.client.get(CARDS, headers=mine),
        await world.client.post(CARDS, headers=mine),
    ):
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "/problems/payments-unavailable",
        )
        assert answer.headers["retry-after"] == "5"
    export = await world.client.get("/v1/me/export", headers=mine)
    assert (export.status_code, export.json()["payment_methods"]) == (200, None)


async def test_the_export_has_everything(world: World):
    mine = await world.sign_in()
    await world.client.patch(ME, json={"name": "Anna Hansen"}, headers=mine)
    await world.client.post(PASSES, json={"kind": "wertmarke"}, headers=mine)
    await world.client.post(CARDS, headers=mine)
    export = (await world.client.get("/v1/me/export", headers=mine)).json()
    assert export == {
        "exported_at": "2026-11-25T08:00:00Z",
        "account": (await world.client.get(ME, headers=mine)).json(),
        **(await world.client.get(PASSES, headers=mine)).json(),
        **(await world.client.get(CARDS, headers=mine)).json(),
        "tickets": [],
        "claims": [],
        "bookings": [],
    }


def test_exported_bookings_show_money_as_everywhere():
    at = datetime(2026, 11, 25, 8, tzinfo=UTC)
    fare = Money(360)
    ride = LegRecord(
        id="leg_1",
        order_key="secret",
        mode=Mode.BIKE,
        state="ended",
        provider_id=ProviderId("demo-rad"),
        metered=True,
        departs_at=at,
        arrives_at=at,
        quoted=fare,
        ceiling=Money(500),
        final=None,
        vat_percent="19",
        tariff_version="1",
        product=None,
        price_lines=("base 1.00",),
        co2_grams=0,
        hold_expires_at=None,
        access_code="4711",
        access_format="CODE",
        access_base64=False,
        started_at=at,
        ended_at=at,
        used_minutes=12,
        used_metres=None,
        claimed=None,
        paid_before=None,
        detail=None,
    )
    booking = BookingRecord(
        id="bkg_1",
        rider_id="rdr_1",
        state="settled",
        aim="travel",
        payment_id="pay_1",
        passengers=1,
        price=fare,
        ceiling=Money(500),
        created_at=at,
        expires_at=at,
        failure_type=None,
        failure_detail=None,
        legs=(ride,),
    )
    (shown,) = dump_bookings([booking])
    (leg,) = cast("list[dict[str, object]]", shown["legs"])
    assert (shown["price"], leg["quoted"], leg["ceiling"], leg["final"]) == (
        {"amount": 360, "currency": "EUR"},
        {"amount": 360, "currency": "EUR"},
        {"amount": 500, "currency": "EUR"},
        None,
    )
    assert leg.keys().isdisjoint({"order_key", "access_code"})
    assert "minor" not in json.dumps(shown)
