"""The receipt as JSON and as a PDF says the same; and a bill can be shared."""

from __future__ import annotations

import re
import zlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from mobility.db import transaction
from mobility.tables import booking, leg
from payments.debt import leave, open_debt
from payments.money import Money
from payments.operation import OperationKind
from payments.payment import get_row, new_payment
from payments.record import insert_operation
from tests.api.conftest import START, World

Json = dict[str, Any]
PDF = {"Accept": "application/pdf"}


async def anna_rode(world: World) -> dict[str, str]:
    """Anna, signed in, after a bus for two, one on a pass, and half an hour by bike."""
    headers = await world.sign_in()
    rider_id = (await world.client.get("/v1/trial/rider", headers=headers)).json()
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            booking.insert().values(
                id="bkg_1", rider_id=rider_id, offer_id="off_1", state="settled", aim="travel",
                payment_id="pay_1", payment_method="pm_card_visa", passengers=2, currency="EUR",
                price_minor=560, ceiling_minor=900, created_at=START, expires_at=START,
            )
        )  # fmt: skip
        common = {
            "booking_id": "bkg_1", "state": "ended", "commission_percent": 4, "co2_grams": 10,
            "departs_at": START, "arrives_at": START, "ended_at": START,
        }  # fmt: skip
        await tx.execute(
            leg.insert().values(
                id="leg_1", position=0, mode="bus", provider_id="stadtverkehr-luebeck",
                scarce=False, order_key="leg_1", tariff_version="sh-tarif-2026-04-01",
                product="single:2:adult:pass", quoted_minor=360, ceiling_minor=360, vat_percent=7,
                price_lines=["1 Person mit hinterlegter Berechtigung: 0,00 €"], **common,
            )
        )  # fmt: skip
        await tx.execute(
            leg.insert().values(
                id="leg_2", position=1, mode="bike", provider_id="demo-rad", scarce=True,
                order_key="leg_2", tariff_version="rad-2026/2026-01", quoted_minor=100,
                ceiling_minor=300, final_minor=200, claimed_minor=200, paid_before_minor=0,
                vat_percent=19, used_minutes=40, used_metres=6000,
                price_lines=["40 min: 2 x angefangene 30 min x 1,00 € = 2,00 €"], **common,
            )
        )  # fmt: skip
        await new_payment(
            tx, id="pay_1", booking_id="bkg_1", state="captured", currency="EUR",
            amount_minor=900, authorised_minor=900, captured_minor=560, customer_ref="cus_1",
            method="pm_card_visa", paid_with="Apple Pay, Visa •••• 4242",
            return_url="http://api.test", created_at=START,
            updated_at=START,
        )  # fmt: skip
        row = await get_row(tx, "pay_1")
        await insert_operation(tx, row, OperationKind.CAPTURE, 560, START)
        await tx.execute(
            text("update money_operation set state = 'done', decided_at = first_sent_at")
        )
    return headers


async def ask(world: World, headers: dict[str, str], path: str = "receipt") -> Any:
    return await world.client.get(f"/v1/bookings/bkg_1/{path}", headers=headers)


def text_of(pdf: bytes) -> str:
    """The text of a PDF by fpdf2: its content streams, strings in the order they are shown."""
    shown = []
    for stream in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        shown += [
            re.sub(rb"\\(.)", rb"\1", found).decode("latin-1")
            for found in re.findall(rb"\(((?:[^()\\]|\\.)*)\) ?T[jJ]", content)
        ]
    return "\n".join(shown)


def euros(amount: Json) -> str:
    return f"{amount['amount'] / 100:.2f} {amount['currency']}".replace(".", ",")


