"""Service ids to the days they run, from calendar.txt and calendar_dates.txt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from gtfs.columns import BLANK, Names, days, numbers, read_columns
from gtfs.defects import FeedError, Kind, Report, Severity
from gtfs.records import Record, read_records
from gtfs.source import Source
from gtfs.trip_columns import Services

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LONGEST_DAYS = 10_958  # thirty years; calendars "for ever" are common
_ADDED, _REMOVED = 1, 2

I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


def read_services(source: Source, names: Names, report: Report) -> tuple[Services, Bool]:
    """The days of every service by its number in `names`, and which of them are defined.

    One that is defined and never runs has no days.

    Raises:
        FeedError: no service runs on any day.
    """
    calendar = read_records(source, "calendar", report)
    exceptions = _exceptions(source, names, report)
    if not calendar and not len(exceptions):
        raise FeedError(
            "the feed has no calendar.txt and no calendar_dates.txt with rows in it: "
            "no trip has a day; ask for a feed with one of them",
            report,
        )
    regular = _regular(calendar, names)
    added = exceptions[exceptions[:, 2] == _ADDED, 1]
    spans = [np.array([first, last - 1]) for _, first, last, _ in regular if last > first]
    if not spans and not len(added):
        raise _never(report)
    ends = np.concatenate([*spans, added])
    middle = _middle(regular, added)
    reach = _LONGEST_DAYS // 2
    first = max(int(ends.min()), middle - reach)
    last = min(int(ends.max()), middle + reach)
    active = np.zeros((len(names.values_), last - first + 1), np.bool_)
    ordinals = np.arange(first, last + 1)
    for service, start, end, week in regular:
        inside = (ordinals >= start) & (ordinals < end)
        active[service] |= inside & week[(ordinals + 6) % 7]
    n_strays = sum(max(0, first - s) + max(0, e - last - 1) for _, s, e, _ in regular if e > s)
    near = (exceptions[:, 1] >= first) & (exceptions[:, 1] <= last)
    n_strays += int((~near & (exceptions[:, 2] == _ADDED)).sum())
    if n_strays:
        problem = f"{n_strays} days lie more than fifteen years from {date.fromordinal(middle)}"
        report.add("calendar_dates", None, "date", Kind.BAD_VALUE, problem, "ignored them")
    changes = exceptions[near]
    active[changes[:, 0], changes[:, 1] - first] = changes[:, 2] == _ADDED
    running = np.flatnonzero(active.any(axis=0))
    if not len(running):
        raise _never(report)
    kept = active[:, running[0] : running[-1] + 1]
    known = np.zeros(len(active), np.bool_)
    known[[service for service, *_ in regular]] = True
    known[exceptions[:, 0]] = True
    return Services(list(names.values_), date.fromordinal(first + int(running[0])), kept), known


def _never(report: Report) -> FeedError:
    return FeedError(
        "no service runs on any day; check calendar.txt and calendar_dates.txt", report
    )


def _exceptions(source: Source, names: Names, report: Report) -> I64:
    """Rows (service, ordinal, kind) of calendar_dates.txt, in the order of the file."""
    table = read_columns(
        source,
        "calendar_dates",
        {"service_id": names, "date": days(), "exception_type": numbers()},
        report,
    )
    service, day, kind = table["service_id"], table["date"], table["exception_type"]
    whole = (service >= 0) & (day != BLANK) & ((kind == _ADDED) | (kind == _REMOVED))
    report.add_rows(
        "calendar_dates", table.lines[~whole].tolist(), "exception_type", Kind.BAD_VALUE,
        "needs a service, a date and 1 or 2", "ignored the row", Severity.ERROR,
    )  # fmt: skip
    rows: I64 = np.stack([service, day, kind], axis=1).astype(np.int64)[whole]
    _, first = np.unique(rows[:, 0] << 32 | rows[:, 1], return_index=True)
    again = np.ones(len(rows), np.bool_)
    again[first] = False
    report.add_rows(
        "calendar_dates", table.lines[whole][again].tolist(), "date", Kind.DUPLICATE,
        "the date of its service a second time", "took this one",
    )  # fmt: skip
    return rows


def _middle(regular: Sequence[tuple[int, int, int, Bool]], added: I64) -> int:
    """A day around which the feed's days lie: the median of added dates and spans' middles."""
    middles = [(start + end) // 2 for _, start, end, _ in regular if end > start]
    every = np.sort(np.concatenate([np.array(middles, np.int64), added]))
    return int(every[len(every) // 2])


def _regular(calendar: Sequence[Record], names: Names) -> list[tuple[int, int, int, Bool]]:
    """Service, first day, day after the last (ordinals) and week of each row of calendar.txt."""
    regular: list[tuple[int, int, int, Bool]] = []
    seen: set[int] = set()
    for row in calendar:
        service = names[row.text("service_id")]
        first, last = row.day("start_date"), row.day("end_date")
        if service < 0 or first is None or last is None:
            row.say(
                "service_id", Kind.MISSING_VALUE, "no id or no dates", "ignored the row",
                Severity.ERROR,
            )  # fmt: skip
            continue
        if service in seen:
            id_ = names.values_[service]
            row.say("service_id", Kind.DUPLICATE, f"{id_!r} a second time", "ignored the row")
            continue
        seen.add(service)
        week = np.array([row.choice(day, (0, 1), -1) for day in _WEEKDAYS])
        for day, runs in zip(_WEEKDAYS, week.tolist(), strict=True):
            if runs < 0:
                row.say(day, Kind.MISSING_VALUE, "neither 0 nor 1", "does not run", Severity.ERROR)
        n_days = (last - first).days + 1
        if n_days <= 0:
            row.say("end_date", Kind.CONTRADICTION, "before start_date", "runs on no regular day")
            n_days = 0
        elif n_days > _LONGEST_DAYS:
            row.say("end_date", Kind.BAD_VALUE, f"{n_days} days", f"kept {_LONGEST_DAYS}")
            n_days = _LONGEST_DAYS
        start = first.toordinal()
        regular.append((service, start, start + n_days, week == 1))
    return regular
