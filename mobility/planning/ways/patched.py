"""Imported streets with the estimate where the extract has none: beyond its edge, in its holes.

A way is of one kind as a whole: estimated as soon as one of its ends has no street near. Where both
have one, the streets alone say whether there is a way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from gtfs.geo import LatLon
from mobility.planning.ways.imported import StreetNetwork
from mobility.planning.ways.reach import Places, Seconds, StreetWays
from mobility.streets.leg import StreetLeg
from providers.values import Mode


class PatchedStreets:
    """Streets of a city, and what to take where they end; as ``reach.StreetWays``."""

    def __init__(self, streets: StreetNetwork, beyond: StreetWays) -> None:
        """Take both; times and lengths of a mode alone are the streets' own."""
        self.streets = streets
        self.beyond = beyond

    def modes(self) -> frozenset[Mode]:
        """The modes that have streets."""
        return self.streets.modes()

    def like(self, on: date) -> date:
        """A day with the same ways open, one for all such days."""
        return self.beyond.like(on)

    def seconds(self, mode: Mode, travelled_m: float) -> int:
        """How long a mode takes for metres travelled."""
        return self.streets.seconds(mode, travelled_m)

    def metres(self, mode: Mode, seconds: float) -> int:
        """How far a mode gets in that time."""
        return self.streets.metres(mode, seconds)

    def leg(
        self, mode: Mode, a: LatLon, b: LatLon, on: date, *, wheelchair: bool = False
    ) -> StreetLeg | None:
        """The way from ``a`` to ``b`` on that day; None where there is none."""
        known = all(self.streets.has_streets_at(end, mode, wheelchair=wheelchair) for end in (a, b))
        ways: StreetWays = self.streets if known else self.beyond
        return ways.leg(mode, a, b, on, wheelchair=wheelchair)

    def reach(
        self, door: LatLon, mode: Mode, places: Places, on: date, *, max_seconds: int,
        outward: bool = True, wheelchair: bool = False,
    ) -> Seconds:  # fmt: skip
        """Whole seconds from the door to each place, or to the door; -1 beyond ``max_seconds``."""

        def reached(ways: StreetWays) -> Seconds:
            return ways.reach(
                door, mode, places, on,
                max_seconds=max_seconds, outward=outward, wheelchair=wheelchair,
            )  # fmt: skip

        if not self.streets.has_streets_at(door, mode, wheelchair=wheelchair):
            return reached(self.beyond)
        found = reached(self.streets)
        lost = self.streets.list_lost(
            places, mode, max_seconds=max_seconds, outward=outward, wheelchair=wheelchair
        )
        if len(lost):
            found[lost] = reached(self.beyond)[lost]
        return found

    def prepare(
        self, places: Places, modes: Iterable[Mode], on: date, *, max_seconds: int,
        wheelchair: bool = False,
    ) -> None:  # fmt: skip
        """Measure the places now, so that no search up to that time has to wait for it."""
        modes = tuple(modes)
        for ways in (self.streets, self.beyond):
            ways.prepare(places, modes, on, max_seconds=max_seconds, wheelchair=wheelchair)
