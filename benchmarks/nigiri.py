"""MOTIS's nigiri through its Python wheel, asked the same stop-to-stop questions as ours.

The feed gets a transfer of 0 from every stop to itself, because nigiri's default change time is two
minutes; its footpaths are left exactly as transfers.txt has them.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pynigiri

_LOOK_AHEAD_MIN = 1440
_LONGEST_FOOTPATH_MIN = 120


class Nigiri:
    """A normalised feed, loaded around one day."""

    def __init__(self, feed: Path, day: date, scratch: Path) -> None:
        adapted = scratch / feed.name
        stop_ids, zone = _with_change_times(feed, adapted)
        options = pynigiri.FinalizeOptions()
        options.adjust_footpaths = False
        options.max_footpath_length = _LONGEST_FOOTPATH_MIN
        first, last = day - timedelta(days=2), day + timedelta(days=3)
        source = pynigiri.TimetableSource("feed", str(adapted), pynigiri.LoaderConfig())
        self._timetable = pynigiri.load_timetable(
            [source], first.isoformat(), last.isoformat(), options
        )
        self._locations = {stop: self._timetable.find_location(stop) for stop in stop_ids}
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
        self._zero_s = int(noon.timestamp()) - 12 * 3600

    def route(self, start: str, end: str, departure_s: int) -> list[pynigiri.Journey]:
        """What is timed: make the query, run it, get the journeys."""
        query = self._query(start, end)
        query.start_time = (self._zero_s + departure_s) // 60
        return list(pynigiri.route(self._timetable, query))

    def profile(self, start: str, end: str, departure_s: int) -> list[pynigiri.Journey]:
        """The same for all departures of one hour."""
        query = self._query(start, end)
        first = (self._zero_s + departure_s) // 60
        query.start_time = (first, first + 60)
        return list(pynigiri.route(self._timetable, query))

    def _query(self, start: str, end: str) -> pynigiri.Query:
        query = pynigiri.Query()
        query.start = [pynigiri.Offset(self._locations[start], 0)]
        query.destination = [pynigiri.Offset(self._locations[end], 0)]
        query.use_start_footpaths = True
        query.max_travel_time = _LOOK_AHEAD_MIN
        return query

    def front(self, start: str, end: str, departure_s: int) -> list[tuple[int, int]]:
        """Pareto (arrival in service seconds, transfers), fewest transfers first."""
        journeys = self.route(start, end, departure_s)
        front = {(j.dest_time * 60 - self._zero_s, j.transfers) for j in journeys}
        return sorted(front, key=lambda point: point[1])


def _with_change_times(feed: Path, adapted: Path) -> tuple[list[str], str]:
    with zipfile.ZipFile(feed) as old, zipfile.ZipFile(adapted, "w") as new:
        tables = {name: old.read(name).decode("utf-8-sig") for name in old.namelist()}
        stops = [row["stop_id"] for row in csv.DictReader(io.StringIO(tables["stops.txt"]))]
        zone = next(csv.DictReader(io.StringIO(tables["agency.txt"])))["agency_timezone"]
        own = "".join(f"{stop},{stop},2,0\n" for stop in stops)
        tables["transfers.txt"] = tables["transfers.txt"].rstrip() + "\n" + own
        for name, text in tables.items():
            new.writestr(name, text)
    return stops, zone
