"""What we read of real feeds is what gtfs-kit, an independent reader, makes of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from gtfs.build import build
from gtfs.load import read_feed
from gtfs.timetable import Timetable

SHARED = Path(__file__).parents[3] / "shared" / "feeds"

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the feeds lie beside the repository"),
]


def events_of(timetable: Timetable, trip: int) -> list[tuple[str, int, int]]:
    patterns, events = timetable.patterns, timetable.events
    pattern = int(timetable.trips.pattern[trip])
    stops = patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]].tolist()
    first = int(patterns.event0[pattern]) + len(stops) * (trip - int(patterns.trip0[pattern]))
    return [
        (timetable.stop_table.id[stop], int(arrival), int(departure))
        for stop, arrival, departure in zip(
            stops,
            events.arrival[first : first + len(stops)],
            events.departure[first : first + len(stops)],
            strict=True,
        )
    ]


@pytest.mark.parametrize(
    ("name", "day"), [("cairns", date(2014, 6, 2)), ("cairns", date(2014, 6, 7))]
)
@pytest.mark.filterwarnings("ignore")
def test_the_same_trips_run_at_the_same_times(name: str, day: date) -> None:
    gtfs_kit = pytest.importorskip("gtfs_kit")
    theirs = gtfs_kit.read_feed(SHARED / f"{name}.zip", dist_units="km")
    ours = build(read_feed(SHARED / f"{name}.zip")[0])
    running = set(theirs.get_trips(day.strftime("%Y%m%d"))["trip_id"])
    active = ours.active_services(day)
    numbers = np.flatnonzero(active[ours.trips.service]).tolist()
    assert {ours.trips.id[number] for number in numbers} == running != set()
    times = theirs.stop_times.sort_values(["trip_id", "stop_sequence"])
    times = times[times["trip_id"].isin(sorted(running)[:50])]
    for column in ("arrival_time", "departure_time"):
        times[column] = times[column].map(gtfs_kit.helpers.timestr_to_seconds)
    whole = times.groupby("trip_id")["arrival_time"].transform(lambda column: column.notna().all())
    by_trip = {
        trip: list(zip(rows["stop_id"], rows["arrival_time"], rows["departure_time"], strict=True))
        for trip, rows in times[whole].groupby("trip_id")
    }
    assert len(by_trip) > 10
    numbered = {ours.trips.id[number]: number for number in numbers}
    assert {trip: events_of(ours, numbered[trip]) for trip in by_trip} == by_trip
