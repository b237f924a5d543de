"""Finding the trip to tell: where bus and rental go together, if they do anywhere now."""

from __future__ import annotations

from rich.table import Table

from gtfs.geo import distance_m
from mobility.cities.city import City
from mobility.trip_client import Json, TripFailedError
from mobility.trip_story import Trip, price_text, way_text

NEAR_M, FAR_M, LOOKS = 1_500, 9_000, 15
"""How far off a default goal is, and how many of them are looked at."""


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


def find_journey(trip: Trip, ways: list[tuple[str, str]]) -> Json:
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
            way_text(journey),
            price_text(journey["price"]),
            f"{journey['co2_grams']} g",
            ", ".join(journey["reasons"]),
        )
    trip.console.print(table)
    for notice in found["notices"]:
        trip.say(f"[dim]{notice['text']}[/dim]")


def _variety(found: Json) -> int:
    """How many kinds of vehicle the most varied bookable journey has."""
    return max((count_kinds(j) for j in found["journeys"] if j["bookable"]), default=0)


def count_kinds(journey: Json) -> int:
    """How many kinds of vehicle a journey has; a walk is none."""
    return len({leg["mode"] for leg in journey["legs"]} - {"walk"})


def _chosen(journeys: list[Json]) -> Json:
    """The journey with the most kinds of vehicle in it, as that books the most as one."""
    bookable = [journey for journey in journeys if journey["bookable"]]
    if not bookable:
        raise TripFailedError("nothing that was found can be booked; see the notices above")
    return max(bookable, key=count_kinds)
