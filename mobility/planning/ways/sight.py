"""The inner loops of ways through a city of water, compiled: sight, and shortest ways round it.

Every kernel lives in this file, because numba's cache notices a change of the file of a kernel and
not of one that it calls from elsewhere. Positions on the plane are x east and y north in metres,
on the earth latitude and longitude in degrees, both in arrays of shape (n, 2). A ``frame`` is the
plane's centre and scale: latitude, longitude, metres per degree of each.
"""

from __future__ import annotations

from math import ceil, cos, floor, pi, sqrt

import numpy as np
import numpy.typing as npt

from gtfs.geo import EARTH_RADIUS_M
from gtfs.kernel_cache import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

_METRES_PER_DEGREE = EARTH_RADIUS_M * pi / 180
_SECTORS = 128
"""Into so many directions a fan sorts the water around a point."""
_HAIR = 1e-6
"""Of a sector: more than directions are rounded."""


@compiled
def _meet(
    px: float, py: float, qx: float, qy: float, ax: float, ay: float, bx: float, by: float
) -> bool:
    """Whether p-q and a-b share a point; touching counts.

    Boxes first: two segments that meet have boxes that meet, which also settles those that lie in
    one line.
    """
    if max(ax, bx) < min(px, qx) or min(ax, bx) > max(px, qx):
        return False
    if max(ay, by) < min(py, qy) or min(ay, by) > max(py, qy):
        return False
    side_a = (qx - px) * (ay - py) - (qy - py) * (ax - px)
    side_b = (qx - px) * (by - py) - (qy - py) * (bx - px)
    if (side_a > 0 and side_b > 0) or (side_a < 0 and side_b < 0):
        return False
    side_p = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    side_q = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
    return not ((side_p > 0 and side_q > 0) or (side_p < 0 and side_q < 0))


@compiled
def _is_hidden(px: float, py: float, qx: float, qy: float, a: Floats, b: Floats) -> bool:
    """Whether the line from p to q meets any segment a-b."""
    for j in range(len(a)):  # noqa: SIM110 - kernels know no generators
        if _meet(px, py, qx, qy, a[j, 0], a[j, 1], b[j, 0], b[j, 1]):
            return True
    return False


@compiled
def mark_crossed(
    starts: Floats, ends: Floats, a: Floats, b: Floats, crossed: npt.NDArray[np.bool_]
) -> None:
    """Set ``crossed[i]`` where the line from ``starts[i]`` to ``ends[i]`` meets a segment a-b."""
    for i in range(len(starts)):
        if _is_hidden(starts[i, 0], starts[i, 1], ends[i, 0], ends[i, 1], a, b):
            crossed[i] = True


@compiled
def _direction(dx: float, dy: float) -> float:
    """A direction as 0 to 128, growing with its angle; a square's, which needs no arc tangent."""
    total = abs(dx) + abs(dy)
    if total == 0:
        return 0.0
    turn = dy / total
    if dx < 0:
        turn = 2 - turn
    elif dy < 0:
        turn = 4 + turn
    return turn * (_SECTORS / 4)


@compiled
def _sectors(ax: float, ay: float, bx: float, by: float) -> tuple[int, int]:
    """The first sector that the segment a-b lies in as seen from 0, and how many."""
    cross = ax * by - ay * bx
    if abs(cross) <= 1e-9 * (ax * ax + ay * ay + bx * bx + by * by):
        return 0, _SECTORS
    start, end = _direction(ax, ay), _direction(bx, by)
    if cross < 0:
        start, end = end, start
    end = start + (end - start) % _SECTORS
    low, high = floor(start - _HAIR), floor(end + _HAIR)
    return (low, high - low + 1) if high - low + 1 < _SECTORS else (0, _SECTORS)


