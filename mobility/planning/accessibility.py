"""Whether a wheelchair can take a leg: part by part, and who says so."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

GTFS = "GTFS"
"""Of rides: ``wheelchair_accessible`` of the trip, ``wheelchair_boarding`` of the stops."""
_OF_GTFS = {1: "yes", 2: "no"}


class Accessible(StrEnum):
    """Whether a wheelchair can take something. Unknown never counts as yes."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @classmethod
    def of_gtfs(cls, flag: int) -> Accessible:
        """What 0, 1 and 2 mean in GTFS."""
        return cls(_OF_GTFS.get(flag, "unknown"))


class Accessibility(NamedTuple):
    """The parts of a leg; None where it has no such part."""

    vehicle: Accessible | None = None
    start: Accessible | None = None
    """The stop where one boards."""
    end: Accessible | None = None
    """The stop where one gets off."""
    path: Accessible | None = None
    source: str = ""
    """Who says so; empty where nothing is known."""

    @property
    def whole(self) -> Accessible:
        """Of all parts together: no if any is not, yes only if all are."""
        known = {part for part in self[:4] if part is not None}
        if Accessible.NO in known:
            return Accessible.NO
        return Accessible.YES if known == {Accessible.YES} else Accessible.UNKNOWN


UNKNOWN = Accessibility()


@lru_cache(maxsize=27)
def of_ride(vehicle: int, start: int, end: int) -> Accessibility:
    """Of a scheduled ride, by the flags of GTFS (0 unknown, 1 yes, 2 no)."""
    return Accessibility(
        Accessible.of_gtfs(vehicle),
        Accessible.of_gtfs(start),
        Accessible.of_gtfs(end),
        source=GTFS if vehicle or start or end else "",
    )


@lru_cache(maxsize=64)
def of_path(path: Accessible, source: str) -> Accessibility:
    """Of a walk, by who knows the way."""
    return Accessibility(path=path, source=source)


def of_rental(*, carries: bool) -> Accessibility:
    """Of a rented vehicle: of one that could carry a wheelchair nobody says whether it does."""
    if carries:
        return Accessibility(vehicle=Accessible.UNKNOWN)
    return Accessibility(vehicle=Accessible.NO, source="vehicle type")


def joined(before: Accessibility, after: Accessibility) -> Accessibility:
    """Of one ride made of two in the same vehicle: boarding of the first, leaving of the second."""
    return before._replace(end=after.end, source=before.source or after.source)
