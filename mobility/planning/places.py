"""Find a place by what people type: the start of any word, with or without umlauts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from gtfs.geo import LatLon, distance_m
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.cities.facts import CarPark, Confidence

_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"})
_ABBREVIATED = {"str": "strasse", "hbf": "hauptbahnhof", "bhf": "bahnhof"}
_MARKS = str.maketrans(dict.fromkeys("/-.,;()'’\"", " "))


SAME_M = 300
"""A place and a stop of one name so close together are shown once."""


AT_M = 60
"""Who is so close to a place is at it."""
_PARK_WORDS = {"garage": "Parkhaus", "lot": "Parkplatz"}


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place; ``kind`` is ``stop``, ``car_park`` or the city's own word for a place."""

    name: str
    kind: str
    position: LatLon
    stop_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    place: FoundPlace
    names: tuple[tuple[tuple[str, ...], ...], ...]
    """For each name, each word in its spellings."""


class PlaceIndex:
    """All named places of a city: its own list, its car parks, the stations and stops.

    A car park that is not known to be open still (confidence low) is left out.
    """

    def __init__(self, city: City, timetable: Timetable) -> None:
        """Read every name once."""
        self._entries = [
            *(
                _entry(FoundPlace(p.name, p.kind, p.position), (p.name, *p.aliases))
                for p in city.places
            ),
            *(_car_park(park) for park in city.car_parks if park.confidence is not Confidence.LOW),
            *(_entry(place, (place.name,)) for place in _stops(timetable)),
        ]

    def find(self, text: str, near: LatLon | None = None, limit: int = 10) -> list[FoundPlace]:
        """The places that hold every word of the text at the start of one of theirs, best first.

        A whole name counts before a first word, a first word before a later one; then what is
        near, or else the shorter name.
        """
        asked = [_spellings(word) for word in _words(text)]
        if not asked:
            return []
        scored = []
        for entry in self._entries:
            ranks = [rank for name in entry.names if (rank := _match(asked, name)) is not None]
            if ranks:
                away = distance_m(near, entry.place.position) if near else len(entry.place.name)
                stop = entry.place.stop_id is None
                scored.append((min(ranks), away, entry.place.name, stop, entry.place))
        scored.sort(key=lambda item: item[:4])
        found: list[FoundPlace] = []
        for *_, place in scored:
            if not any(_same(place, other) for other in found):
                found.append(place)
        return found[:limit]

    def find_at(self, position: LatLon, within_m: int = AT_M) -> FoundPlace | None:
        """The nearest of them so close by that the position can go by its name."""
        found = min(
            (entry.place for entry in self._entries),
            key=lambda place: distance_m(position, place.position),
            default=None,
        )
        near = found is not None and distance_m(position, found.position) <= within_m
        return found if near else None


def _same(a: FoundPlace, b: FoundPlace) -> bool:
    return a.name == b.name and distance_m(a.position, b.position) < SAME_M


def _stops(timetable: Timetable) -> Iterable[FoundPlace]:
    for station in timetable.station_index.values():
        yield FoundPlace(station.name, "stop", station.position, station.id)
    for stop in timetable.stops:
        if stop.station_id is None:
            yield FoundPlace(stop.name, "stop", stop.position, stop.id)


def _car_park(park: CarPark) -> _Entry:
    also = f"{_PARK_WORDS[park.kind]} {park.name}"
    return _entry(FoundPlace(park.name, "car_park", park.position), (park.name, also))


def _entry(place: FoundPlace, names: Iterable[str]) -> _Entry:
    return _Entry(place, tuple(tuple(_spellings(w) for w in _words(name)) for name in names))


def _words(text: str) -> list[str]:
    return text.casefold().translate(_MARKS).split()


def _spellings(word: str) -> tuple[str, ...]:
    """With ae for ä, and with a for ä; ``str`` also stands for Straße."""
    word = unicodedata.normalize("NFC", word)
    bare = unicodedata.normalize("NFD", word)
    spellings = [
        word.translate(_TRANSCRIBED),
        "".join(c for c in bare if not unicodedata.combining(c)).replace("ß", "ss"),
    ]
    spellings += [_ABBREVIATED[s] for s in spellings if s in _ABBREVIATED]
    spellings += [s[:-3] + "strasse" for s in spellings if s.endswith("str") and len(s) > 3]
    return tuple(dict.fromkeys(spellings))


def _match(asked: list[tuple[str, ...]], name: tuple[tuple[str, ...], ...]) -> int | None:
    """How well a name answers, the lower the better; None where a word is missing."""
    at = []
    for word in asked:
        found = next((i for i, own in enumerate(name) if _starts(own, word)), None)
        if found is None:
            return None
        at.append(found)
    if len(at) == len(name) and all(
        set(word) & set(own) for word, own in zip(asked, name, strict=True)
    ):
        return 0
    return 1 + (at[0] > 0)


def _starts(own: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    return any(spelling.startswith(word) for spelling in own for word in asked)