@compiled
def _fan(x: float, y: float, radius: float, a: Floats, b: Floats) -> tuple[Ints, Ints]:
    """The segments within the radius by the directions in which they lie.

    Those of sector s are ``items[first[s]:first[s + 1]]``.
    """
    low = np.empty(len(a), np.int32)
    span = np.zeros(len(a), np.int32)
    first = np.zeros(_SECTORS + 1, np.int32)
    for j in range(len(a)):
        ax, ay, bx, by = a[j, 0] - x, a[j, 1] - y, b[j, 0] - x, b[j, 1] - y
        beside = min(ax, bx) > radius or max(ax, bx) < -radius
        if beside or min(ay, by) > radius or max(ay, by) < -radius:
            continue
        low[j], span[j] = _sectors(ax, ay, bx, by)
        for k in range(span[j]):
            first[(low[j] + k) % _SECTORS + 1] += 1
    for sector in range(_SECTORS):
        first[sector + 1] += first[sector]
    items = np.empty(first[_SECTORS], np.int32)
    filled = first[:-1].copy()
    for j in range(len(a)):
        for k in range(span[j]):
            sector = (low[j] + k) % _SECTORS
            items[filled[sector]] = j
            filled[sector] += 1
    return first, items


@compiled
def _sees(
    px: float, py: float, qx: float, qy: float, first: Ints, items: Ints, a: Floats, b: Floats
) -> bool:
    """Whether q is seen from p, whose fan is given."""
    sector = int(_direction(qx - px, qy - py)) % _SECTORS
    for k in range(first[sector], first[sector + 1]):
        j = items[k]
        if _meet(px, py, qx, qy, a[j, 0], a[j, 1], b[j, 0], b[j, 1]):
            return False
    return True


@compiled
def _metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """As ``water.great_circle_m``."""
    d_lon = (lon - other_lon) * cos((lat + other_lat) / 2 * pi / 180)
    return _METRES_PER_DEGREE * sqrt((lat - other_lat) ** 2 + d_lon * d_lon)


@compiled
def _in_sight(
    lat: float, lon: float, x: float, y: float, limit: float, degrees: Floats, xy: Floats,
    first: Ints, items: Ints, a: Floats, b: Floats,
) -> tuple[Ints, Floats]:  # fmt: skip
    """The points in sight within the limit, and the straight metres to each."""
    seen = np.empty(len(degrees), np.int32)
    away = np.empty(len(degrees), np.float64)
    count = 0
    for node in range(len(degrees)):
        if not abs(lat - degrees[node, 0]) * _METRES_PER_DEGREE <= limit:
            continue
        metres = _metres(lat, lon, degrees[node, 0], degrees[node, 1])
        if metres <= limit and _sees(x, y, xy[node, 0], xy[node, 1], first, items, a, b):
            seen[count], away[count] = node, metres
            count += 1
    return seen[:count], away[:count]


@compiled
def fill_rows(
    places: Floats, frame: Floats, degrees: Floats, xy: Floats, metres: Floats,
    a: Floats, b: Floats, rows: Floats,
) -> None:  # fmt: skip
    """Straight metres over the way points from each place to each way point, into ``rows``."""
    for place in range(len(places)):
        lat, lon = places[place, 0], places[place, 1]
        x, y = (lon - frame[1]) * frame[3], (lat - frame[0]) * frame[2]
        first, items = _fan(x, y, np.inf, a, b)
        seen, away = _in_sight(lat, lon, x, y, np.inf, degrees, xy, first, items, a, b)
        rows[place, :] = np.inf
        for i in range(len(seen)):
            for node in range(len(degrees)):
                over = away[i] + metres[seen[i], node]
                rows[place, node] = min(rows[place, node], over)


