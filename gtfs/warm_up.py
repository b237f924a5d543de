"""Compile the kernels before anyone waits for them."""

from __future__ import annotations

from collections.abc import Callable

from gtfs.journey import between, search
from gtfs.text import timetable_from_text

_SMALLEST = """
days 2026-11-23..2026-11-23 Europe/Berlin
1: A 08:00 B 08:10
walk B C 60
"""


def warm_up(progress: Callable[[str], None]) -> None:
    """Compile every kernel, or fetch it from the cache; `progress` hears what is being done."""
    progress("compiling the journey search (some seconds, once per version)")
    timetable = timetable_from_text(_SMALLEST)
    search(timetable, between(timetable, "A", "C", timetable.first_day, 0))
