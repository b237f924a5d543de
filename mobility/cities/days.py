"""Which timetable runs on which day: weekends, public holidays, and the days before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass as plain
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from pydantic.dataclasses import dataclass

from mobility.cities.facts import Confidence
from mobility.cities.rows import DATA, Text

_FIXED = re.compile(r"(\d\d)-(\d\d)")
_EASTER = re.compile(r"easter([+-]\d{1,3})")
_PERIOD = re.compile(r"(\d{4}-\d\d-\d\d)(?:/(\d{4}-\d\d-\d\d))?")


class DayType(StrEnum):
    """A kind of timetable day; where two apply, the later one here holds."""

    WEEKDAY = "weekday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_ORDER = list(DayType)


@plain(frozen=True, slots=True)
class Holiday:
    """A day, or a period of days, that is not like others."""

    first: date
    last: date
    name: str
    kind: Literal["public_holiday", "special_day", "school_holiday"]
    timetable_day: DayType | None


@dataclass(frozen=True, slots=True, config=DATA)
class CalendarRule:
    """A row of ``calendar.csv``.

    ``when`` is ``MM-DD`` of every year, ``easter+N`` or ``easter-N`` days, one ISO date, or two
    with a slash between, both included.
    """

    when: Text
    kind: Literal["public_holiday", "special_day", "school_holiday"]
    name: Text
    source: Text
    confidence: Confidence
    timetable_day: DayType | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for _ in self.in_year(2028):
            pass

    def in_year(self, year: int) -> Iterator[Holiday]:
        """The days this rule names that begin in ``year``."""
        if found := _FIXED.fullmatch(self.when):
            first = last = date(year, int(found[1]), int(found[2]))
        elif found := _EASTER.fullmatch(self.when):
            first = last = easter_sunday(year) + timedelta(days=int(found[1]))
        elif found := _PERIOD.fullmatch(self.when):
            first = date.fromisoformat(found[1])
            last = date.fromisoformat(found[2]) if found[2] else first
            if last < first:
                raise ValueError("the period ends before it begins")
            if first.year != year:
                return
        else:
            raise ValueError("when must be MM-DD, easter+N, an ISO date, or DATE/DATE")
        yield Holiday(first, last, self.name, self.kind, self.timetable_day)


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Butcher's algorithm, 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l_ = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * l_) // 451
    month, day = divmod(h + l_ - 7 * m + 114, 31)
    return date(year, month, day + 1)


def list_holidays(rules: Sequence[CalendarRule], first: date, last: date) -> tuple[Holiday, ...]:
    """All holidays that touch the days from ``first`` to ``last``, in order."""
    found = (
        holiday
        for year in range(first.year - 1, last.year + 1)
        for rule in rules
        for holiday in rule.in_year(year)
    )
    touching = (h for h in found if h.first <= last and h.last >= first)
    return tuple(sorted(touching, key=lambda holiday: (holiday.first, holiday.name)))


def day_type(rules: Sequence[CalendarRule], on: date) -> DayType:
    """The timetable of that day. A special day on a Sunday stays a Sunday."""
    named = [h.timetable_day for h in list_holidays(rules, on, on) if h.timetable_day is not None]
    return max([usual_day_type(on), *named], key=_ORDER.index)


def usual_day_type(on: date) -> DayType:
    """The timetable of that day of the week if it is no holiday."""
    by_weekday = (*(DayType.WEEKDAY,) * 5, DayType.SATURDAY, DayType.SUNDAY)
    return by_weekday[on.weekday()]