async def test_every_ride_has_its_day_and_what_was_not_used_has_none(world: World) -> None:
    """The bus left at nine; the bike was unlocked five minutes later than planned."""
    headers = await anna_rode(world)
    async with transaction(world.wiring.engine) as tx:
        later = START + timedelta(minutes=5)
        await tx.execute(update(leg).values(started_at=later))
    bus, bike = (await ask(world, headers)).json()["lines"]
    assert (bus["began_at"], bike["began_at"]) == ("2026-11-25T08:00:00Z", "2026-11-25T08:05:00Z")
    document = await world.client.get("/v1/bookings/bkg_1/receipt", headers=headers | PDF)
    days = re.findall(r"Fahrt am .*", text_of(document.content))
    assert days == ["Fahrt am 25.11.2026 um 09:00 Uhr", "Fahrt am 25.11.2026 um 09:05 Uhr"]
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(update(leg).where(leg.c.id == "leg_1").values(state="cancelled"))
    assert (await ask(world, headers)).json()["lines"][0]["began_at"] is None


async def test_every_line_says_what_its_price_consists_of(world: World) -> None:
    receipt = (await ask(world, await anna_rode(world))).json()
    bus, bike = receipt["lines"]
    assert [(i["kind"], i["units"], i["unit_price"], i["amount"]) for i in bus["items"]] == [
        ("ticket", 2, "3.60", "7.20"),
        ("pass", 1, "-3.60", "-3.60"),
    ]
    assert [(i["kind"], i["units"], i["unit"], i["amount"]) for i in bike["items"]] == [
        ("time", 2, "30 min", "2.00")
    ]
    assert [(x["role"], x["off"]["amount"], x["tariff_version"]) for x in (bus, bike)] == [
        ("agent", 0, "sh-tarif-2026-04-01"),
        ("agent", 0, "rad-2026/2026-01"),
    ]
    assert [(x["net"]["amount"], x["vat"]["amount"]) for x in (bus, bike)] == [(336, 24), (168, 32)]
    assert receipt["movements"] == [
        {
            "kind": "charge",
            "at": "2026-11-25T08:00:00Z",
            "amount": {"amount": 560, "currency": "EUR"},
            "paid_with": "Apple Pay, Visa •••• 4242",
        }
    ]


async def test_the_pdf_says_what_the_json_says(world: World) -> None:
    headers = await anna_rode(world)
    receipt = (await ask(world, headers)).json()
    shown = text_of((await ask(world, headers | PDF)).content)
    for line in receipt["lines"]:
        assert line["provider_name"] in shown
        assert line["tariff_version"] in shown
        for amount in (line["gross"], line["net"], line["vat"]):
            assert euros(amount) in shown
        for item in line["items"]:
            priced = f"{item['unit_price']} = {item['amount']}".replace(".", ",")
            unit = {"ride": "Fahrt", "person": "Person"}.get(item["unit"], item["unit"])
            assert f"{item['units']} x {unit} x {priced}" in shown
    for amount in (receipt["total"], receipt["captured"]):
        assert euros(amount) in shown
    (movement,) = receipt["movements"]
    assert f"abgebucht am 25.11.2026 um 09:00 Uhr: {euros(movement['amount'])}" in shown
    assert "(Apple Pay, Visa **** 4242)" in shown
    assert "noch offen" not in shown
    assert "nicht nachrechenbar" not in shown


async def split(world: World, headers: dict[str, str], body: object) -> Any:
    return await world.client.post("/v1/bookings/bkg_1/split", json=body, headers=headers)


def places_of(pdf: bytes) -> list[tuple[float, str]]:
    """How far from the left each text of a PDF by fpdf2 begins, in points, and the text."""
    found = []
    for stream in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        try:
            content = zlib.decompress(stream).decode("latin-1")
        except zlib.error:
            continue
        shown = re.findall(r"([\d.]+) [\d.]+ Td \(((?:[^()\\]|\\.)*)\) ?Tj", content)
        found += [(float(left), re.sub(r"\\(.)", r"\1", text)) for left, text in shown]
    return found


async def test_what_does_not_fit_a_line_of_the_pdf_goes_on_below_its_beginning(
    world: World,
) -> None:
    headers = await anna_rode(world)
    async with transaction(world.wiring.engine) as tx:
        long = [" ".join(f"Wort{number}" for number in range(40))]
        await tx.execute(update(leg).where(leg.c.id == "leg_1").values(price_lines=long))
    shown = places_of((await ask(world, headers | PDF)).content)
    (begins,) = [left for left, text in shown if "Wort0 " in text]
    (goes_on,) = [left for left, text in shown if "Wort39" in text]
    (margin,) = [left for left, text in shown if text == "Summe"]
    assert margin < begins == goes_on


