"""Walks through other stops: all shortest paths up to a bound, for many stops at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.trip_columns import spans

I64 = NDArray[np.int64]

_AT_A_TIME = 1 << 20


def closed_walks(
    n_stops: int, keys: I64, seconds: I64, never: I64, bound_s: int
) -> tuple[I64, I64]:
    """Add the pairs that paths of at most `bound_s` seconds join; the given ones stay as they are.

    A pair (a, b) is the key a * `n_stops` + b; `keys` are sorted. Pairs in `never` are not added.
    """
    short = seconds <= bound_s
    start, end, time = keys[short] // max(n_stops, 1), keys[short] % max(n_stops, 1), seconds[short]
    from0 = np.zeros(n_stops + 1, np.int64)
    np.cumsum(np.bincount(start, minlength=n_stops), out=from0[1:])
    degree = np.diff(from0)
    work = np.zeros(n_stops + 1, np.int64)
    np.cumsum(np.bincount(start, degree[end], n_stops).astype(np.int64) + 1, out=work[1:])
    cuts = np.searchsorted(work, np.arange(0, work[-1], _AT_A_TIME), side="left")
    cuts = np.unique(np.append(cuts, n_stops))
    added: list[tuple[I64, I64]] = []
    for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        mine = slice(int(from0[first]), int(from0[last]))
        graph = (n_stops, from0, end, time)
        reached, times = _reached(graph, keys[short][mine], time[mine], bound_s)
        new = ~(np.isin(reached, keys) | np.isin(reached, never))
        added.append((reached[new], times[new]))
    all_keys = np.concatenate([keys, *(reached for reached, _ in added)])
    all_times = np.concatenate([seconds, *(times for _, times in added)])
    order = np.argsort(all_keys)
    return all_keys[order], all_times[order]


def _reached(
    graph: tuple[int, I64, I64, I64], keys: I64, times: I64, bound_s: int
) -> tuple[I64, I64]:
    """All pairs from the sources of `keys`, with the shortest times, sorted."""
    n, from0, end, time = graph
    front_keys, front_times = keys, times
    while len(front_keys):
        steps, sizes0 = spans(from0, front_keys % n)
        sizes = np.diff(sizes0)
        source = np.repeat(front_keys // n, sizes)
        found_times = np.repeat(front_times, sizes) + time[steps]
        useful = (found_times <= bound_s) & (end[steps] != source)
        found, found_times = _shortest(source[useful] * n + end[steps[useful]], found_times[useful])
        place = np.minimum(np.searchsorted(keys, found), max(len(keys) - 1, 0))
        better = (keys[place] != found) | (found_times < times[place])
        front_keys, front_times = found[better], found_times[better]
        keys, times = _shortest(
            np.concatenate([keys, front_keys]), np.concatenate([times, front_times])
        )
    return keys, times


def _shortest(keys: I64, times: I64) -> tuple[I64, I64]:
    order = np.lexsort((times, keys))
    keys, times = keys[order], times[order]
    first = np.r_[True, keys[1:] != keys[:-1]][: len(keys)]
    return keys[first], times[first]
