"""``mobility trip``: one whole trip over HTTP, told as the rider, a provider and finance see it.

Every number that is shown twice is compared; the first that does not add up ends the trip with an
error.
"""

from __future__ import annotations

import io
import json
import time
from datetime import datetime, timedelta

import httpx
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from mobility.cities.city import load_city
from mobility.embedded.environment import settings_in
from mobility.embedded.folder import DataFolder, find_running
from mobility.settings import Settings
from mobility.trip_client import Client, Json, TripFailedError, sign_in, token_for
from mobility.trip_search import count_kinds, find_journey, list_ways
from mobility.trip_story import ICONS, Trip, money_text, price_text, way_text
from providers.bus.envelope import encode
from providers.bus.revocations import read_list
from providers.bus.ticket import show, verify
from providers.bus.ticket_errors import StaleCodeError, TicketError
from providers.bus.ticket_keys import read_keys

EMAIL = "anna.trip@example.org"
FINANCE = "finance.trip@example.org"


def take_trip(url: str | None, origin: str | None, destination: str | None) -> int:
    """Take the trip; returns the exit status."""
    console = Console(highlight=False)
    settings = Settings()
    running = find_running(settings.data)
    if running is not None:
        settings = settings_in(running, settings)
    base = url or settings.public_url or f"http://127.0.0.1:{settings.port}"
    try:
        with httpx.Client(base_url=base, timeout=30) as http:
            _tell(console, settings, http, origin, destination)
    except TripFailedError as error:
        console.print(f"\n[bold red]The trip failed.[/bold red] {error}", soft_wrap=True)
        if running is None and url is None:
            console.print("No instance runs here: start one with `make run`.")
        return 1
    return 0


def _tell(
    console: Console,
    settings: Settings,
    http: httpx.Client,
    origin: str | None,
    destination: str | None,
) -> None:
    console.print(f"[bold]A trip over {http.base_url}[/bold]")
    Client(http).get("/healthz")
    city = load_city(settings.city)
    rider = sign_in(http, settings.data / "mail", EMAIL)
    finance = Client(http, token_for("finance", FINANCE))
    trip = Trip(console, settings, http, city.timezone, rider, finance)
    trip.chapter("1  Anna signs in with the code from her mail and says who she is")
    me = rider.patch(
        "/v1/me",
        {"name": "Anna Hansen", "birth_date": "1997-04-23", "driving_licence": "declared"},
    )
    trip.say(f"{me['name']}, {me['email']}; everyone but identity knows her as {me['id']}")
    journey = find_journey(trip, list_ways(city, origin, destination))
    booking = _book(trip, journey)
    _show_provider(trip, booking)
    _show_tickets(trip, booking)
    booking = _ride(trip, booking)
    receipt = _receipt(trip, booking)
    _finance(trip, booking, receipt)
    console.print("\n[bold green]Everything adds up.[/bold green]")


def _book(trip: Trip, journey: Json) -> Json:
    trip.chapter("3  She books every leg as one and pays once")
    trip.say(f"{way_text(journey)} for {price_text(journey['price'])}")
    if count_kinds(journey) < 2:
        trip.say("[dim]Nothing that combines bus and rental leaves now; by day it does.[/dim]")
    began = time.monotonic()
    booking = trip.rider.post(
        "/v1/bookings",
        {"offer_id": journey["offer_id"], "payment_method": "pm_card_visa"},
        key=True,
    )
    took = time.monotonic() - began
    trip.say(f"{booking['id']} is [bold]{booking['state']}[/bold] after {took:.2f} s")
    for leg in booking["legs"]:
        trip.say(
            f"{ICONS[leg['mode']]} {leg['state']:<10} {leg['provider_id'] or 'on foot'}: "
            f"{leg['origin']} → {leg['destination']}"
        )
    trip.check("state of the booking", booking["state"], "confirmed")
    trip.check("price booked is the price offered", booking["price"], journey["price"])
    return booking


