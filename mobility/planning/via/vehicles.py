"""Ways past other places by rented vehicle or on foot: the best of each section's front, joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from mobility.planning.candidate import Candidate
from mobility.planning.itinerary import Leg
from mobility.planning.via.sections import Section

MOST = 6
"""Ways that are followed on from section to section, and twice as many past a second place."""
_MIXED_SECONDS = 7200
"""What is found by scheduled lines alone comes last: it stands among the scheduled ways."""


class Piece(NamedTuple):
    """A way through one section, moved by some seconds."""

    section: Section
    way: Candidate
    moved_s: int = 0

    @property
    def departs(self) -> int:
        """POSIX seconds."""
        return self.way.departs + self.moved_s

    @property
    def arrives(self) -> int:
        """POSIX seconds."""
        return self.way.arrives + self.moved_s

    def legs(self) -> list[Leg]:
        """Drawn and priced, at its time."""
        by = timedelta(seconds=self.moved_s)
        return [
            leg._replace(departs_at=leg.departs_at + by, arrives_at=leg.arrives_at + by)
            for leg in self.section.search.drawn(self.way).legs
        ]


_Pieces = tuple[Piece, ...]


class VehicleWays:
    """What the sections' fronts give together."""

    def __init__(
        self, sections: Sequence[Section], stays: Sequence[int], *, backwards: bool
    ) -> None:
        """Take the seconds of each stay."""
        self._sections = sections
        self._stays = stays
        self._backwards = backwards
        self._known: dict[tuple[int, int], list[Piece]] = {}

    def ask(self, moment: int) -> Iterator[list[Leg]]:
        """The legs of ways that leave at a moment or later (arrive-by: are there by then)."""
        order = range(len(self._sections))
        ways: list[_Pieces] = [()]
        for number in reversed(order) if self._backwards else order:
            most = MOST * (2 if len(ways) > 1 else 1)
            ways = sorted(
                (longer for way in ways for longer in self._grown(way, number, moment)),
                key=self._effort,
            )[:most]
        for way in ways:
            legs = [leg for piece in self._closed_up(way) for leg in piece.legs()]
            vehicles = [leg.rental.vehicle.ref for leg in legs if leg.rental]
            if len(vehicles) == len(set(vehicles)):
                yield legs

    def _grown(self, way: _Pieces, number: int, moment: int) -> list[_Pieces]:
        if self._backwards:
            at = way[0].departs - self._stays[number] if way else moment
            return [(piece, *way) for piece in self._front(number, at)]
        at = way[-1].arrives + self._stays[number - 1] if way else moment
        return [(*way, piece) for piece in self._front(number, at)]

    def _front(self, number: int, moment: int) -> list[Piece]:
        if (number, moment) not in self._known:
            section = self._sections[number]
            found = [Piece(section, way) for way in section.front(moment)]
            self._known[number, moment] = found
        return self._known[number, moment]

    def _effort(self, way: _Pieces) -> tuple[int, int]:
        ways = [piece.way for piece in way]
        mixed = any(i.has_transit for i in ways) and not any(i.has_rental for i in ways)
        until = -way[0].departs if self._backwards else way[-1].arrives
        return (until + mixed * _MIXED_SECONDS, sum(i.cents for i in ways))

    def _closed_up(self, way: _Pieces) -> list[Piece]:
        """The same, where what needs no timetable is moved towards what follows (came before)."""
        pieces = list(way)
        if self._backwards:
            for n in range(1, len(pieces)):
                if not any(piece.way.has_transit for piece in pieces[n:]):
                    begins = pieces[n - 1].arrives + self._stays[n - 1]
                    pieces[n] = pieces[n]._replace(moved_s=begins - pieces[n].way.departs)
        else:
            for n in reversed(range(len(pieces) - 1)):
                if not any(piece.way.has_transit for piece in pieces[: n + 1]):
                    ends = pieces[n + 1].departs - self._stays[n]
                    pieces[n] = pieces[n]._replace(moved_s=ends - pieces[n].way.arrives)
        return pieces
