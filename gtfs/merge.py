"""Several feeds, each with its own time zone, as one.

Ids get their feed's name in front (`db:8000105`), so that they cannot meet. Times move to the time
axis of the first feed: a service day's seconds count from noon minus twelve hours in the feed's own
zone, which is another instant in another zone, and the difference changes where the zones change
their clocks on different days. So a trip is copied for each difference that occurs on its days,
each copy with those days alone; it keeps its id for the difference that most days have. A copy that
would start before the axis' day runs as a late trip of a day before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from gtfs.build import build
from gtfs.fares import Fares
from gtfs.feed import Feed, FeedRoute
from gtfs.service_time import day_zero, format_clock
from gtfs.timetable import Timetable
from gtfs.trip_columns import Services, Shapes, TripColumns

T = TypeVar("T")
Bool = NDArray[np.bool_]
I64 = NDArray[np.int64]

_VALUES = ("agencies", "stops", "routes", "transfers", "transfer_rules", "pathways", "entrances")
_PAIRS_OF_IDS = ("stop_areas", "route_networks")


def build_many(feeds: Mapping[str, Feed], **options: Any) -> Timetable:
    """Compile feeds by name as one timetable; `options` are those of `build`.

    Raises:
        FeedError: nothing runs on any day.
        ValueError: there is no feed.
    """
    return build(merge_feeds(feeds), **options)


def merge_feeds(feeds: Mapping[str, Feed]) -> Feed:
    """One feed of all, in the zone of the first. A single one stays as it is.

    Raises:
        ValueError: there is none.
    """
    if not feeds:
        raise ValueError("there is no feed to merge")
    whole = list(feeds.values())
    if len(whole) == 1:
        return whole[0]
    axis = ZoneInfo(whole[0].tz_name)
    named = [_prefixed(f"{name}:", _on_axis(feed, axis)) for name, feed in feeds.items()]
    return Feed(
        tz_name=whole[0].tz_name,
        agencies=_all(feed.agencies for feed in named),
        stops=_all(feed.stops for feed in named),
        routes=_all(feed.routes for feed in named),
        services=_services([Services.of(feed.services) for feed in named]),
        trips=_trips([TripColumns.of(feed.trips) for feed in named]),
        transfers=_all(feed.transfers for feed in named),
        shapes=_shapes([Shapes.of(feed.shapes) for feed in named]),
        transfer_rules=_all(feed.transfer_rules for feed in named),
        fares=Fares(
            **{
                column.name: _all(getattr(feed.fares, column.name) for feed in named)
                for column in fields(Fares)
            }
        ),
        pathways=_all(feed.pathways for feed in named),
        entrances=_all(feed.entrances for feed in named),
        info=whole[0].info,
    )


def _all(parts: Iterator[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(item for part in parts for item in part)


_MOST_BACK = 2  # zones lie up to 26 hours apart


@dataclass(frozen=True, slots=True)
class _Variant:
    """Days (columns of the services) on which trips go `back` days back and move by `shift` s.

    Those go as far back whose first second is in [`least`, `end`).
    """

    shift: int
    back: int
    days: Bool
    least: int
    end: int


def _on_axis(feed: Feed, axis: ZoneInfo) -> Feed:
    """The feed with its times in another zone."""
    own = ZoneInfo(feed.tz_name)
    if own.key == axis.key:
        return feed
    services, trips = Services.of(feed.services), TripColumns.of(feed.trips)
    first = trips.arrival[trips.call0[:-1]]
    copies: list[TripColumns] = []
    names: list[str] = []
    active: list[Bool] = []
    ids: list[str] = []
    for variant in _variants(services, own, axis):
        running: Bool = np.any(services.active & variant.days, axis=1)
        rows = np.flatnonzero(
            running[trips.service] & (first >= variant.least) & (first < variant.end)
        )
        if not len(rows):
            continue
        moved = trips.take(rows)
        used, service = np.unique(moved.service, return_inverse=True)
        copies.append(
            replace(
                moved,
                service=(service + len(ids)).astype(np.int32),
                arrival=moved.arrival + np.int32(variant.shift),
                departure=moved.departure + np.int32(variant.shift),
            )
        )
        copy = f"@{len(copies)}"
        names.append(f"-{variant.back}d" if variant.back else "")
        ids += [services.id[row] + copy for row in used.tolist()]
        active.append(_moved(services.active[used] & variant.days, variant.back))
    if not copies:
        return replace(feed, trips=trips.take(np.zeros(0, np.int64)))
    start = services.first_day - timedelta(days=_MOST_BACK)
    merged = Services(ids, start, np.concatenate(active))
    copies = [replace(copy, service_ids=ids) for copy in _named_once(copies, names, merged.active)]
    return replace(feed, services=merged, trips=_trips(copies))


def _variants(services: Services, own: ZoneInfo, axis: ZoneInfo) -> Iterator[_Variant]:
    """How trips move: as few days back as keep them from starting before their day's zero."""
    days = [services.first_day + timedelta(days=i) for i in range(services.active.shape[1])]
    shifts = np.array(
        [
            [
                (day_zero(day, own) - day_zero(day - timedelta(days=back), axis)).total_seconds()
                for back in range(_MOST_BACK + 1)
            ]
            for day in days
        ]
    ).astype(np.int64)
    for back in range(_MOST_BACK + 1):
        ends = -shifts[:, back - 1] if back else np.full(len(days), 1 << 30)
        for shift in np.unique(shifts[:, back]).tolist():
            moved: Bool = shifts[:, back] == shift
            least = -shift
            for end in np.unique(ends[moved]).tolist():
                yield _Variant(shift, back, moved & (ends >= end), least, end)
                least = max(least, end)