def _show_provider(trip: Trip, booking: Json) -> None:
    """What a rental provider sees of the booking: its own leg, and a name of its own for Anna."""
    rented = [leg for leg in booking["legs"] if leg["mode"] in ("bike", "car", "scooter")]
    keys = DataFolder(trip.settings.data).load_secrets().provider_keys
    rented = [leg for leg in rented if leg["provider_id"] in keys]
    if not rented:
        return
    provider_id = rented[0]["provider_id"]
    trip.chapter(f"4  What {provider_id} sees")
    provider = Client(trip.http, keys[provider_id])
    seen = provider.get("/v1/provider/bookings")["bookings"]
    mine = [item for item in seen if item["reference"] == rented[0]["id"]]
    if not mine:
        raise TripFailedError(f"{provider_id} does not see leg {rented[0]['id']}")
    trip.say(f"leg {mine[0]['reference']} is {mine[0]['state']} for rider {mine[0]['rider']}")
    fresh = provider.get("/v1/provider/freshness")
    trip.say(
        f"{fresh['vehicles']} vehicles at {fresh['stations']} stations, "
        f"last heard {fresh['age_seconds']} s ago"
    )


def _show_tickets(trip: Trip, booking: Json) -> None:
    """The tickets, bound to her phone; the first as it is shown and inspected without a network."""
    phone = Ed25519PrivateKey.generate()
    device_key = encode(phone.public_key().public_bytes_raw())
    legs = [leg for leg in booking["legs"] if leg["mode"] in ("bus", "ferry")]
    for number, leg in enumerate(legs):
        path = f"/v1/bookings/{booking['id']}/legs/{leg['id']}/ticket"
        ticket = trip.rider.post(path, {"device_key": device_key})
        if number:
            trip.say(f"and one for {leg['origin']} → {leg['destination']}")
            continue
        trip.chapter(f"5  Her ticket for {leg['origin']} → {leg['destination']}")
        start, end = trip.clock(ticket["valid_from"]), trip.clock(ticket["valid_until"])
        trip.say(f"valid from {start} to {end}, bound to her phone, where it needs no network")
        at = max(datetime.fromisoformat(ticket[name]) for name in ("valid_from", "server_time"))
        code = show(ticket["payload"], phone, at)
        drawn = io.StringIO()
        segno.make(code, error="l").terminal(out=drawn, compact=True, border=1)
        trip.console.print(drawn.getvalue().rstrip("\n"), markup=False, soft_wrap=True)
        _inspect(trip, leg, code, at)


def _inspect(trip: Trip, leg: Json, code: str, at: datetime) -> None:
    """What an inspector makes of it with the published keys and list, and of a copy of it."""
    anyone = Client(trip.http)
    keys = read_keys(json.dumps(anyone.get("/v1/tickets/keys")))
    revocations = read_list(json.dumps(anyone.get("/v1/tickets/revocations")), keys, at)
    try:
        ticket = verify(code, keys, revocations, at).ticket
    except TicketError as error:
        raise TripFailedError(f"an inspector refuses the ticket: {error}") from error
    trip.check("an inspector without a network reads it as of", ticket.issuer, leg["provider_id"])
    try:
        verify(code, keys, revocations, at + timedelta(minutes=1))
    except StaleCodeError as error:
        trip.say(f"a picture of it, a minute later: {error}")
    else:
        raise TripFailedError("a picture of the ticket is accepted a minute later")


def _ride(trip: Trip, booking: Json) -> Json:
    trip.chapter("6  She rides")
    for leg in booking["legs"]:
        if leg["provider_id"] is None:
            trip.say(f"{ICONS['walk']} {leg['origin']} → {leg['destination']}")
            continue
        _tell_meter(trip, leg)
        path = f"/v1/bookings/{booking['id']}/legs/{leg['id']}"
        for verb in ("start", "finish"):
            booking = trip.rider.post(f"{path}/{verb}")
            state = next(item["state"] for item in booking["legs"] if item["id"] == leg["id"])
            trip.say(f"{ICONS[leg['mode']]} {verb}: {leg['provider_id']} says {state}")
        trip.check(f"the {leg['mode']} leg", state, "ended")
    for _ in range(100):
        if booking["state"] == "settled":
            break
        time.sleep(0.1)
        booking = trip.rider.get(f"/v1/bookings/{booking['id']}")
    trip.check("state of the booking", booking["state"], "settled")
    return booking


