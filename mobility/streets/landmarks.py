"""What hangs together in a graph, and how far its nodes are from those at its rim."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobility.streets.graph import Floats, Ints, Links
from mobility.streets.kernels import FAR, rows_from
from mobility.streets.layout_kernels import components

_MAINLAND_SHARE = 0.1
"""A component smaller than this share of the largest is an island, where nobody is snapped to."""
_LANDMARKS = 8


def on_mainland(out: Links, back: Links) -> npt.NDArray[np.bool_]:
    """(nodes,) whether a node is in one of the large components."""
    label = components(out.first, out.head, back.first, back.head)
    sizes = np.bincount(label)
    large = sizes >= max(2, _MAINLAND_SHARE * sizes.max())
    result: npt.NDArray[np.bool_] = large[label]
    return result


def measure_landmarks(degrees: Floats, out: Links, back: Links) -> Ints:
    """``Net.landmarks``, of the mainland's outermost nodes in eight directions."""
    label = components(out.first, out.head, back.first, back.head)
    largest = np.flatnonzero(label == np.bincount(label).argmax())
    angles = np.arange(_LANDMARKS) * 2 * np.pi / _LANDMARKS
    stretch = np.cos(np.radians(degrees[0, 0]))
    directions = np.stack([np.sin(angles), np.cos(angles) * stretch])
    chosen = largest[(degrees[largest] @ directions).argmax(axis=0)].astype(np.int32)
    seeds = np.stack([chosen, np.full_like(chosen, -1)], axis=1)
    columns = []
    for links in (out, back):
        ends, nodes, times = rows_from(
            seeds, np.zeros_like(seeds), FAR - 1, links.first, links.head, links.ms
        )
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            column = np.full(len(degrees), FAR, dtype=np.int32)
            column[nodes[start:end]] = times[start:end]
            columns.append(column)
    return np.ascontiguousarray(np.stack(columns, axis=1))
