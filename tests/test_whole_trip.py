"""The whole product as its processes: a trip, and what may go wrong with a request."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.api_client import Json, Rider, morning, rider_of, run_mobility
from tests.processes import Instance

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240), pytest.mark.xdist_group("trip")]


@pytest.fixture(scope="module")
def anna(instance: Instance, http: httpx.Client) -> Rider:
    return rider_of(instance, http, "anna")


@pytest.fixture(scope="module")
def ben(instance: Instance, http: httpx.Client) -> Rider:
    return rider_of(instance, http, "ben")


def test_the_narrated_trip_adds_up(instance: Instance) -> None:
    told = run_mobility(instance, "trip")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Everything adds up." in told.stdout


def test_a_repeated_request_books_once(anna: Rider) -> None:
    offer, key = anna.offer("bike"), str(uuid.uuid4())
    first, second = anna.book(offer, key=key), anna.book(offer, key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = anna.book(offer, method="pm_card_mastercard", key=key)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")
    anna.post(f"/v1/bookings/{first.json()['id']}/cancel")


def test_two_riders_race_over_http(anna: Rider, ben: Rider) -> None:
    offer = anna.offer("bike")
    answers: dict[str, httpx.Response] = {}

    def book(name: str, rider: Rider) -> None:
        answers[name] = rider.book(offer)

    racers = [threading.Thread(target=book, args=(n, r)) for n, r in (("a", anna), ("b", ben))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    by_status = {answer.status_code: answer.json() for answer in answers.values()}
    assert sorted(by_status) == [201, 409]
    assert by_status[409]["type"] == "/problems/vehicle-taken"
    assert "nothing was charged" in by_status[409]["detail"]
    winner = anna if answers["a"].status_code == 201 else ben
    winner.post(f"/v1/bookings/{by_status[201]['id']}/cancel")


def test_a_declined_card_is_a_402_and_leaves_nothing_behind(anna: Rider) -> None:
    answer = anna.book(anna.offer("bike"), method="pm_card_chargeDeclined")
    assert (answer.status_code, answer.json()["type"]) == (402, "/problems/payment-declined")
    booking = wait_for(anna, answer.json()["booking_id"], "failed")
    assert booking["failure"] == "payment-declined"


def test_a_broken_bike_costs_nothing_and_the_next_one_is_booked_at_the_same_tariff(
    anna: Rider,
) -> None:
    booking = anna.book(anna.offer("bike")).json()
    bike = next(leg for leg in booking["legs"] if leg["mode"] == "bike")
    path = f"/v1/bookings/{booking['id']}/legs/{bike['id']}"
    told = anna.post(f"{path}/problem", {"kind": "vehicle_broken"}).json()
    assert told["report"]["outcome"] == "given_back"
    wait_for(anna, booking["id"], "cancelled")
    other = told["replacement"]
    assert other["legs"][0]["vehicle_id"] != bike["vehicle_id"]
    assert other["price"]["amount"] <= bike["price"]["amount"]
    again = anna.book(other["offer_id"]).json()
    assert again["state"] == "confirmed"
    anna.post(f"/v1/bookings/{again['id']}/cancel")


def test_a_pass_that_its_issuer_confirms_makes_the_bus_free(
    instance: Instance, http: httpx.Client
) -> None:
    carla = rider_of(instance, http, "carla")
    asked = {"kind": "deutschlandticket", "reference": "4711"}
    assert carla.post("/v1/me/passes", asked).json()["because"] == "unknown"
    full = carla.offer("bus")
    held = carla.post("/v1/me/passes", {"kind": "deutschlandticket"}).json()
    assert (held["state"], held["lowers_prices"]) == ("verified", True)
    refused = carla.book(full)
    assert (refused.status_code, refused.json()["price"]["amount"]) == (409, 0)
    booking = carla.book(refused.json()["offer_id"]).json()
    assert (booking["state"], booking["price"]["amount"]) == ("confirmed", 0)


def test_three_d_secure_is_one_visit_to_a_hosted_page(anna: Rider) -> None:
    booking = anna.book(anna.offer("bike"), method="pm_card_threeDSecure2Required").json()
    assert booking["state"] == "awaiting_payment"
    assert booking["next_actions"][0]["action"] == "pay"
    page = httpx.post(booking["payment"]["redirect_url"], data={"answer": "accept"})
    assert page.status_code == 303
    booking = wait_for(anna, booking["id"], "confirmed")
    assert booking["payment"]["state"] == "authorised"
    anna.post(f"/v1/bookings/{booking['id']}/cancel")


def test_a_cancelled_ticket_is_refunded(anna: Rider) -> None:
    found = anna.search(modes=["walk", "bus"], depart_at=morning())
    offer = next(j["offer_id"] for j in found["journeys"] if j["bookable"])
    booking = wait_for(anna, anna.book(offer).json()["id"], "confirmed")
    assert booking["payment"]["state"] == "captured"
    terms = anna.get(f"/v1/bookings/{booking['id']}/cancellation").json()
    assert (terms["possible"], terms["refund"]["amount"]) == (True, booking["price"]["amount"])
    cancelled = anna.post(f"/v1/bookings/{booking['id']}/cancel").json()
    assert (cancelled["state"], cancelled["payment"]["state"]) == ("cancelled", "refunded")


def test_a_receipt_is_json_or_pdf(anna: Rider, http: httpx.Client) -> None:
    booking = anna.book(anna.offer("bike")).json()
    leg = next(leg["id"] for leg in booking["legs"] if leg["provider_id"])
    path = f"/v1/bookings/{booking['id']}"
    assert anna.get(f"{path}/receipt").json()["type"] == "/problems/wrong-state"
    for verb in ("start", "finish"):
        anna.post(f"{path}/legs/{leg}/{verb}")
    wait_for(anna, booking["id"], "settled")
    assert anna.get(f"{path}/receipt").json()["total"] == anna.get(path).json()["legs"][1]["price"]
    pdf = http.get(f"{path}/receipt", headers=anna.headers | {"Accept": "application/pdf"})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")


def test_finance_computes_a_receipt_anew(anna: Rider, instance: Instance) -> None:
    booking = anna.book(anna.offer("bike")).json()
    leg = next(leg["id"] for leg in booking["legs"] if leg["provider_id"])
    early = run_mobility(instance, "finance", "receipt", booking["id"])
    assert (early.returncode, "its receipt comes when the trip is over" in early.stderr) == (
        1,
        True,
    )
    for verb in ("start", "finish"):
        anna.post(f"/v1/bookings/{booking['id']}/legs/{leg}/{verb}")
    wait_for(anna, booking["id"], "settled")
    told = run_mobility(instance, "finance", "receipt", booking["id"])
    assert (told.returncode, leg in told.stdout, "equal" in told.stdout) == (0, True, True)
    assert run_mobility(instance, "finance", "receipt", "bkg_nothing").returncode == 1


def test_a_booking_can_be_followed_live(anna: Rider, http: httpx.Client) -> None:
    booking = anna.book(anna.offer("bike")).json()
    ticket = anna.post(f"/v1/bookings/{booking['id']}/stream-ticket").json()["ticket"]
    states = []
    with http.stream("GET", f"/v1/streams/{ticket}") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                states.append(json.loads(line[6:])["state"])
                if len(states) == 1:
                    anna.post(f"/v1/bookings/{booking['id']}/cancel")
    assert (states[0], states[-1]) == ("confirmed", "cancelled")
    assert http.get("/v1/streams/forged.ticket").status_code == 401


def test_the_bike_in_front_of_me(anna: Rider, http: httpx.Client) -> None:
    seen = http.get("/v1/vehicles?bbox=10.66,53.86,10.70,53.88").json()["vehicles"]
    bike = next(vehicle for vehicle in seen if vehicle["mode"] == "bike")
    offer = anna.post("/v1/offers", {"vehicle_id": bike["id"]}).json()
    booking = anna.book(offer["offer_id"]).json()
    assert (booking["state"], [leg["mode"] for leg in booking["legs"]]) == ("confirmed", ["bike"])
    anna.post(f"/v1/bookings/{booking['id']}/cancel")


def test_nobody_sees_another_riders_booking(anna: Rider, ben: Rider) -> None:
    booking = anna.book(anna.offer("bike")).json()
    path = f"/v1/bookings/{booking['id']}"
    leg = booking["legs"][-1]["id"]
    reads = [path, f"{path}/cancellation", f"{path}/receipt", f"{path}/legs/{leg}/ticket"]
    writes = [f"{path}/cancel", f"{path}/legs/{leg}/start", f"{path}/legs/{leg}/finish"]
    writes += [f"{path}/stream-ticket"]
    statuses = [ben.get(p).status_code for p in reads] + [ben.post(p).status_code for p in writes]
    assert statuses == [404] * 8
    assert booking["id"] not in ben.get("/v1/bookings").text
    anna.post(f"{path}/cancel")


HOSTILE: list[tuple[str, str, object, dict[str, str], int]] = [
    ("POST", "/v1/bookings", b"{", {"Idempotency-Key": "k"}, 400),
    ("POST", "/v1/bookings", b"[" * 100_000, {"Idempotency-Key": "k"}, 400),
    ("POST", "/v1/bookings", b"\xff\xfe", {"Idempotency-Key": "k"}, 400),
    ("POST", "/v1/bookings", b"{}", {"Idempotency-Key": "k"}, 422),
    ("POST", "/v1/bookings", {"offer_id": "off_1", "payment_method": "pm_card_visa"}, {}, 400),
    (
        "POST",
        "/v1/bookings",
        {"offer_id": "off_" + "a" * 26, "payment_method": "pm_card_visa"},
        {"Idempotency-Key": "gone"},
        410,
    ),
    (
        "POST",
        "/v1/bookings",
        {"offer_id": "x\x00y", "payment_method": "pm_card_visa"},
        {"Idempotency-Key": "nul"},
        410,
    ),
    ("POST", "/v1/bookings", b" " * 2_000_000, {"Idempotency-Key": "k"}, 413),
    ("GET", "/v1/bookings/bkg_nothing", None, {}, 404),
    ("GET", "/v1/bookings/%00", None, {}, 422),
    ("POST", "/v1/bookings/bkg_nothing/cancel", None, {}, 404),
    ("POST", "/v1/bookings/bkg_nothing/legs/leg_1/start", None, {}, 404),
    ("GET", "/v1/bookings?cursor=!!", None, {}, 400),
    ("GET", "/v1/bookings?limit=0", None, {}, 422),
    ("GET", "/v1/finance/balances", None, {}, 403),
    ("GET", "/v1/operations/steps", None, {}, 403),
    ("DELETE", "/v1/bookings", None, {}, 405),
    ("GET", "/v1/nothing", None, {}, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), HOSTILE)
def test_a_hostile_request_gets_its_problem(
    anna: Rider,
    http: httpx.Client,
    method: str,
    path: str,
    body: object,
    headers: dict[str, str],
    status: int,
) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    headers = {"Content-Type": "application/json", **headers}
    answer = http.request(method, path, headers=anna.headers | headers, **sent)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_a_hundred_megabytes_is_refused_unread(anna: Rider, http: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    try:
        answer = http.post("/v1/bookings", content=endless(), headers=anna.headers)
    except httpx.WriteError:
        return
    assert answer.status_code == 413


def test_wrong_tokens_are_401(http: httpx.Client) -> None:
    for token in ("x", "a.b.c", "Bearer", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyZHJfMSJ9."):
        answer = http.get("/v1/bookings", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def wait_for(rider: Rider, booking_id: str, *states: str) -> Json:
    deadline = time.monotonic() + 30
    booking: Json = {}
    while time.monotonic() < deadline:
        booking = rider.get(f"/v1/bookings/{booking_id}").json()
        under_way = ("authorising", "capturing", "releasing", "unknown")
        settled = booking["payment"]["state"] not in under_way
        if booking["state"] in states and settled:
            return booking
        time.sleep(0.1)
    raise AssertionError(f"{booking_id} is still {booking}")
