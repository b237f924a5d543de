"""``mobility trip``: one whole trip over HTTP, told as the rider, a provider and finance see it.

Every number that is shown twice is compared; the first that does not add up ends the trip with an
error.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import segno
from rich.console import Console
from rich.table import Table

from mobility.embedded.environment import settings_in
from mobility.embedded.folder import DataFolder, find_running
from mobility.settings import Settings
from mobility.trip_client import Client, Json, TripFailedError, sign_in, token_for
from payments.money import Money

EMAIL = "anna.trip@example.org"
FINANCE = "finance.trip@example.org"
ICONS = {"walk": "🚶", "bus": "🚌", "ferry": "⛴", "bike": "🚲", "car": "🚗", "scooter": "🛴"}


@dataclass(slots=True)
class Trip:
    """The trip under way."""

    console: Console
    settings: Settings
    http: httpx.Client
    zone: ZoneInfo
    rider: Client
    finance: Client

    def say(self, text: str) -> None:
        """One sentence of the story."""
        self.console.print(f"  {text}", soft_wrap=True)

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def check(self, what: str, left: object, right: object) -> None:
        """Two numbers that must be the same.

        Raises:
            TripFailedError: they are not.
        """
        if left != right:
            raise TripFailedError(f"{what}: {left} is not {right}")
        self.console.print(f"  [green]✓[/green] {what}: {_shown(left)}", soft_wrap=True)

    def clock(self, text: str) -> str:
        """An instant as the city's clock shows it."""
        return datetime.fromisoformat(text).astimezone(self.zone).strftime("%H:%M")


def take_trip(url: str | None, origin: str, destination: str) -> int:
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
    console: Console, settings: Settings, http: httpx.Client, origin: str, destination: str
) -> None:
    console.print(f"[bold]A trip over {http.base_url}[/bold]")
    Client(http).get("/healthz")
    rider = sign_in(http, settings.data / "mail", EMAIL)
    finance = Client(http, token_for("finance", FINANCE))
    trip = Trip(console, settings, http, ZoneInfo("Europe/Berlin"), rider, finance)
    trip.chapter("1  Anna signs in with the code from her mail and says who she is")
    me = rider.patch(
        "/v1/me",
        {"name": "Anna Hansen", "birth_date": "1997-04-23", "driving_licence": "declared"},
    )
    trip.say(f"{me['name']}, {me['email']}; everyone but identity knows her as {me['id']}")
    journey = _search(trip, origin, destination)
    booking = _book(trip, journey)
    _show_provider(trip, booking)
    _show_tickets(trip, booking)
    booking = _ride(trip, booking)
    receipt = _receipt(trip, booking)
    _finance(trip, booking, receipt)
    console.print("\n[bold green]Everything adds up.[/bold green]")


def _search(trip: Trip, origin: str, destination: str) -> Json:
    ends = {}
    for end, text in (("from", origin), ("to", destination)):
        places = trip.rider.post("/v1/places/search", {"text": text})["places"]
        if not places:
            raise TripFailedError(f"no place is called {text!r}; try another with --{end}")
        ends[end] = places[0]
    trip.chapter(f"2  From {ends['from']['name']} to {ends['to']['name']}: what there is")
    found = trip.rider.post(
        "/v1/journeys/search",
        {end: {"lat": place["lat"], "lon": place["lon"]} for end, place in ends.items()},
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for column in ("leave", "arrive", "way", "price", "CO₂", "why"):
        table.add_column(column, justify="right" if column in ("price", "CO₂") else "left")
    for journey in found["journeys"]:
        table.add_row(
            trip.clock(journey["departs_at"]),
            trip.clock(journey["arrives_at"]),
            " ".join(_leg(leg) for leg in journey["legs"]),
            _price(journey["price"]),
            f"{journey['co2_grams']} g",
            ", ".join(journey["reasons"]) or (journey.get("not_bookable_because") or ""),
        )
    trip.console.print(table)
    for notice in found["notices"]:
        trip.say(f"[dim]{notice['text']}[/dim]")
    return _chosen(found["journeys"])


def _chosen(journeys: list[Json]) -> Json:
    """The journey with the most kinds of vehicle in it, as that books the most as one."""
    bookable = [journey for journey in journeys if journey["bookable"]]
    if not bookable:
        raise TripFailedError("nothing that was found can be booked; see the notices above")

    def kinds(journey: Json) -> int:
        return len({leg["mode"] for leg in journey["legs"]} - {"walk"})

    return max(bookable, key=kinds)


def _book(trip: Trip, journey: Json) -> Json:
    trip.chapter("3  She books every leg as one and pays once")
    trip.say(" ".join(_leg(leg) for leg in journey["legs"]) + f" for {_price(journey['price'])}")
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
    for leg in booking["legs"]:
        if leg["mode"] not in ("bus", "ferry"):
            continue
        ticket = trip.rider.get(f"/v1/bookings/{booking['id']}/legs/{leg['id']}/ticket")
        trip.chapter(f"5  Her ticket for {leg['origin']} → {leg['destination']}")
        drawn = io.StringIO()
        segno.make(ticket["payload"], error="l").terminal(out=drawn, compact=True, border=2)
        trip.console.print(drawn.getvalue().rstrip("\n"), markup=False, soft_wrap=True)
        return


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
            f"   {_money(line['gross'])}, of it {_money(line['vat'])} VAT at "
            f"{line['vat_percent']} %, tariff {line['tariff_version']}"
        )
    total = sum(line["gross"]["amount"] for line in receipt["lines"])
    trip.check("the lines sum to the total", total, receipt["total"]["amount"])
    trip.check("what was taken from her card", receipt["captured"], receipt["total"])
    most = booking["price"].get("max") or booking["price"]["amount"]
    if total > most:
        raise TripFailedError(f"{total} is more than the {most} she agreed to")
    return receipt


def _finance(trip: Trip, booking: Json, receipt: Json) -> None:
    trip.chapter("8  What finance sees: the ledger")
    trace = trip.finance.get(f"/v1/finance/traces/{booking['id']}")
    for journal in trace["journals"]:
        trip.say(f"[dim]{journal['kind']}[/dim] {journal.get('memo', '')}")
        for entry in journal["entries"]:
            trip.say(f"   {entry['account']:<44} {_money(entry['amount']):>12}")
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


def _leg(leg: Json) -> str:
    return ICONS[leg["mode"]] + (f" {leg['line']}" if leg.get("line") else "")


def _money(value: Json) -> str:
    return str(Money(value["amount"], value["currency"]))


def _price(value: Json) -> str:
    text = _money(value)
    if value["kind"] == "fixed":
        return text
    most = _money({"amount": value["max"], "currency": value["currency"]})
    return f"about {text}, at most {most}" if most != text else f"at most {text}"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "amount" in value:
        return _money(value)
    return str(value)
