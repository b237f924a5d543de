"""What an operator may answer, by mistake or on purpose, and what we make of it."""

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from payments.money import Money
from providers.errors import (
    ExpiredError,
    OutcomeUnknownError,
    ProviderError,
    UnreachableError,
)
from providers.http import parse_json
from providers.port import Provider
from providers.registry import open_provider
from providers.values import ReservationState, Usage
from tests.providers.city import bike_order
from tests.providers.conformance import now
from tests.providers.sandboxes import TOKEN, Sandbox

ORDER = bike_order("leg_1")


@pytest.fixture
async def provider(bikes: Sandbox) -> AsyncIterator[Provider]:
    async with httpx.AsyncClient(verify=False, trust_env=False) as http:
        yield open_provider(bikes.stanza, base_url=bikes.url, token=TOKEN, http=http, fares=None)


def booking(**more: object) -> str:
    return json.dumps({"id": "leg_1", "state": "PENDING", **more})


def finished(amount: str = "1.50", currency: str = "EUR", **more: object) -> str:
    leg = {
        "id": "leg_1",
        "state": "FINISHED",
        "actualDepartureTime": "2026-11-25T08:00:00Z",
        "actualArrivalTime": "2026-11-25T08:12:00Z",
        "distance": 2100,
        "asset": {"id": "new"},
        **more,
    }
    part = f'{{"type": "FIXED", "amount": {amount}, "currencyCode": "{currency}"}}'
    price = f'{{"estimated": false, "parts": [{part}]}}'
    return json.dumps(leg)[:-1] + f', "pricing": {price}}}'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '"PENDING"',
        "{",
        "\x00\xff",
        "[" * 100_000,
        "{}",
        booking(id="leg_2"),
        booking(id=7),
        booking(state="MAYBE"),
        booking(state="NEW"),
        booking(state=None),
        booking(legs="none"),
        booking(legs=[1, 2]),
        booking(legs=[{"distance": -1}]),
        booking(id="x" * 10_000),
        '{"id": "leg_1", "state": "PENDING", "legs": [{"distance": 1e999999999}]}',
        '{"id": "leg_1", "state": "PENDING", "x": NaN}',
        '{"id": "leg_1", "state": "PENDING", "x": -Infinity}',
        '{"id": "leg_1", "state": "PENDING", "x": ' + "9" * 5000 + "}",
    ],
)
async def test_a_booking_that_cannot_be_trusted_is_an_unknown_outcome(
    bikes: Sandbox, provider: Provider, body: str
):
    bikes.fault("book", "raw", status=201, body=body)
    with pytest.raises(OutcomeUnknownError):
        await provider.hold(ORDER, now())
    found = await provider.find_reservation(ORDER, now())
    assert found is not None
    assert found.state is ReservationState.HELD


@pytest.mark.parametrize(
    "body",
    [
        finished(amount="-1.50"),
        finished(amount="NaN"),
        finished(amount='"1.50"'),
        finished(amount="true"),
        finished(amount="1.505"),
        finished(amount="1e9"),
        finished(currency="USD"),
        finished(currency="euro"),
        finished(actualArrivalTime="2026-11-25T07:00:00Z"),
        finished(actualArrivalTime="2026-11-25T08:12:00"),
        finished(actualArrivalTime=1764057600),
        finished(actualArrivalTime="tomorrow"),
        finished(actualArrivalTime="9999-12-31T23:59:59Z"),
        finished(actualDepartureTime="0001-01-01T00:00:00Z"),
        finished(actualDepartureTime="0001-01-01T00:00:00+01:00"),
        finished(distance=-1),
        finished(distance=10**12),
        finished(distance="2100"),
        json.dumps({"id": "leg_1", "state": "FINISHED"}),
    ],
)
async def test_a_ride_report_that_cannot_be_trusted_is_an_unknown_outcome(
    bikes: Sandbox, provider: Provider, body: str
):
    for step in (provider.hold, provider.confirm, provider.start):
        await step(ORDER, now())
    bikes.fault("finish", "raw", body=body)
    with pytest.raises(OutcomeUnknownError):
        await provider.finish(ORDER, now())


async def test_a_price_that_does_not_follow_from_the_tariff_is_disputed(
    bikes: Sandbox, provider: Provider
):
    for step in (provider.hold, provider.confirm, provider.start):
        await step(ORDER, now())
    bikes.fault("finish", "raw", body=finished(amount="14.90"))
    report = (await provider.finish(ORDER, now())).report
    assert report is not None
    assert (report.price, report.expected) == (Money(1490), Money(150))
    assert report.usage == Usage(12, 2100)
    assert report.disputed


