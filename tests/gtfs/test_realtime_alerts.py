"""What riders are told of stops, lines and trips, and where vehicles are."""

from datetime import date, datetime

import pytest

from gtfs.ids import RouteIdx, TripIdx
from gtfs.realtime_live import Live
from gtfs.text import timetable_from_text
from tests.gtfs.realtime_text import NOW, live

DAY = date(2026, 11, 25)
TOWN = timetable_from_text("""
    station Hbf B C
    1: A 08:00 B 08:10 D 08:20
    2: A 08:05 C 08:15
""")


def told(now: Live, at: datetime = NOW, **of: str) -> list[str]:
    """Headers of the alerts of a stop, route or trip."""
    context: dict[str, object] = {}
    if "stop" in of:
        context["stop"] = TOWN.stop_index[of["stop"]]
    if "route" in of:
        context["route"] = RouteIdx(list(TOWN.routes.id).index(of["route"]))
    if "trip" in of:
        active = now.timetable.active_services(DAY)[now.timetable.trips.service]
        ids = list(now.timetable.trips.id)
        (context["trip"],) = (i for i, id_ in enumerate(ids) if id_ == of["trip"] and active[i])
        context["day"] = DAY
    return sorted(alert.header["de"] for alert in now.alerts_for(at, **context))  # type: ignore[arg-type]


def test_an_alert_applies_where_all_that_it_names_is_the_case():
    now = live(
        TOWN,
        """
        alert route=1: Linie
        alert stop=A: Halt
        alert route=1 stop=B: Linie am Halt
        alert trip=1-1: Fahrt
        alert agency=T: Alle
        alert stop=Hbf: Bahnhof
        alert route=2 also stop=D: Beides
        """,
    )

    assert told(now, route="1") == ["Alle", "Linie"]
    assert told(now, stop="A") == ["Halt"]
    assert told(now, stop="B") == ["Bahnhof"]
    assert told(now, stop="B", trip="1-1") == [
        "Alle", "Bahnhof", "Fahrt", "Linie", "Linie am Halt",
    ]  # fmt: skip
    assert told(now, stop="A", trip="2-2") == ["Alle", "Beides", "Halt"]
    assert told(now, stop="D") == ["Beides"]


def test_alerts_follow_a_trip_that_is_late():
    now = live(TOWN, "1-1 2026-11-25: A=+60\nalert trip=1-1: Fahrt")

    assert told(now, trip="1-1") == ["Fahrt"]


@pytest.mark.parametrize(
    ("at", "found"),
    [("07:59", []), ("08:00", ["Sperrung"]), ("08:59", ["Sperrung"]), ("09:00", [])],
)
def test_an_alert_has_its_time(at: str, found: list[str]):
    now = live(
        TOWN,
        "alert stop=A from=2026-11-25T08:00+01:00 until=2026-11-25T09:00+01:00: Sperrung",
    )

    assert told(now, datetime.fromisoformat(f"2026-11-25T{at}+01:00"), stop="A") == found


def test_alerts_of_two_feeds_that_count_alike_are_two():
    now = live(TOWN, "alert stop=A: Eins", "alert stop=A: Zwei")

    assert told(now, stop="A") == ["Eins", "Zwei"]


def test_without_realtime_nothing_is_told():
    assert told(Live.of(TOWN), stop="A", trip="1-1") == []


def test_vehicles_are_found_by_their_trip_changed_or_not():
    now = live(
        TOWN,
        "1-1 2026-11-25: A=+60\nnew X route=2 2026-11-25: A=09:00 C=09:10",
        "vehicle V1 1-1 2026-11-25 53.5,10.5 stop=B\nvehicle V2 2-2 2026-11-25 53.6,10.6\n"
        "vehicle V3 X 53.7,10.7\nvehicle V4 53.8,10.8\nvehicle V5 unknown 53.9,10.9",
    )

    ids = list(now.timetable.trips.id)
    found = {ids[trip]: vehicle.id for trip in map(TripIdx, range(len(ids)))
             if (vehicle := now.vehicle_of(trip, DAY))}  # fmt: skip
    assert found == {"1-1": "V1", "2-2": "V2", "X": "V3"}
    assert (now.summary.vehicles, now.summary.vehicles_with_trip) == (5, 4)
    assert (now.summary.vehicles_matched, now.summary.n_unmatched) == (3, 1)
