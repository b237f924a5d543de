"""Compile the kernels before anyone waits for them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from gtfs import kernel_cache
from gtfs.front import FAR, FrontNetwork, FrontQuery, RentalEdges, search_front
from gtfs.journey import between, profile, search, search_latest
from gtfs.network import View, known_of, network_of
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import Updates
from gtfs.text import timetable_from_text

_SMALLEST = """
days 2026-11-23..2026-11-23 Europe/Berlin
1: A 08:00 B 08:10
2: B 08:12 D 08:20
walk B C 60
"""
_ON_TIME = bytes.fromhex(
    "0a050a03322e301244 0a01311a3f0a0f0a03312d311a083230323631313233"
    "12150800120610f0c88fd8061a0610f0c88fd806220141"
    "12150801120610c8cd8fd8061a0610c8cd8fd806220142"
)
"""A live message: the first trip calls at A at 08:00 and at B at 08:10 on 2026-11-23."""


def warm_up(progress: Callable[[str], None]) -> None:
    """Compile every kernel, or fetch it from the cache; `progress` hears what is being done.

    The search by four criteria is compiled in a process of its own meanwhile: numba compiles one
    kernel at a time in each.
    """
    is_compiled = any(kernel_cache.folder().rglob("front_search.*.nbi"))
    beside = None if is_compiled else subprocess.Popen([sys.executable, "-m", "gtfs.warm_up"])
    try:
        _warm_plain(progress)
        progress("compiling the search by time, price and CO2 (once)")
        if beside is not None:
            beside.wait()
    finally:
        if beside is not None:
            beside.kill()
            beside.wait()
    warm_front()


def _warm_plain(progress: Callable[[str], None]) -> None:
    progress("compiling the journey search: lanes, changes between trips, one departure (once)")
    timetable = timetable_from_text(_SMALLEST)
    question = between(timetable, "A", "C", timetable.first_day, 0)
    search(timetable, question)
    search_latest(timetable, question._replace(seconds=40_000))
    progress("compiling the journey search: all departures of a window (once)")
    profile(timetable, question, 40_000)
    progress("compiling live times (once)")
    message = read_message(_ON_TIME)
    live = patched(timetable, Updates.of([message]), datetime.now(UTC))
    known_of(live.timetable).planned = known_of(timetable)
    search(live.timetable, question)


def warm_front() -> None:
    """Compile the search by four criteria, or fetch it from the cache."""
    timetable = timetable_from_text(_SMALLEST)
    day = network_of(timetable, timetable.first_day, View.AHEAD)
    free = np.zeros(len(day.trip), np.int32)
    network = FrontNetwork.of(
        day,
        mirrored=False,
        trip_cents=free,
        trip_mg_per_m=free,
        metres=np.zeros(len(day.section("stops")), np.int32),
        levels=None,
    )
    nowhere = np.full(day.n_stops, FAR, np.int32)
    search_front(network, RentalEdges.none(day.n_stops), FrontQuery(0, nowhere, nowhere))


if __name__ == "__main__":
    warm_front()