async def test_the_pdf_asks_for_nothing_that_is_too_little_to_be_charged(world: World) -> None:
    headers = await anna_rode(world)
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(text("update payment set receivable_minor = 40"))
        await open_debt(tx, "pay_1", "bkg_1", Money(40), START)
    lines = text_of((await ask(world, headers | PDF)).content).split("\n")
    assert lines[lines.index("noch offen") + 1] == "0,40 EUR"
    async with transaction(world.wiring.engine) as tx:
        await leave(tx, "pay_1", "amount_too_small", START)
    lines = text_of((await ask(world, headers | PDF)).content).split("\n")
    assert lines[lines.index("zu wenig, um es abzubuchen") + 1] == "0,40 EUR"
    assert ("noch offen" in lines, lines[lines.index("abgebucht") + 1]) == (False, "5,60 EUR")


async def test_names_are_readable_whatever_their_letters_and_length(world: World) -> None:
    headers = await anna_rode(world)
    who = ["Łukasz Wiśniewski", "Gülşah Yılmaz", "Mu\u0308ller", "W" * 60]
    shares = [{"label": name, "amount": 140} for name in who]
    answer = await world.client.post(
        "/v1/bookings/bkg_1/split", json={"shares": shares}, headers=headers | PDF
    )
    shown = places_of(answer.content)
    texts = [text for _, text in shown]
    assert {"Lukasz Wisniewski", "Gülsah Yilmaz", "Müller"} <= set(texts)
    assert "Summe, mit der Buchung bezahlt" in texts
    names = [text for text in texts if set(text) == {"W"}]
    assert ("".join(names), max(map(len, names)) < 45) == ("W" * 60, True)


async def test_a_bill_is_shared_as_json_and_as_a_document_to_send(world: World) -> None:
    headers = await anna_rode(world)
    shared = (await split(world, headers, {"equal": 3})).json()
    assert [share["amount"]["amount"] for share in shared["shares"]] == [187, 187, 186]
    by_hand = {"shares": [{"label": "Änne", "amount": 500}, {"label": " Ben ", "amount": 60}]}
    shares = (await split(world, headers, by_hand)).json()["shares"]
    assert [share["label"] for share in shares] == ["Änne", "Ben"]
    vat = [[rate["vat"]["amount"] for rate in share["rates"]] for share in shares]
    assert [sum(column) for column in zip(*vat, strict=True)] == [24, 32]
    shown = text_of((await split(world, headers | PDF, by_hand)).content)
    assert ("Änne" in shown, "5,00 EUR" in shown, "0,60 EUR" in shown) == (True, True, True)


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"shares": [{"label": "a", "amount": 559}]}, "split-does-not-add-up"),
        ({"shares": [{"label": "a", "amount": -1}]}, "invalid-request"),
        ({"shares": [{"label": "\x00", "amount": 560}]}, "invalid-request"),
        ({"shares": [{"label": "  ", "amount": 560}]}, "invalid-request"),
        ({"shares": []}, "invalid-request"),
        ({"equal": 0}, "invalid-request"),
        ({"equal": 21}, "invalid-request"),
        ({"equal": 2, "shares": [{"label": "a", "amount": 560}]}, "invalid-request"),
        ({}, "invalid-request"),
    ],
)
async def test_nonsense_is_not_shared(world: World, body: object, slug: str) -> None:
    answer = await split(world, await anna_rode(world), body)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


async def test_nobody_shares_or_sees_anothers_bill(world: World) -> None:
    await anna_rode(world)
    ben = await world.sign_in("ben@example.org")
    assert (await split(world, ben, {"equal": 2})).status_code == 404
    assert (await ask(world, ben)).status_code == 404
