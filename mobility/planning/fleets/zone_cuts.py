"""The inner loop of ways through zones, compiled: which part of a line lies in which zone.

A segment is laid out without an end behind it and cut where it crosses the edges of a zone: between
the first and the second cut it is inside, between the third and the fourth, and so on. An edge that
begins or ends on the line counts as beside it, on the same side for both edges that meet there, so
that no cut is missed or counted twice. No shape makes it slow beyond its size: at worst each
segment is held against each edge of the zones around it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtfs.kernel_cache import compiled

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
BLOCK = 32
"""So many edges at most share a box, to be passed over together."""
_NEAR_M = 1e-6
"""More than a distance is rounded."""


class Outlines(NamedTuple):
    """The edges of all zones, one zone after the other; x and y in metres."""

    a: Floats
    """(edges, 2), where each begins."""
    b: Floats
    """Where it ends."""
    first_edge: Ints
    """By zone, and the end of all."""
    boxes: Floats
    """By zone (4): lowest x and y, highest x and y."""
    block: Ints
    """By block its first edge, and the end of all; no block has edges of two zones."""
    first_block: Ints
    """By zone, and the end of all."""
    block_boxes: Floats


@compiled
def _is_aside(px: float, py: float, dx: float, dy: float, box: Floats) -> bool:
    """Whether no p + t d lies in the box for any t up to 1."""
    west, south, east, north = box
    x, y = (west + east) / 2 - px, (south + north) / 2 - py
    wide, high = (east - west) / 2, (north - south) / 2
    near = _NEAR_M * (abs(dx) + abs(dy))
    if abs(dx * y - dy * x) > abs(dx) * high + abs(dy) * wide + near:
        return True
    return bool(dx * x + dy * y > dx * dx + dy * dy + abs(dx) * wide + abs(dy) * high + near)


@compiled
def _cuts(px: float, py: float, dx: float, dy: float, zone: int, of: Outlines, cuts: Floats) -> int:
    """Where p + t d is in a zone for t from 0 to 1: its ends in ``cuts``; how many there are.

    They are ascending, from and to by turns.
    """
    count = behind = 0
    squared = dx * dx + dy * dy
    for block in range(of.first_block[zone], of.first_block[zone + 1]):
        if _is_aside(px, py, dx, dy, of.block_boxes[block]):
            continue
        for edge in range(of.block[block], of.block[block + 1]):
            ax, ay = of.a[edge, 0] - px, of.a[edge, 1] - py
            bx, by = of.b[edge, 0] - px, of.b[edge, 1] - py
            side_a, side_b = dx * ay - dy * ax, dx * by - dy * bx
            if (side_a >= 0) != (side_b >= 0):
                share = side_a / (side_a - side_b)
                x, y = ax + share * (bx - ax), ay + share * (by - ay)
                cut = (x * dx + y * dy) / squared
                if cut <= 0:
                    behind += 1
                elif cut < 1:
                    cuts[count] = cut
                    count += 1
    if behind % 2:
        cuts[count] = 0.0
        count += 1
    if count % 2:
        cuts[count] = 1.0
        count += 1
    if count > 1:  # by merging: sorting in place grows with the square for the teeth of a comb
        cuts[:count] = cuts[:count][np.argsort(cuts[:count], kind="mergesort")]
    return count


@compiled
def _apart(ax: float, ay: float, bx: float, by: float, box: Floats) -> bool:
    """Whether the box around a and b has nothing in common with another."""
    if max(ax, bx) < box[0] or max(ay, by) < box[1]:
        return True
    return bool(min(ax, bx) > box[2] or min(ay, by) > box[3])


@compiled
def _note(found: Floats, line: Floats, step: int, begin: float, end: float) -> None:
    """Add a part of a segment to what was found of a zone."""
    px, py = line[step]
    dx, dy = line[step + 1, 0] - px, line[step + 1, 1] - py
    metres = (end - begin) * np.hypot(dx, dy)
    found[0] += metres
    if metres > found[1]:
        middle = (begin + end) / 2
        found[1], found[2], found[3] = metres, px + middle * dx, py + middle * dy


@compiled
def _share(
    free: Floats, parts: int, cuts: Floats, rest: Floats, found: Floats, line: Floats, step: int
) -> int:
    """Note what lies between cuts of the free parts; what does not, in ``rest``, and its count.

    Parts are ascending pairs, of a segment that goes from 0 to 1.
    """
    left = cut = 0
    for part in range(0, parts, 2):
        at, end = free[part], free[part + 1]
        while cut < len(cuts) and cuts[cut + 1] <= at:
            cut += 2
        inside = cut
        while inside < len(cuts) and cuts[inside] < end:
            enters, leaves = max(cuts[inside], at), min(cuts[inside + 1], end)
            _note(found, line, step, enters, leaves)
            if enters > at:
                rest[left], rest[left + 1] = at, enters
                left += 2
            at = leaves
            inside += 2
        if at < end:
            rest[left], rest[left + 1] = at, end
            left += 2
    return left


@compiled
def _around(line: Floats, boxes: Floats) -> Ints:
    """The zones whose boxes meet that of the line."""
    west, east = line[:, 0].min(), line[:, 0].max()
    south, north = line[:, 1].min(), line[:, 1].max()
    zones = np.empty(len(boxes), np.int64)
    count = 0
    for zone in range(len(boxes)):
        if not _apart(west, south, east, north, boxes[zone]):
            zones[count] = zone
            count += 1
    return zones[:count]


@compiled
def cut_line(line: Floats, of: Outlines, whole: Flags, found: Floats) -> None:
    """Find of each zone in turn what the line has in it, outside of those before that are whole.

    ``line`` is (n, 2), ``found`` zeros of (zones + 1, 4): metres, and the longest straight stretch
    with x and y of its middle; its last row is what lies in no zone that is whole. Releases the
    GIL.
    """
    around = _around(line, of.boxes)
    room = 2
    for zone in around:
        room += of.first_edge[zone + 1] - of.first_edge[zone]
    cuts, free, rest = np.empty(room), np.empty(room), np.empty(room)
    for step in range(len(line) - 1):
        px, py = line[step]
        qx, qy = line[step + 1]
        free[0], free[1] = 0.0, 1.0
        parts = 2
        for zone in around:
            if _apart(px, py, qx, qy, of.boxes[zone]) or (px == qx and py == qy):
                continue
            count = _cuts(px, py, qx - px, qy - py, zone, of, cuts)
            left = _share(free, parts, cuts[:count], rest, found[zone], line, step)
            if whole[zone]:
                free, rest = rest, free
                parts = left
        for part in range(0, parts, 2):
            _note(found[-1], line, step, free[part], free[part + 1])