def _tell_meter(trip: Trip, leg: Json) -> None:
    """Have the demo operator's meter run as long as planned, so that nobody has to wait."""
    operator = (trip.settings.provider_urls or {}).get(leg["provider_id"])
    if operator is None:
        return
    planned = datetime.fromisoformat(leg["arrives_at"]) - datetime.fromisoformat(leg["departs_at"])
    minutes = max(1, round(planned.total_seconds() / 60))
    metres = minutes * (450 if leg["mode"] == "car" else 230)
    answer = httpx.post(f"{operator}/sandbox/ride", json={"minutes": minutes, "metres": metres})
    if answer.status_code >= 400:
        raise TripFailedError(f"the demo operator's meter: {answer.text}")


def _receipt(trip: Trip, booking: Json) -> Json:
    trip.chapter("7  Her receipt: why it cost what it cost")
    receipt = trip.rider.get(f"/v1/bookings/{booking['id']}/receipt")
    for line in receipt["lines"]:
        trip.say(f"{ICONS[line['mode']]} {line['provider_name']} ({line['role']})")
        for calculation in line["calculation"]:
            trip.say(f"   {calculation}")
        trip.say(
            f"   {money_text(line['gross'])}, of it {money_text(line['vat'])} VAT at "
            f"{line['vat_percent']} %, tariff {line['tariff_version']}"
        )
    total = sum(line["gross"]["amount"] for line in receipt["lines"])
    trip.check("the lines sum to the total", total, receipt["total"]["amount"])
    trip.check("what was taken from her card", receipt["captured"], receipt["total"])
    trip.check("what she still owes", receipt["outstanding"]["amount"], 0)
    most = booking["price"].get("max") or booking["price"]["amount"]
    if total > most:
        raise TripFailedError(f"{total} is more than the {most} she agreed to")
    for line in receipt["lines"]:
        _compare_with_provider(trip, line)
    return receipt


def _compare_with_provider(trip: Trip, line: Json) -> None:
    """A rental provider's own final price is what the receipt says."""
    keys = DataFolder(trip.settings.data).load_secrets().provider_keys
    if line["provider_id"] not in keys:
        return
    provider = Client(trip.http, keys[line["provider_id"]])
    seen = provider.get("/v1/provider/bookings")["bookings"]
    final = next(item["final"] for item in seen if item["reference"] == line["leg_id"])
    trip.check(f"the final price that {line['provider_id']} has", final, line["gross"])


def _finance(trip: Trip, booking: Json, receipt: Json) -> None:
    trip.chapter("8  What finance sees: the ledger")
    trace = trip.finance.get(f"/v1/finance/traces/{booking['id']}")
    for journal in trace["journals"]:
        trip.say(f"[dim]{journal['kind']}[/dim] {journal.get('memo', '')}")
        for entry in journal["entries"]:
            trip.say(f"   {entry['account']:<44} {money_text(entry['amount']):>12}")
        balance = sum(entry["amount"]["amount"] for entry in journal["entries"])
        trip.check("debits and credits of this journal sum to", balance, 0)
    captured = [j for j in trace["journals"] if j["kind"] == "capture"]
    taken = sum(
        entry["amount"]["amount"]
        for journal in captured
        for entry in journal["entries"]
        if entry["amount"]["amount"] > 0
    )
    trip.check("the ledger took what the card gave", taken, receipt["captured"]["amount"])
    trip.chapter("9  Reconciliation with the payment processor")
    run = trip.finance.post("/v1/finance/reconciliations", {}, key=True)
    trip.say(f"{run['line_count']} lines of the processor, {run['matched_count']} matched")
    trip.check("cases that a person must look at", run["case_count"], 0)
    trip.check("ledger and processor", run["ledger"], run["processor"])
