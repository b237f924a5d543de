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

from gtfs.geo import distance_m
from mobility.cities.city import City, load_city
from mobility.embedded.environment import settings_in
from mobility.embedded.folder import DataFolder, find_running
from mobility.settings import Settings
from mobility.trip_client import Client, Json, TripFailedError, sign_in, token_for
from payments.money import Money

EMAIL = "anna.trip@example.org"
FINANCE = "finance.trip@example.org"
NEAR_M, FAR_M, LOOKS = 1_500, 9_000, 15
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


def list_ways(city: City, origin: str | None, destination: str | None) -> list[tuple[str, str]]:
    """Where to look for a trip: as asked, else from the station to places some way off."""
    stations = [place for place in city.places if place.kind == "station"] or list(city.places)
    start = origin or stations[0].name
    if destination is not None:
        return [(start, destination)]
    far = [
        place
        for place in city.places
        if NEAR_M < distance_m(stations[0].position, place.position) < FAR_M
    ]
    far.sort(key=lambda place: place.kind != "university")
    return [(start, place.name) for place in far[:LOOKS]] or [(start, city.places[-1].name)]


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
    journey = _search(trip, list_ways(city, origin, destination))
    booking = _book(trip, journey)
    _show_provider(trip, booking)
    _show_tickets(trip, booking)
    booking = _ride(trip, booking)
    receipt = _receipt(trip, booking)
    _finance(trip, booking, receipt)
    console.print("\n[bold green]Everything adds up.[/bold green]")


def _search(trip: Trip, ways: list[tuple[str, str]]) -> Json:
    """Search one way after another until bus and rental go together; else the last one found."""
    best: tuple[Json, Json, Json] | None = None
    for origin, destination in ways:
        start, goal = (_place(trip, text) for text in (origin, destination))
        found = trip.rider.post(
            "/v1/journeys/search",
            {"from": _position(start), "to": _position(goal)},
        )
        if best is None or _variety(found) > _variety(best[2]):
            best = (start, goal, found)
        if _variety(found) > 1:
            break
    if best is None:
        raise TripFailedError("the city has no places to go to")
    start, goal, found = best
    trip.chapter(f"2  From {start['name']} to {goal['name']}: what there is")
    _show_journeys(trip, found)
    return _chosen(found["journeys"])


def _place(trip: Trip, text: str) -> Json:
    places: list[Json] = trip.rider.post("/v1/places/search", {"text": text})["places"]
    if not places:
        raise TripFailedError(f"no place is called {text!r}; try another with --from and --to")
    return places[0]


def _position(place: Json) -> Json:
    return {"lat": place["lat"], "lon": place["lon"]}


def _show_journeys(trip: Trip, found: Json) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for column in ("leave", "arrive", "way", "price", "CO₂", "why"):
        right = column in ("price", "CO₂")
        table.add_column(column, justify="right" if right else "left", no_wrap=column != "why")
    for journey in found["journeys"]:
        table.add_row(
            trip.clock(journey["departs_at"]),
            trip.clock(journey["arrives_at"]),
            _way(journey),
            _price(journey["price"]),
            f"{journey['co2_grams']} g",
            ", ".join(journey["reasons"]),
        )
    trip.console.print(table)
    for notice in found["notices"]:
        trip.say(f"[dim]{notice['text']}[/dim]")


def _variety(found: Json) -> int:
    """How many kinds of vehicle the most varied bookable journey has."""
    return max((_kinds(j) for j in found["journeys"] if j["bookable"]), default=0)


def _kinds(journey: Json) -> int:
    return len({leg["mode"] for leg in journey["legs"]} - {"walk"})


def _chosen(journeys: list[Json]) -> Json:
    """The journey with the most kinds of vehicle in it, as that books the most as one."""
    bookable = [journey for journey in journeys if journey["bookable"]]
    if not bookable:
        raise TripFailedError("nothing that was found can be booked; see the notices above")
    return max(bookable, key=_kinds)


def _book(trip: Trip, journey: Json) -> Json:
    trip.chapter("3  She books every leg as one and pays once")
    trip.say(f"{_way(journey)} for {_price(journey['price'])}")
    if _kinds(journey) < 2:
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
    legs = [leg for leg in booking["legs"] if leg["mode"] in ("bus", "ferry")]
    for number, leg in enumerate(legs):
        ticket = trip.rider.get(f"/v1/bookings/{booking['id']}/legs/{leg['id']}/ticket")
        if number:
            trip.say(f"and one for {leg['origin']} → {leg['destination']}")
            continue
        trip.chapter(f"5  Her ticket for {leg['origin']} → {leg['destination']}")
        trip.say(f"valid until {trip.clock(ticket['valid_until'])}, signed, to be checked offline")
        drawn = io.StringIO()
        segno.make(ticket["payload"], error="l").terminal(out=drawn, compact=True, border=2)
        trip.console.print(drawn.getvalue().rstrip("\n"), markup=False, soft_wrap=True)


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


def _way(journey: Json) -> str:
    """The vehicles of a journey; a walk is shown only where there is nothing else."""
    legs = [leg for leg in journey["legs"] if leg["mode"] != "walk"] or journey["legs"]
    return " ".join(
        ICONS[leg["mode"]] + (f" {leg['line']}" if leg.get("line") else "") for leg in legs
    )


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