def _moved(active: Bool, back: int) -> Bool:
    """The days counted from `_MOST_BACK` days earlier, `back` days back."""
    wide = np.zeros((len(active), active.shape[1] + _MOST_BACK), np.bool_)
    start = _MOST_BACK - back
    wide[:, start : start + active.shape[1]] = active
    return wide


def _named_once(
    copies: Sequence[TripColumns], names: Sequence[str], active: Bool
) -> list[TripColumns]:
    """Copies of one trip with different ids; the one with the most days keeps the trip's own.

    Others get the time they start at, and the copy's name.
    """
    n_days = active.sum(axis=1)
    best: dict[str, tuple[int, int]] = {}
    for number, copy in enumerate(copies):
        for id_, service in zip(copy.id, copy.service.tolist(), strict=True):
            best[id_] = max(best.get(id_, (0, 0)), (int(n_days[service]), -number))
    named: list[TripColumns] = []
    for number, copy in enumerate(copies):
        starts = copy.departure[copy.call0[:-1]].tolist()
        ids = [
            id_ if best[id_][1] == -number else f"{id_}@{format_clock(start)}{names[number]}"
            for id_, start in zip(copy.id, starts, strict=True)
        ]
        named.append(replace(copy, id=ids))
    return named


def _prefixed(prefix: str, feed: Feed) -> Feed:
    """The feed with its name before every id."""
    services, trips, shapes = (
        Services.of(feed.services),
        TripColumns.of(feed.trips),
        Shapes.of(feed.shapes),
    )
    texts = list(trips.texts)
    blocks = {text: f"{prefix}{texts[text]}" for text in set(trips.block.tolist()) if texts[text]}
    numbers = {text: len(texts) + i for i, text in enumerate(blocks)}
    renumbered = np.arange(len(texts), dtype=np.int32)
    for text, number in numbers.items():
        renumbered[text] = number
    plain: dict[str, Any] = {
        name: tuple(_named(prefix, value) for value in getattr(feed, name)) for name in _VALUES
    }
    ids: dict[str, Any] = {
        name: [prefix + id_ for id_ in getattr(trips, name)]
        for name in ("id", "route_ids", "service_ids", "shape_ids", "stop_ids")
    }
    return replace(
        feed,
        **plain,
        services=replace(services, id=[prefix + id_ for id_ in services.id]),
        trips=replace(
            trips,
            block=renumbered[trips.block] if texts else trips.block,
            texts=[*texts, *blocks.values()],
            **ids,
        ),
        shapes=replace(shapes, id=[prefix + id_ for id_ in shapes.id]),
        fares=_fares(prefix, feed.fares),
    )


