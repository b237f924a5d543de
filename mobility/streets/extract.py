"""What is read of an OpenStreetMap extract: streets, obstacles, forbidden turns, places with names.

Values only; ``osm_import`` reads them, ``build`` makes a graph of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mobility.streets.addresses import Address
from mobility.streets.way_tags import Profile, Way
from mobility.streets.wheelchair_tags import Wheels


@dataclass(frozen=True, slots=True)
class RawWay:
    """A street as it is mapped."""

    id: int
    nodes: tuple[int, ...]
    """Two or more, all of known position."""
    way: Way
    name: str
    is_crossing: bool
    """A bridge, tunnel or ferry."""


@dataclass(frozen=True, slots=True)
class RawNode:
    """A point on a street that not everyone can pass."""

    barred: frozenset[Profile]
    wheels: Wheels


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn from one way into another at a node, for cars: the only one allowed, or forbidden."""

    from_way: int
    via: int
    to_way: int
    only: bool


@dataclass(slots=True)
class Extract:
    """All that was read, and how often something was left out."""

    ways: list[RawWay] = field(default_factory=list)
    positions: dict[int, tuple[float, float]] = field(default_factory=dict)
    nodes: dict[int, RawNode] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
