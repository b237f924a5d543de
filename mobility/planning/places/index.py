"""Find a place by what people type, and the places around a position.

The names are the city's own, its car parks', its stations' and stops', and of any rows given, such
as addresses. How words are spelled is `text`, who holds them `names`, who comes first
`rank`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtfs.geo import LatLon
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.planning.places.names import NameIndex
from mobility.planning.places.near import Around, Points
from mobility.planning.places.parts import Parts, parts_of, typed_of
from mobility.planning.places.rank import (
    ELSEWHERE,
    F64,
    I32,
    Asked,
    Bool,
    Names,
    Ranked,
)
from mobility.planning.places.rows import KnownPlace, PlaceRow, merge, rows_of
from mobility.planning.places.streets import is_house_number, split_address, streets_of
from mobility.planning.places.text import Word, abbreviations_of, read_words

I64 = NDArray[np.int64]

AT_M = 60
"""Who is so close to a place is at it."""
FEW = 5
"""Where fewer places hold the words as typed, slips are looked for too."""
BUSY, NEAR, NEAR_M = 0.2, 0.2, 1000
"""What departures and nearness are worth; the latter half at so many metres."""
HOUSE, NO_HOUSE = 0.05, -0.1
"""What a house number that is there adds, and one that is not takes away."""


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place; ``kind`` is ``stop``, ``platform``, ``car_park``, ``address``, ``street`` or other.

    Others are the city's or the source's own word for such a place. ``id`` is the same in every
    run; ``detail`` tells a place from others of its name. The name of an address is street and
    number.
    """

    name: str
    kind: str
    position: LatLon
    stop_id: str | None = None
    id: str = ""
    detail: str = ""
    street: str = ""
    house_number: str = ""


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """A place that answers a text.

    ``score`` orders one answer, the higher the better. ``name`` is the name or alias that holds the
    words, ``parts`` where it does, and ``typed`` what of the text was understood.
    """

    place: FoundPlace
    score: float
    name: str
    parts: Parts
    typed: Parts


@dataclass(frozen=True, slots=True)
class NearbyPlace:
    """A place and how far it is."""

    place: FoundPlace
    metres: float