def _named(prefix: str, value: T) -> T:
    """A value with the prefix before its own id and those that it refers to.

    An empty reference refers to nothing, but for a line's agency, whose own id may be empty.
    """
    changed = {
        name: prefix + getattr(value, name)
        for name in (column.name for column in fields(value))  # type: ignore[arg-type]
        if name == "id"
        or (name == "agency_id" and isinstance(value, FeedRoute))
        or (name.endswith(("_id", "_zone")) and getattr(value, name))
    }
    return replace(value, **changed)  # type: ignore[type-var]


def _fares(prefix: str, fares: Fares) -> Fares:
    columns: dict[str, tuple[Any, ...]] = {}
    for column in fields(fares):
        values = getattr(fares, column.name)
        if column.name == "areas":
            columns["areas"] = tuple((prefix + id_, name) for id_, name in values)
        elif column.name in _PAIRS_OF_IDS:
            columns[column.name] = tuple((prefix + a, prefix + b) for a, b in values)
        else:
            columns[column.name] = tuple(_named(prefix, value) for value in values)
    return Fares(**columns)


def _services(parts: Sequence[Services]) -> Services:
    first = min(part.first_day for part in parts)
    last = max(_last_day(part) for part in parts)
    active = np.zeros((sum(map(len, parts)), (last - first).days + 1), np.bool_)
    row = 0
    for part in parts:
        start = (part.first_day - first).days
        active[row : row + len(part), start : start + part.active.shape[1]] = part.active
        row += len(part)
    return _trimmed(Services([id_ for part in parts for id_ in part.id], first, active))


def _trimmed(services: Services) -> Services:
    """Without days at either end on which nothing runs."""
    running = np.flatnonzero(services.active.any(axis=0))
    if not len(running):
        return services
    first = services.first_day + timedelta(days=int(running[0]))
    return replace(
        services, first_day=first, active=services.active[:, running[0] : running[-1] + 1]
    )


def _last_day(services: Services) -> date:
    return services.first_day + timedelta(days=services.active.shape[1] - 1)


def _shapes(parts: Sequence[Shapes]) -> Shapes:
    sizes = np.concatenate([np.diff(part.point0) for part in parts])
    return Shapes(
        [id_ for part in parts for id_ in part.id],
        np.append(0, np.cumsum(sizes)),
        np.concatenate([part.lat for part in parts]),
        np.concatenate([part.lon for part in parts]),
    )


def _trips(parts: Sequence[TripColumns]) -> TripColumns:
    """Trips one part after another; the ids beside the columns may be shared or each part's own."""
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, Any] = {}
    for numbers, names in (
        ("route", "route_ids"), ("service", "service_ids"), ("shape", "shape_ids"),
        ("stop", "stop_ids"),
    ):  # fmt: skip
        columns |= _stacked(parts, (numbers,), names)
    columns |= _stacked(parts, ("headsign", "note", "block"), "texts")
    for name in (
        "direction", "wheelchair", "bikes", "arrival", "departure", "sequence", "pickup",
        "drop_off",
    ):  # fmt: skip
        columns[name] = np.concatenate([getattr(part, name) for part in parts])
    sizes = np.concatenate([np.diff(part.call0) for part in parts])
    return TripColumns(
        id=[id_ for part in parts for id_ in part.id],
        call0=np.append(0, np.cumsum(sizes)),
        **columns,
    )


def _stacked(parts: Sequence[TripColumns], numbers: Sequence[str], names: str) -> dict[str, Any]:
    """Columns of numbers of all parts, counted on through the names of all parts."""
    every: list[str] = []
    stacked: dict[str, list[NDArray[np.int32]]] = {name: [] for name in numbers}
    for part in parts:
        for name in numbers:
            column = getattr(part, name)
            stacked[name].append(np.where(column >= 0, column + len(every), -1).astype(np.int32))
        every += getattr(part, names)
    return {names: every} | {name: np.concatenate(column) for name, column in stacked.items()}
