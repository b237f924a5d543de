"""The streets of a city as arrays: one file that every process maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gtfs.artefact import ArtefactError, load_arrays, save_arrays
from mobility.streets.addresses import Addresses
from mobility.streets.texts import pack_texts, unpack_texts
from mobility.streets.way_tags import Profile

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_OF_NET = ("degrees", "ms", "arrive", "depart", "landmarks")
KIND = "streets 2"
"""Names the meaning of the arrays; another one is not read."""
FORWARD, BACKWARD = 0, 1


@dataclass(frozen=True, slots=True)
class Links:
    """Where one can go from each node: those of node n are ``first[n]`` to ``first[n + 1]``."""

    first: Ints
    head: Ints
    """The node a link leads to; in links for searching backwards, the one it comes from."""
    ms: Ints
    arc: Ints
    """Twice the street's number, plus 1 where it is gone backwards; -1 for a turn at a node."""


@dataclass(frozen=True, slots=True)
class Net:
    """The graph of one profile.

    A node is a junction; where turns are forbidden or a barrier stands, a junction is several, one
    for each street that arrives and one for each that leaves.
    """

    degrees: Floats
    """(nodes, 2)."""
    ms: Ints
    """(streets, 2) milliseconds forward and backward; -1 where it is closed."""
    arrive: Ints
    """(streets, 2) the node reached at the street's start (gone backward) and at its end."""
    depart: Ints
    """(streets, 2) the node from which the street is gone forward, and backward."""
    out: Links
    back: Links
    landmarks: Ints
    """(nodes, 2 n) milliseconds from each of n far nodes to the node, then from it to each."""
    least_ms_per_m: float
    """No street is faster; for lower bounds."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Which pieces of streets lie in which cell."""

    frame: Floats
    shape: Ints
    first: Longs
    items: Ints


@dataclass(frozen=True, slots=True)
class Graph:
    """All streets, and the graph of each profile."""

    first: Longs
    """The points of street e are ``first[e]`` to ``first[e + 1]``, in the order it is mapped."""
    degrees: Floats
    along: Floats
    """(points,) metres from the start of the point's street."""
    owner: Ints
    """(points,) the street of a point."""
    wheels: Bytes
    """(streets,) ``Wheels``."""
    name: Ints
    """(streets,) index of the name of a bridge, tunnel or ferry; -1 for none."""
    usable: Bytes
    """(streets,) bit 1 << profile: a trip can start and end there, and get to the mainland."""
    names: Sequence[str]
    nets: tuple[Net, ...]
    """By profile."""
    grid: Grid

    def length_m(self, street: int) -> float:
        """Metres of a street."""
        return float(self.along[self.first[street + 1] - 1])


def save_graph(path: Path, graph: Graph, addresses: Addresses, facts: Mapping[str, str]) -> None:
    """Write the artefact whole, in place of the one that was there."""
    arrays: dict[str, npt.NDArray[Any]] = {
        name: getattr(graph, name)
        for name in ("first", "degrees", "along", "owner", "wheels", "name", "usable")
    }
    arrays |= pack_texts("names", graph.names)
    arrays |= {f"grid.{name}": getattr(graph.grid, name) for name in Grid.__slots__}
    for profile, net in zip(Profile, graph.nets, strict=True):
        for name in _OF_NET:
            arrays[f"{profile}.{name}"] = getattr(net, name)
        for side in ("out", "back"):
            links = getattr(net, side)
            arrays |= {f"{profile}.{side}.{n}": getattr(links, n) for n in Links.__slots__}
        arrays[f"{profile}.least"] = np.array([net.least_ms_per_m])
    save_arrays(path, arrays | addresses.pack(), {**facts, "kind": KIND})


def load_graph(path: Path) -> tuple[Graph, dict[str, str]]:
    """The streets of an artefact, and what is known of it.

    Raises:
        ArtefactError: absent, damaged, or made by another version.
    """
    try:
        arrays, facts, _digest = load_arrays(path)
    except ArtefactError as error:
        raise ArtefactError(f"{path} is damaged; run `mobility streets import` again") from error
    if facts.get("kind") != KIND:
        raise ArtefactError(f"{path} was made by another version; run `mobility streets import`")
    nets = []
    for profile in Profile:
        out, back = (
            Links(**{n: arrays[f"{profile}.{side}.{n}"] for n in Links.__slots__})
            for side in ("out", "back")
        )
        own = {name: arrays[f"{profile}.{name}"] for name in _OF_NET}
        least = float(arrays[f"{profile}.least"][0])
        nets.append(Net(**own, out=out, back=back, least_ms_per_m=least))
    graph = Graph(
        **{
            name: arrays[name]
            for name in ("first", "degrees", "along", "owner", "wheels", "name", "usable")
        },
        names=unpack_texts("names", arrays),
        nets=tuple(nets),
        grid=Grid(**{name: arrays[f"grid.{name}"] for name in Grid.__slots__}),
    )
    return graph, facts
