"""A timetable's time: seconds after noon minus twelve hours of a service day.

On the days the clocks change, noon minus twelve hours is not midnight (GTFS reference, "Time").
Seconds count real elapsed time; they may pass 24 h and may be negative.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")


@lru_cache(maxsize=256)
def day_zero(day: date, tz: ZoneInfo) -> datetime:
    """The instant (aware UTC) from which the seconds of a service day count."""
    noon = datetime.combine(day, time(12), tz)
    return noon.astimezone(UTC) - timedelta(hours=12)


def instant(day: date, seconds: int, tz: ZoneInfo) -> datetime:
    """The aware UTC instant at `seconds` of the service day."""
    return day_zero(day, tz) + timedelta(seconds=seconds)


def seconds_at(at: datetime, day: date, tz: ZoneInfo) -> int:
    """Whole seconds of the service day at an aware instant, rounded down."""
    return (at - day_zero(day, tz)) // timedelta(seconds=1)


def service_day(at: datetime, tz: ZoneInfo) -> date:
    """The civil date at an aware instant; trips of the evening before may still run on it."""
    if at.tzinfo is None:
        raise ValueError(f"{at} names no time zone; pass an aware instant")
    return at.astimezone(tz).date()


def days_apart_s(day: date, other: date, tz: ZoneInfo) -> int:
    """Elapsed seconds from the zero of `day` to that of `other`: 23, 24 or 25 h for neighbours."""
    return seconds_at(day_zero(other, tz), day, tz)


def parse_clock(text: str) -> int:
    """Seconds of `H:MM:SS` or `HH:MM:SS`, hours past 24 allowed. Raises ValueError."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time; write HH:MM:SS, hours may pass 24")
    hours, minutes, seconds = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def format_clock(seconds: int) -> str:
    """`HH:MM:SS` of seconds of a service day; hours pass 24, the day before has a minus sign."""
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{left // 3600:02}:{left // 60 % 60:02}:{left % 60:02}"
