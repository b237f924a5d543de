"""A way through the streets, as a search is given it, whichever network found it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from gtfs.geo import LatLon
from providers.values import Mode


class Passable(StrEnum):
    """Whether a wheelchair can take a way. Unknown never counts as yes."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class StreetLeg(NamedTuple):
    """A way through the streets."""

    mode: Mode
    seconds: int
    metres: int
    geometry: Sequence[LatLon]
    crossings: tuple[str, ...] = ()
    """The bridges, tunnels and ferries on the way that have names, in order."""
    estimated: bool = True
    """A straight line times a factor, and no street that was looked up."""
    accessible: Passable = Passable.UNKNOWN
    """For a wheelchair; asked of ways on foot only."""
    accessible_source: str = ""
    """Who says so; empty where nobody does."""
