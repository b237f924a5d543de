"""Service ids to the days they run, from calendar.txt and calendar_dates.txt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from gtfs.feed import FeedError, Report, Severity

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LONGEST_DAYS = 10_958  # thirty years; calendars "for ever" are common

Row = tuple[int, Mapping[str, Any]]


def services_of(
    calendar: Sequence[Row], exceptions: Sequence[Row], report: Report
) -> dict[str, frozenset[date]]:
    """The days of every service; one that never runs is kept, with no days.

    Raises:
        FeedError: no service runs on any day.
    """
    if not calendar and not exceptions:
        raise FeedError("the feed has no calendar.txt and no calendar_dates.txt: no trip has a day")
    services: dict[str, set[date]] = {}
    for row, cells in calendar:
        service = cells.get("service_id")
        first = _day(cells, "start_date", "calendar", row, report)
        last = _day(cells, "end_date", "calendar", row, report)
        if not service or first is None or last is None:
            report.add("calendar", row, "service_id", "no id or no dates", "ignored the row")
            continue
        if service in services:
            report.add("calendar", row, "service_id", f"{service!r} a second time", "ignored it")
            continue
        services[service] = _regular_days(cells, first, last, row, report)
    for row, cells in exceptions:
        service = cells.get("service_id")
        day = _day(cells, "date", "calendar_dates", row, report)
        kind = cells.get("exception_type")
        if not service or day is None or kind not in (1, 2):
            report.add("calendar_dates", row, "exception_type", "incomplete", "ignored the row")
            continue
        days = services.setdefault(service, set())
        (days.add if kind == 1 else days.discard)(day)
    if not any(services.values()):
        raise FeedError("no service runs on any day; check calendar.txt and calendar_dates.txt")
    return _without_strays(services, report)


def _without_strays(
    services: Mapping[str, set[date]], report: Report
) -> dict[str, frozenset[date]]:
    every = sorted(day for days in services.values() for day in days)
    middle, reach = every[len(every) // 2], timedelta(days=_LONGEST_DAYS // 2)
    near = {
        service: frozenset(day for day in days if abs(day - middle) <= reach)
        for service, days in services.items()
    }
    n_strays = len(every) - sum(map(len, near.values()))
    if n_strays:
        problem = f"{n_strays} days lie more than fifteen years from {middle}"
        report.add("calendar_dates", None, "date", problem, "ignored them")
    return near


def _regular_days(
    cells: Mapping[str, Any], first: date, last: date, row: int, report: Report
) -> set[date]:
    if last < first:
        report.add("calendar", row, "end_date", "before start_date", "runs on no regular day")
        return set()
    n_days = (last - first).days + 1
    if n_days > _LONGEST_DAYS:
        report.add("calendar", row, "end_date", f"{n_days} days", f"kept {_LONGEST_DAYS}")
        n_days = _LONGEST_DAYS
    for weekday in _WEEKDAYS:
        if cells.get(weekday) not in (0, 1):
            report.add("calendar", row, weekday, "neither 0 nor 1", "does not run", Severity.ERROR)
    all_days = (first + timedelta(days=i) for i in range(n_days))
    return {day for day in all_days if cells.get(_WEEKDAYS[day.weekday()]) == 1}


def _day(cells: Mapping[str, Any], column: str, file: str, row: int, report: Report) -> date | None:
    text = str(cells.get(column) or "")
    try:
        if len(text) == 8 and text.isascii() and text.isdigit():
            day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
            if 1970 <= day.year <= 2200:
                return day
    except ValueError:
        pass
    report.add(file, row, column, f"{text[:20]!r} is no date YYYYMMDD", "took it as empty")
    return None