class PlaceIndex:
    """All named places of a city. Immutable; safe to ask from several threads."""

    def __init__(self, city: City, timetable: Timetable, rows: Iterable[PlaceRow] = ()) -> None:
        """Read every name once."""
        self._abbreviations = abbreviations_of(city.languages)
        streets, others = streets_of(rows)
        places = merge([*rows_of(city, timetable), *others], self._key)
        self._places = [*places, *(KnownPlace((street.row,)) for street in streets)]
        self._streets = dict(enumerate(streets, start=len(places)))
        names = [(i, name) for i, place in enumerate(self._places) for name in place.names]
        self._texts = [name for _, name in names]
        self._place_of = np.array([i for i, _ in names], np.int32)
        self._names = Names(
            NameIndex(
                self._texts,
                [self._places[i].shown.detail for i, _ in names],
                city.title,
                self._abbreviations,
            ),
            np.diff(self._place_of, prepend=-1) > 0,
            np.array([self._has_houses(i) for i, _ in names], np.bool_),
        )
        self._kinds = self._by_kind()
        self._weights = np.array([place.weight for place in self._places])
        shown = [place.shown for place in self._places]
        self._points = Points([row.lat for row in shown], [row.lon for row in shown])
        self._rank = _rank_of(shown)
        self._sights = Around(places)
        self._doors = Around(
            KnownPlace((row,)) for street in streets for row in street.houses or (street.row,)
        )

    def find(self, text: str, near: LatLon | None = None, limit: int = 10) -> list[FoundPlace]:
        """The places that answer a text, best first; see `search`."""
        return [match.place for match in self.search(text, near, limit)]

    def search(
        self,
        text: str,
        near: LatLon | None = None,
        limit: int = 10,
        kinds: Collection[str] | None = None,
    ) -> list[PlaceMatch]:
        """The places whose names hold the words of a text, best first, each once.

        Words may be in any order, begun only, and written with ``ä``, ``ae`` or ``a``. Where few
        names hold them, those do that hold them but for a slip (two in a long word), and where none
        does, those that hold most of them. Only the first 200 characters are read.
        """
        words = read_words(text, self._abbreviations)
        if not words or limit < 1:
            return []
        ranked = self._ranked(words, kinds)
        places = self._place_of[ranked.names]
        scores = ranked.scores + BUSY * self._weights[places]
        if near is not None:
            scores += NEAR / (1 + self._points.metres(near, places) / NEAR_M)
        found: list[PlaceMatch] = []
        seen: set[int] = set()
        for i in self._first(scores, places, 8 * limit + 40).tolist():
            place, name, costs = int(places[i]), int(ranked.names[i]), ranked.costs[:, i]
            if place in seen:
                continue
            seen.add(place)
            for row, more in self._answers(place, words, costs, kinds):
                found.append(self._match(row, name, float(scores[i]) + more, words, costs))
            if len(seen) >= 2 * limit:
                break
        found.sort(key=lambda match: -match.score)
        return found[:limit]

    def reverse(
        self,
        position: LatLon,
        limit: int = 5,
        max_metres: float = 500,
        kinds: Collection[str] | None = None,
    ) -> list[NearbyPlace]:
        """The places and addresses within so many metres, nearest first, each once."""
        near = [
            *self._sights.list_within(position, max_metres, limit, kinds),
            *self._doors.list_within(position, max_metres, limit, kinds),
        ]
        near.sort(key=lambda found: found[1])
        return [NearbyPlace(_found(row), metres) for row, metres in near[: max(0, limit)]]

    def find_at(self, position: LatLon, within_m: int = AT_M) -> FoundPlace | None:
        """The nearest place so close by that the position can go by its name, or else address."""
        for around in (self._sights, self._doors):
            row = around.nearest(position, within_m)
            if row is not None:
                return _found(row)
        return None

    def _ranked(self, words: Sequence[Word], kinds: Collection[str] | None) -> Ranked:
        allowed = None
        if kinds is not None:
            none = np.zeros(len(self._place_of), np.bool_)
            allowed = np.logical_or.reduce([none, *(self._kinds.get(k, none) for k in kinds)])
        asked = Asked(self._names, words, allowed)
        ranked = asked.strictly()
        if len(np.unique(self._place_of[ranked.names])) < FEW:
            ranked = asked.loosely()
        return ranked if len(ranked.names) else asked.partly()

    def _first(self, scores: F64, places: I32, many: int) -> I64:
        """The best so many names; of equal ones the shorter, then by the alphabet."""
        keys = np.round(-scores * 1e6).astype(np.int64) * len(self._rank) + self._rank[places]
        if len(keys) <= many:
            return np.argsort(keys, kind="stable")
        some = np.argpartition(keys, many)[:many]
        return some[np.argsort(keys[some], kind="stable")]

    def _answers(
        self, place: int, words: Sequence[Word], costs: I32, kinds: Collection[str] | None
    ) -> list[tuple[PlaceRow, float]]:
        """What a place answers with, and what that adds to its score, such as a house."""
        street = self._streets.get(place)
        if street is None:
            rows = self._places[place].rows
            return [(row, 0.0) for row in rows if kinds is None or row.kind in kinds][:1]
        elsewhere = [w.folded for w, cost in zip(words, costs, strict=True) if cost == ELSEWHERE]
        number = [word for word in elsewhere if is_house_number(word) or len(word) == 1]
        houses = street.find(number) if number and is_house_number(number[0]) else []
        if houses and (kinds is None or "address" in kinds):
            return [(house, HOUSE) for house in houses]
        return [(street.row, NO_HOUSE * bool(number))] if kinds is None or "street" in kinds else []

    def _match(
        self, row: PlaceRow, name: int, score: float, words: Sequence[Word], costs: I32
    ) -> PlaceMatch:
        text = self._texts[name]
        parts = parts_of(text, self._names.index.words[name], words, costs)
        return PlaceMatch(_found(row), score, text, parts, typed_of(words, costs))

    def _key(self, name: str) -> object:
        """What names have in common that are one: their words, in any order."""
        words = read_words(name, self._abbreviations)
        return frozenset(word.folded for word in words) or name

    def _has_houses(self, place: int) -> bool:
        return place in self._streets and bool(self._streets[place].houses)

    def _by_kind(self) -> dict[str, Bool]:
        """Of each kind the names under which one of it can be found."""
        kinds: dict[str, Bool] = {}
        for name, place in enumerate(self._place_of.tolist()):
            found = {row.kind for row in self._places[place].rows}
            if self._has_houses(place):
                found.add("address")
            for kind in found:
                kinds.setdefault(kind, np.zeros(len(self._place_of), np.bool_))[name] = True
        return kinds


def _rank_of(rows: Sequence[PlaceRow]) -> I64:
    """Of each place its number by length and alphabet, by which equals are told apart."""
    keys = [(len(row.name), row.name, row.detail, row.key) for row in rows]
    rank = np.empty(len(keys), np.int64)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return rank


def _found(row: PlaceRow) -> FoundPlace:
    street, number = split_address(row.name) if row.kind == "address" else ("", "")
    if row.kind == "street":
        street = row.name
    return FoundPlace(
        row.name, row.kind, row.position, row.stop_id, row.key, row.detail, street, number
    )
