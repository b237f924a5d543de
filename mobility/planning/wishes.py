"""What the wishes of a search leave out: said, so that nobody thinks that it does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from mobility.cities.city import City
from mobility.planning.fleets.kinds import Kind
from mobility.planning.itinerary import TRANSIT, Itinerary, Leg
from mobility.planning.request import Notice, SearchRequest
from providers.values import Mode

MANY = {
    Mode.WALK: "Fußwege",
    Mode.BUS: "Busse",
    Mode.FERRY: "Fähren",
    Mode.BIKE: "Leihräder",
    Mode.SCOOTER: "Leihroller",
    Mode.CAR: "Leihwagen",
}
_BY = {Mode.BUS: ("dem Bus", "er"), Mode.FERRY: ("der Fähre", "sie")}
_TWICE = 2
"""Another mode must be so many times as quick to be worth a word."""
_GAPS = 2
"""From so few gaps between departures a frequency is read."""


def not_here(request: SearchRequest, city: City, here: AbstractSet[Mode]) -> list[Notice]:
    """The modes asked for by name that the city does not have."""
    if request.modes == frozenset(Mode):
        return []
    return [
        Notice("mode_not_here", f"{MANY[mode]} gibt es in {city.title} nicht.")
        for mode in Mode
        if mode in request.modes - here
    ]


def too_many(request: SearchRequest, kinds: Iterable[Kind]) -> list[Notice]:
    """The vehicles left out because they do not carry so many people."""
    persons = request.passengers
    if persons == 1:
        return []
    seats: dict[Mode, int] = {}
    for kind in kinds:
        seats[kind.mode] = max(seats.get(kind.mode, 0), kind.type.seats)
    found = []
    for mode in (Mode.BIKE, Mode.SCOOTER):
        if mode in request.modes and mode in seats and not request.wheelchair:
            text = (
                f"{MANY[mode]} tragen eine Person und fehlen deshalb in dieser Suche für "
                f"{persons} Personen: bitte für jede Person einzeln suchen und buchen."
            )
            found.append(Notice("one_vehicle_each", text))
    if Mode.CAR in request.modes and seats.get(Mode.CAR, persons) < persons:
        text = (
            f"Leihwagen fehlen in dieser Suche: die größten haben hier {seats[Mode.CAR]} Sitze, "
            f"für {persons} Personen sind das zu wenige."
        )
        found.append(Notice("vehicle_too_small", text))
    return found


def quicker_by(
    hidden: Sequence[Itinerary],
    shown: Sequence[Itinerary],
    request: SearchRequest,
    city: City,
    at: datetime,
) -> list[Notice]:
    """The bus or ferry that was not asked for and would be there in half the time, or at all.

    ``hidden`` are the journeys of the page that use it; ``at`` is the instant asked for.
    """
    if not hidden:
        return []
    best = min(hidden, key=lambda i: _takes(i, request, at))
    ahead = min((_takes(i, request, at) for i in shown), default=None)
    if ahead is not None and _takes(best, request, at) * _TWICE > ahead:
        return []
    leg = next(leg for leg in best.legs if leg.mode in TRANSIT - request.modes)
    what, it = _BY[leg.mode]
    line = f" (Linie {leg.ride.line})" if leg.ride and leg.mode is Mode.BUS else ""
    leaves, arrives = (t.astimezone(city.timezone) for t in (leg.departs_at, best.arrives_at))
    day = f"am {leaves:%d.%m.} " if leaves.date() != at.astimezone(city.timezone).date() else ""
    every = _every_minutes(leg, hidden)
    text = (
        f"{'Schneller' if shown else 'Dorthin'} geht es mit {what}{line}: {day}um {leaves:%H:%M} "
        f"Uhr ab {leg.origin.name}, Ankunft am Ziel um {arrives:%H:%M} Uhr"
        + (f"; {it} fährt etwa alle {every} Minuten" if every else "")
        + ". In dieser Suche ist das abgewählt."
    )
    return [Notice("other_mode", text, at=leg.departs_at)]


def _takes(itinerary: Itinerary, request: SearchRequest, at: datetime) -> timedelta:
    """From the instant asked for to the arrival, or for arrive-by from the departure to it."""
    if request.arrive_by is not None:
        return at - itinerary.departs_at
    return itinerary.arrives_at - at


def _every_minutes(like: Leg, hidden: Iterable[Itinerary]) -> int | None:
    """The usual gap between the departures of that line from that stop."""
    departures = sorted(
        {
            leg.departs_at
            for itinerary in hidden
            for leg in itinerary.legs
            if leg.ride
            and like.ride
            and leg.ride.line == like.ride.line
            and leg.origin.stop_id == like.origin.stop_id
        }
    )
    gaps = [(after - before).total_seconds() for before, after in pairwise(departures)]
    return max(1, round(median(gaps) / 60)) if len(gaps) >= _GAPS else None