@compiled
def reach(
    lat: float, lon: float, max_seconds: int, detour: float, speed_kmh: float, frame: Floats,
    places: Floats, row_of: Ints, rows: Floats, degrees: Floats, xy: Floats, a: Floats, b: Floats,
    found: Ints,
) -> None:  # fmt: skip
    """Into ``found`` whole seconds from a point to each place, round water.

    What is beyond ``max_seconds`` keeps what it has. Returned arrays would cost more than the work.

    Places that are seen are reached straight. For the others the way points in sight are looked
    up in the place's row of ``rows``, which has the straight metres from there on.
    """
    limit = max_seconds * speed_kmh / 3.6 / detour
    x, y = (lon - frame[1]) * frame[3], (lat - frame[0]) * frame[2]
    first, items = _fan(x, y, limit * 1.02 + 1, a, b)
    hidden = np.empty(len(places), np.int32)
    count = 0
    for place in range(len(places)):
        if not abs(lat - places[place, 0]) * _METRES_PER_DEGREE <= limit:
            continue
        metres = _metres(lat, lon, places[place, 0], places[place, 1])
        if not metres <= limit:
            continue
        there_x = (places[place, 1] - frame[1]) * frame[3]
        there_y = (places[place, 0] - frame[0]) * frame[2]
        if _sees(x, y, there_x, there_y, first, items, a, b):
            found[place] = ceil(metres * detour * 3.6 / speed_kmh)
        else:
            hidden[count] = place
            count += 1
    if not count:
        return
    seen, away = _in_sight(lat, lon, x, y, limit, degrees, xy, first, items, a, b)
    for i in range(count):
        row = rows[row_of[hidden[i]]]
        best = np.inf
        for j in range(len(seen)):
            best = min(best, away[j] + row[seen[j]])
        if best <= limit:
            found[hidden[i]] = ceil(best * detour * 3.6 / speed_kmh)


@compiled
def straight(ends: Floats, frame: Floats, a: Floats, b: Floats) -> float:
    """Metres between two points that see each other; infinite where water lies between them."""
    lat, lon, other_lat, other_lon = ends[0, 0], ends[0, 1], ends[1, 0], ends[1, 1]
    x, y = (lon - frame[1]) * frame[3], (lat - frame[0]) * frame[2]
    other_x, other_y = (other_lon - frame[1]) * frame[3], (other_lat - frame[0]) * frame[2]
    if _is_hidden(x, y, other_x, other_y, a, b):
        return np.inf
    return _metres(lat, lon, other_lat, other_lon)


@compiled
def look_around(
    lat: float, lon: float, frame: Floats, degrees: Floats, xy: Floats, a: Floats, b: Floats,
    seen: Ints, away: Floats,
) -> int:  # fmt: skip
    """The way points in sight of a point, and the straight metres to each; how many there are."""
    x, y = (lon - frame[1]) * frame[3], (lat - frame[0]) * frame[2]
    first, items = _fan(x, y, np.inf, a, b)
    points, metres = _in_sight(lat, lon, x, y, np.inf, degrees, xy, first, items, a, b)
    seen[: len(points)], away[: len(points)] = points, metres
    return len(points)


@compiled
def shortest(
    seen: Ints, away: Floats, metres: Floats, end_seen: Ints, end_away: Floats
) -> tuple[float, int, int]:
    """Straight metres over way points between two points, and the first and last way point.

    Of either point the way points in sight and the metres to each; infinite where there is no way.
    """
    best, start, end = np.inf, -1, -1
    for i in range(len(seen)):
        for j in range(len(end_seen)):
            over = away[i] + metres[seen[i], end_seen[j]] + end_away[j]
            if over < best:
                best, start, end = over, int(seen[i]), int(end_seen[j])
    return best, start, end


@compiled
def shorten(metres: Floats, following: Ints) -> None:
    """All shortest ways (Floyd 1962) in place; ``following`` the next point of each."""
    count = len(metres)
    for middle in range(count):
        for start in range(count):
            first = metres[start, middle]
            if first == np.inf:
                continue
            for end in range(count):
                over = first + metres[middle, end]
                if over < metres[start, end]:
                    metres[start, end] = over
                    following[start, end] = following[start, middle]
