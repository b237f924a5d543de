"""The demo city against the facts it was made from, where these lie beside the repository."""

import csv
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path

import pytest

from gtfs.geo import LatLon, distance_m
from gtfs.load import read_feed
from mobility.cities.city import City, load_city
from mobility.cities.days import DayType
from mobility.cities.facts import Access
from mobility.cities.network import write_feed
from mobility.cities.trip_notes import TimesKnown, read_trip_note
from payments.money import Money
from providers.values import Mode

TODAY = date(2026, 11, 25)
FACTS = Path(__file__).parents[2].parent / "shared" / "luebeck"
needs_facts = pytest.mark.skipif(not FACTS.is_dir(), reason=f"no facts at {FACTS}")


def rows(feed: Path, table: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(feed) as archive, archive.open(table) as raw:
        return list(csv.DictReader(TextIOWrapper(raw, encoding="utf-8")))


@pytest.fixture(scope="module")
def city() -> City:
    return load_city("luebeck")


@pytest.fixture(scope="module")
def feed(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("feed") / "luebeck.zip"
    write_feed(city, path, TODAY)
    return path


def running(feed: Path, on: date) -> Counter[str]:
    """Trips of that day by agency, as a GTFS consumer reads calendar and exceptions."""
    weekday = on.strftime("%A").lower()
    services = {row["service_id"] for row in rows(feed, "calendar.txt") if row[weekday] == "1"}
    for row in rows(feed, "calendar_dates.txt"):
        if row["date"] == on.strftime("%Y%m%d"):
            change = {"1": services.add, "2": services.discard}[row["exception_type"]]
            change(row["service_id"])
    agencies = {row["route_id"]: row["agency_id"] for row in rows(feed, "routes.txt")}
    return Counter(
        agencies[row["route_id"]]
        for row in rows(feed, "trips.txt")
        if row["service_id"] in services
    )


def test_network_is_complete(feed: Path) -> None:
    routes = rows(feed, "routes.txt")
    buses = {row["route_id"] for row in routes if row["agency_id"] == "stadtverkehr-luebeck"}
    trips = [row for row in rows(feed, "trips.txt") if row["route_id"] in buses]
    stops = rows(feed, "stops.txt")

    assert len(buses) == 28
    assert len({(trip["route_id"], trip["direction_id"]) for trip in trips}) == 55
    assert sum(trip["service_id"] == "weekday" for trip in trips) == 1901
    assert sum(stop["stop_id"].startswith("osm-") for stop in stops) == 703
    assert sum(stop["location_type"] == "1" for stop in stops) == 396


@pytest.mark.parametrize(
    ("day", "kind", "buses"),
    [
        (date(2026, 11, 25), DayType.WEEKDAY, 1901),
        (date(2026, 11, 28), DayType.SATURDAY, 1622),
        (date(2026, 11, 29), DayType.SUNDAY, 989),
        (date(2026, 12, 24), DayType.SATURDAY, 1622),  # Thursday
        (date(2026, 12, 25), DayType.SUNDAY, 989),  # Friday
        (date(2026, 12, 26), DayType.SUNDAY, 989),  # Saturday
        (date(2027, 1, 1), DayType.SUNDAY, 989),
        (date(2027, 3, 26), DayType.SUNDAY, 989),  # Good Friday
        (date(2027, 10, 31), DayType.SUNDAY, 989),  # Reformation Day, a Sunday
    ],
)
def test_every_kind_of_day(city: City, feed: Path, day: date, kind: DayType, buses: int) -> None:
    assert city.day_type(day) == kind
    assert running(feed, day) == {"stadtverkehr-luebeck": buses, "priwallfaehre": 294}


def test_christmas_eve_on_a_sunday_stays_a_sunday(city: City) -> None:
    assert city.day_type(date(2028, 12, 24)) is DayType.SUNDAY


def test_valid_from_a_week_before_to_400_days_after(feed: Path) -> None:
    (info,) = rows(feed, "feed_info.txt")

    assert (info["feed_start_date"], info["feed_end_date"]) == ("20261118", "20271230")


def test_same_day_same_bytes(city: City, feed: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    write_feed(city, again, TODAY)

    assert again.read_bytes() == feed.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


@pytest.mark.parametrize("today", [date(2020, 2, 29), date(2031, 6, 1)])
def test_valid_whenever_it_is_started(city: City, tmp_path: Path, today: date) -> None:
    write_feed(city, tmp_path / "feed.zip", today)
    read, report = read_feed(tmp_path / "feed.zip")

    assert report.findings == []
    assert all(min(days) <= today + timedelta(days=7) for days in read.services.values())
    assert date(today.year, 12, 25) in read.services["sunday"]


def test_every_trip_says_what_is_not_known_of_it(feed: Path) -> None:
    def label(trip: dict[str, str]) -> tuple[str, str]:
        return trip["service_id"], re.split("[:;]", trip["trip_short_name"])[0]

    assert Counter(label(trip) for trip in rows(feed, "trips.txt")) == {
        ("weekday", "published"): 1901,
        ("saturday", "derived"): 1622,
        ("sunday", "derived"): 989,
        ("daily", "synthetic"): 276,
        ("daily-00", "synthetic"): 6,
        ("daily-01", "synthetic"): 6,
        ("daily-02", "synthetic"): 6,
    }


def test_riders_read_of_a_trip_in_their_language_what_is_not_known_of_it(feed: Path) -> None:
    notes = {row["trip_short_name"] for row in rows(feed, "trips.txt")}

    assert {read_trip_note(note) for note in notes} == {
        (
            TimesKnown.PUBLISHED,
            "Abfahrt am ersten Halt veröffentlicht, Zeiten danach aus der Entfernung geschätzt",
        ),
        (
            TimesKnown.DERIVED,
            "Samstag: aus dem Werktagsfahrplan abgeleitet, einzelne Fahrten können anders fahren",
        ),
        (
            TimesKnown.DERIVED,
            "Sonntag: aus dem Werktagsfahrplan abgeleitet, einzelne Fahrten können anders fahren",
        ),
        (TimesKnown.SYNTHETIC, "kein veröffentlichter Fahrplan, sondern ein angenommener Takt"),
    }


def test_own_reader_finds_nothing_to_complain_about(feed: Path) -> None:
    read, report = read_feed(feed)

    assert report.findings == []
    assert len(read.trips) == 1901 + 1622 + 989 + 294
    assert all(trip.note for trip in read.trips)


def test_running_times_are_those_of_a_bus(feed: Path) -> None:
    """Between 12 and 45 km/h over a whole trip, the ferry crossing apart."""
    read, _ = read_feed(feed)
    metres = {(r["trip_id"], r["shape_dist_traveled"]) for r in rows(feed, "stop_times.txt")}
    length: dict[str, int] = {}
    for trip_id, along in metres:
        length[trip_id] = max(length.get(trip_id, 0), int(along))
    strange = {
        trip.id: round(length[trip.id] * 3.6 / (trip.arrivals[-1] - trip.departures[0]))
        for trip in read.trips
        if trip.route_id not in {"38", "priwallfaehre"}
        and not 12 <= length[trip.id] * 3.6 / (trip.arrivals[-1] - trip.departures[0]) <= 45
    }

    assert strange == {}


def facts_runs() -> Iterator[tuple[str, str, str, tuple[int, int] | None]]:
    with (FACTS / "departures.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            short = {
                int(index): (int(a), int(b))
                for index, a, b in re.findall(r"#(\d+) \S+ \[(\d+),(\d+)\]", row["short_runs"])
            }
            for index, clock in enumerate(row["departures"].split()):
                yield row["line_id"], row["direction"], clock, short.get(index)


@needs_facts
def test_every_departure_of_the_facts_is_in_the_feed(feed: Path) -> None:
    """Line, direction, time, and for a short run how long it is (to 5 %, or 400 m)."""
    with (FACTS / "line_stops.csv").open(encoding="utf-8") as file:
        ends = {
            (r["line_id"], r["direction"]): int(r["offset_est_m"]) for r in csv.DictReader(file)
        }
    times = rows(feed, "stop_times.txt")
    start = {r["trip_id"]: r["departure_time"] for r in times if r["stop_sequence"] == "0"}
    reach = {r["trip_id"]: int(r["shape_dist_traveled"]) for r in times}
    written: dict[tuple[str, str, str], list[int]] = {}
    for trip in rows(feed, "trips.txt"):
        if trip["service_id"] == "weekday":
            key = (trip["route_id"], trip["direction_id"], start[trip["trip_id"]])
            written.setdefault(key, []).append(reach[trip["trip_id"]])

    expected: dict[tuple[str, str, str], list[int]] = {}
    for line, direction, clock, short in facts_runs():
        key = (line, direction, clock if clock.count(":") == 2 else clock + ":00")
        length = short[1] - short[0] if short else ends[line, direction]
        expected.setdefault(key, []).append(length)

    assert written.keys() == expected.keys()
    far_off = {
        key: (sorted(lengths), sorted(written[key]))
        for key, lengths in expected.items()
        if len(lengths) != len(written[key])
        or any(
            abs(a - b) > max(400, 0.05 * a)
            for a, b in zip(sorted(lengths), sorted(written[key]), strict=True)
        )
    }
    assert {key[:2] for key in far_off} <= {("35", "0")}  # stretched; see the city's README


@needs_facts
def test_every_stop_of_every_direction_is_in_order(feed: Path) -> None:
    listed: dict[tuple[str, str], list[str]] = {}
    with (FACTS / "line_stops.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            route = listed.setdefault((row["line_id"], row["direction"]), [])
            if not route or route[-1] != row["stop_id"]:  # 38/0 names Nordlandring twice
                route.append(row["stop_id"])
    called: dict[str, list[str]] = {}
    for call in rows(feed, "stop_times.txt"):
        called.setdefault(call["trip_id"], []).append(call["stop_id"])
    longest: dict[tuple[str, str], list[str]] = {}
    for trip in rows(feed, "trips.txt"):
        key = (trip["route_id"], trip["direction_id"])
        longest[key] = max(longest.get(key, []), called[trip["trip_id"]], key=len)

    del longest["priwallfaehre", "0"], longest["priwallfaehre", "1"]
    assert {key: route for key, route in longest.items() if listed[key] != route} == {}
    assert listed.keys() == longest.keys()


def test_stops_of_a_station_lie_together(feed: Path) -> None:
    stops = {row["stop_id"]: row for row in rows(feed, "stops.txt")}
    hub = [row for row in stops.values() if row["parent_station"].endswith("zob-hauptbahnhof")]

    assert len(hub) == 13
    for row in stops.values():
        if row["parent_station"]:
            station = stops[row["parent_station"]]
            assert row["stop_name"] == station["stop_name"]
            assert distance_m(at(row), at(station)) < 300


def at(row: dict[str, str]) -> LatLon:
    return LatLon(float(row["stop_lat"]), float(row["stop_lon"]))


def test_ferry_is_an_agency_of_its_own_between_both_banks(feed: Path) -> None:
    (route,) = [r for r in rows(feed, "routes.txt") if r["agency_id"] == "priwallfaehre"]
    stops = {row["stop_id"]: row for row in rows(feed, "stops.txt")}
    landings = [stops["ferry-travemuende"], stops["ferry-priwall"]]

    assert route["route_type"] == "4"
    assert [row["parent_station"] for row in landings] == [
        "station-travemuende-priwallfaehre",
        "station-priwall-priwallfaehre",
    ]
    assert 100 < distance_m(at(landings[0]), at(landings[1])) < 400


def test_water_and_crossings(city: City) -> None:
    crossings = {crossing.name: crossing for crossing in city.crossings}
    muehlentor = crossings["Mühlentorbrücke"]
    dankwart = crossings["Dankwartsbrücke"]
    lift = crossings["Hubbrücken (Marstallbrücke)"]

    assert len(city.water) == 16
    assert len(crossings) == 28
    assert [muehlentor.access(mode, TODAY) for mode in (Mode.WALK, Mode.BIKE, Mode.CAR)] == [
        Access.OPEN,
        Access.OPEN,
        Access.CLOSED,
    ]
    assert muehlentor.access(Mode.CAR, date(2025, 12, 4)) is Access.OPEN
    assert muehlentor.access(Mode.CAR, date(2029, 10, 1)) is Access.UNKNOWN
    assert dankwart.access(Mode.WALK, date(2040, 1, 1)) is Access.CLOSED
    assert lift.access(Mode.SCOOTER, TODAY) is Access.CLOSED
    assert crossings["Herrentunnel"].access(Mode.BIKE, TODAY) is Access.CLOSED


def test_places_car_parks_promises_and_factors(city: City) -> None:
    assert (len(city.places), len(city.car_parks), len(city.guarantees)) == (135, 23, 4)
    assert [g.id for g in city.guarantees if g.holds_on(date(2016, 1, 1))] == ["bus-punctuality"]
    assert {
        "bus": city.emissions.find_grams_per_km(Mode.BUS),
        "car": city.emissions.find_grams_per_km(Mode.CAR),
        "electric car": city.emissions.find_grams_per_km(Mode.CAR, electric=True),
        "bike": city.emissions.find_grams_per_km(Mode.BIKE),
        "ferry": city.emissions.find_grams_per_km(Mode.FERRY),
    } == {"bus": 90, "car": 230, "electric car": 98, "bike": 0, "ferry": None}


def test_taxi_estimate_by_hand(city: City) -> None:
    """4.10 + 3 km x 2.70 + 2 km x 2.20 = 16.60."""
    assert city.taxi is not None
    assert city.taxi.estimate(5000) == Money(1660)
    assert city.taxi.estimate(1000) == Money(680)
    assert city.taxi.estimate(0) == Money(410)


def test_on_demand_service_is_not_said_to_run(city: City) -> None:
    assert [(service.id, service.status) for service in city.on_demand] == [("luemo", "unknown")]


def test_operators_and_their_fleets(city: City) -> None:
    with (city.folder / "demo_bike_stations.csv").open(encoding="utf-8") as file:
        stations = list(csv.DictReader(file))
    with (city.folder / "demo_cars.csv").open(encoding="utf-8") as file:
        cars = list(csv.DictReader(file))
    car_types = {kind.id for kind in city.get_provider("demo-auto").vehicle_type}

    assert [stanza.id for stanza in city.providers] == [
        "stadtverkehr-luebeck",
        "priwallfaehre",
        "demo-rad",
        "demo-auto",
    ]
    assert (len(stations), len(cars)) == (42, 30)
    assert all(int(s["rad"]) + int(s["pedelec"]) <= int(s["capacity"]) for s in stations)
    assert {car["vehicle_type_id"] for car in cars} == car_types
    for row in [*stations, *cars]:
        assert LatLon(float(row["lat"]), float(row["lon"])) in city.bounds
    ferry = city.find_provider_of_agency("priwallfaehre")
    assert ferry is not None
    assert ferry.modes == (Mode.FERRY,)


def test_holidays_of_the_facts_follow_from_the_rules(city: City) -> None:
    assert sorted(city.public_holidays(date(2027, 1, 1), date(2027, 12, 31))) == [
        date(2027, 1, 1),
        date(2027, 3, 26),
        date(2027, 3, 29),
        date(2027, 5, 1),
        date(2027, 5, 6),
        date(2027, 5, 17),
        date(2027, 10, 3),
        date(2027, 10, 31),
        date(2027, 12, 25),
        date(2027, 12, 26),
    ]


@needs_facts
def test_calendar_agrees_with_the_facts(city: City) -> None:
    with (FACTS / "calendar.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    for row in listed:
        if row["timetable_day"]:
            assert city.day_type(date.fromisoformat(row["start_date"])) in {
                DayType(row["timetable_day"]),
                DayType.SUNDAY,
            }
    vacations = {
        (holiday.first.isoformat(), holiday.last.isoformat(), holiday.name)
        for holiday in city.list_holidays(date(2025, 12, 1), date(2028, 12, 31))
        if holiday.kind == "school_holiday"
    }
    assert vacations == {
        (row["start_date"], row["end_date"], row["name"])
        for row in listed
        if row["type"] == "school_holiday"
    }


@pytest.mark.parametrize(
    ("local", "runs"),
    [
        ("2026-11-25T19:59:59", False),  # a Wednesday
        ("2026-11-25T20:00", True),
        ("2026-11-26T00:59", True),
        ("2026-11-26T01:00", False),
        ("2026-11-28T03:59", True),  # the night after Friday
        ("2026-11-28T04:00", False),
        ("2026-11-30T02:00", False),  # the night after Sunday
        ("2026-12-25T02:00", True),  # the night before a holiday
    ],
)
def test_service_on_demand_has_its_hours(city: City, local: str, runs: bool) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=city.timezone)

    assert [service.id for service in city.list_on_demand(at)] == ["luemo"] * runs