async def test_a_tariff_we_do_not_know_any_more_cannot_be_checked(
    bikes: Sandbox, provider: Provider
):
    order = replace(ORDER, tariff_version="basis/2019-01")
    for step in (provider.hold, provider.confirm, provider.start):
        await step(order, now())
    report = (await provider.finish(order, now())).report
    assert report is not None
    assert (report.expected, report.disputed) == (None, False)


async def test_a_hold_that_has_expired_when_it_arrives_is_none(bikes: Sandbox, provider: Provider):
    bikes.fault("book", "raw", status=201, body=booking(state="EXPIRED"))
    with pytest.raises(ExpiredError):
        await provider.hold(ORDER, now())


async def streamed(body: bytes) -> AsyncIterator[bytes]:
    yield body


def answering(
    bikes: Sandbox, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Provider:
    """The adapter, with an operator that offers everything and answers the rest like this."""
    planning = b'{"validUntil": "2026-11-26T08:00:00Z", "options": [{"id": "leg_1"}]}'

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/planning/offers":
            return httpx.Response(201, content=streamed(planning))
        return httpx.Response(status, headers=headers, content=streamed(body))

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return open_provider(
        bikes.stanza, base_url="http://operator", token=None, http=http, fares=None
    )


@pytest.mark.parametrize(
    ("expires", "held"),
    [
        ("Wed, 25 Nov 1998 08:00:00 GMT", False),
        ("Wed, 25 Nov 2099 08:00:00 GMT", True),
        ("whenever", True),
        ("", True),
    ],
)
async def test_the_end_of_a_hold_lies_ahead(bikes: Sandbox, expires: str, held: bool):
    provider = answering(bikes, 201, booking().encode(), {"Expires": expires})
    if held:
        found = await provider.hold(ORDER, now())
        assert found.expires_at is not None
        assert found.expires_at > now()
    else:
        with pytest.raises(ExpiredError):
            await provider.hold(ORDER, now())


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (201, gzip.compress(b"0" * 10**8), {"Content-Encoding": "gzip"}),
        (302, b"", {"Location": "http://127.0.0.1/elsewhere"}),
        (204, b"", {}),
        (503, b"", {"Retry-After": "1"}),
    ],
    ids=["bomb", "redirect", "nothing", "busy"],
)
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(
    bikes: Sandbox, status: int, body: bytes, headers: dict[str, str]
):
    with pytest.raises(OutcomeUnknownError):
        await answering(bikes, status, body, headers).hold(ORDER, now())


async def test_too_many_requests_were_turned_away_unread(bikes: Sandbox):
    with pytest.raises(UnreachableError):
        await answering(bikes, 429).hold(ORDER, now())


@pytest.mark.parametrize("body", ["{}", "null", '{"a": 1}', "[", "[NaN]"])
async def test_availability_that_is_no_list_is_not_to_be_had(
    bikes: Sandbox, provider: Provider, body: str
):
    bikes.fault("assets", "raw", body=body)
    with pytest.raises(UnreachableError):
        await provider.availability(now())


async def test_bad_items_do_not_spoil_availability(bikes: Sandbox, provider: Provider):
    good = {"id": "a", "stationId": "hbf", "overriddenProperties": {"meta": {"vehicleRef": "r"}}}
    nameless = {"id": "b", "stationId": "hbf"}
    nowhere = {"id": "c", "overriddenProperties": {"meta": {"vehicleRef": "s"}}}
    kinds = [
        {"id": "rad", "assets": [good, nameless, nowhere]},
        {"id": "tandem", "assets": [{**good, "id": "d"}]},
        {"id": 5},
        "rad",
        {"id": "rad", "assets": [{"id": "e", "isReserved": "perhaps"}]},
    ]
    bikes.fault("assets", "raw", body=json.dumps(kinds))
    found = await provider.availability(now())
    assert [(v.ref, v.id) for v in found.vehicles] == [("r", "demo-rad:a")]


async def test_errors_carry_a_short_printable_detail(bikes: Sandbox, provider: Provider):
    told = {"errorcode": "x", "detail": "\u001b[31m" + "y" * 5000}
    bikes.fault("book", "raw", status=418, body=json.dumps(told))
    with pytest.raises(ProviderError) as caught:
        await provider.hold(ORDER, now())
    assert len(str(caught.value)) < 300
    assert "\u001b" not in str(caught.value)


def test_decimals_stay_exact():
    assert str(parse_json(b'{"a": 3.60}')) == "{'a': Decimal('3.60')}"
