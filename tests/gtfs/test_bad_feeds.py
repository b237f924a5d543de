"""Forty broken feeds: each is survived, and what its name promises is found."""

import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gtfs.build import build
from gtfs.defects import FeedError, Kind, Report
from gtfs.load import read_feed
from gtfs.timetable import Timetable
from tests.gtfs.test_load import GOOD

BAD = Path(__file__).parents[3] / "shared/bad-gtfs"

SERVES, REFUSED = True, False
FOUND = {
    "au-sydney-entrances": (REFUSED, [("routes", "", Kind.MISSING_FILE)]),
    "bad_date_format": (
        SERVES,
        [("calendar", "start_date", Kind.BAD_VALUE), ("calendar_dates", "date", Kind.BAD_VALUE)],
    ),
    "bad_eol.zip": (SERVES, [("routes", "", Kind.LINE_ENDS)]),
    "bad_utf8": (
        SERVES,
        [(name, "", Kind.ENCODING) for name in ("agency", "stops", "routes", "trips")],
    ),
    "contains_null": (SERVES, [("stops", "", Kind.ENCODING)]),
    "duplicate_schedule_id": (SERVES, [("calendar", "service_id", Kind.DUPLICATE)]),
    "duplicate_stop": (SERVES, [("stops", "stop_lat", Kind.DUPLICATE)]),
    "duplicate_stop_sequence": (SERVES, [("stop_times", "stop_sequence", Kind.DUPLICATE)]),
    "empty_file": (REFUSED, [("agency", "", Kind.EMPTY_FILE)]),
    "extra_row_cells": (SERVES, [("routes", "", Kind.RAGGED_ROW)]),
    "filter_unusual_trips": (SERVES, []),
    "flatten_feed": (SERVES, []),
    "good_feed": (SERVES, []),
    "good_feed.zip": (SERVES, []),
    "googletransit": (SERVES, [("feed", "", Kind.UNKNOWN_FILE)]),
    "invalid_agency_ids": (SERVES, [("agency", "agency_id", Kind.MISSING_VALUE)]),
    "invalid_route_agency": (SERVES, [("routes", "agency_id", Kind.UNKNOWN_REFERENCE)]),
    "missing_agency": (REFUSED, [("agency", "", Kind.MISSING_FILE)]),
    "missing_calendar": (REFUSED, [("calendar", "", Kind.MISSING_FILE)]),
    "missing_column": (SERVES, [("agency", "agency_name", Kind.MISSING_COLUMN)]),
    "missing_departure_time": (SERVES, [("stop_times", "departure_time", Kind.MISSING_VALUE)]),
    "missing_endpoint_times": (SERVES, [("stop_times", "arrival_time", Kind.MISSING_VALUE)]),
    "missing_routes": (REFUSED, [("routes", "", Kind.MISSING_FILE)]),
    "missing_row_cells": (SERVES, [("routes", "", Kind.RAGGED_ROW)]),
    "missing_stop_times": (REFUSED, [("stop_times", "", Kind.MISSING_FILE)]),
    "missing_stops": (REFUSED, [("stops", "", Kind.MISSING_FILE)]),
    "missing_trips": (REFUSED, [("trips", "", Kind.MISSING_FILE)]),
    "missing_weekday_column": (SERVES, [("calendar", "thursday", Kind.MISSING_COLUMN)]),
    "negative_stop_sequence": (SERVES, [("stop_times", "stop_sequence", Kind.BAD_VALUE)]),
    "one_line.kml": (REFUSED, []),
    "one_stop.kml": (REFUSED, []),
    "only_calendar_dates": (SERVES, []),
    "repeated_route_name": (SERVES, [("routes", "route_short_name", Kind.DUPLICATE)]),
    "same_short_long_name": (SERVES, [("routes", "route_long_name", Kind.DUPLICATE)]),
    "undefined_stop": (SERVES, [("stop_times", "stop_id", Kind.UNKNOWN_REFERENCE)]),
    "unknown_file": (SERVES, [("frecuencias.txt", "", Kind.UNKNOWN_FILE)]),
    "unknown_format.zip": (REFUSED, []),
    "unrecognized_columns": (SERVES, [("agency", "agency_lange", Kind.UNKNOWN_COLUMN)]),
    "unused_stop": (SERVES, [("stops", "stop_id", Kind.UNUSED)]),
    "upgrade_translations": (REFUSED, [("agency", "", Kind.MISSING_FILE)]),
    "utf16": (SERVES, [("stop_times", "", Kind.ENCODING)]),
    "utf8bom": (SERVES, [("agency", "", Kind.ENCODING)]),
}
ROWS = {
    "undefined_stop": ("stop_times", "stop_id", 11),
    "duplicate_stop_sequence": ("stop_times", "stop_sequence", 4),
    "missing_endpoint_times": ("stop_times", "arrival_time", 16),
    "invalid_route_agency": ("routes", "agency_id", 4),
    "bad_date_format": ("calendar", "start_date", 2),
    "extra_row_cells": ("routes", "", 4),
    "unused_stop": ("stops", "stop_id", 6),
}
"""The line in the file of some, counted by hand."""

peer = pytest.mark.peer
skip = pytest.mark.skipif(not BAD.exists(), reason=f"no broken feeds in {BAD}")


def examined(path: Path) -> tuple[bool, Report]:
    try:
        feed, report = read_feed(path)
    except FeedError as error:
        return REFUSED, error.report
    assert build(feed).active_days != ()
    return SERVES, report


@peer
@skip
@pytest.mark.parametrize("name", FOUND)
def test_the_defect_that_a_feed_is_named_after_is_found(name: str):
    serves, report = examined(BAD / name)
    found = {(f.file, f.field, f.kind) for f in report.findings}
    assert (serves, set(FOUND[name][1]) - found) == (FOUND[name][0], set())


@peer
@skip
@pytest.mark.parametrize("name", ROWS)
def test_a_defect_is_named_with_its_line(name: str):
    file, field, row = ROWS[name]
    found = [f.row for f in examined(BAD / name)[1].findings if (f.file, f.field) == (file, field)]
    assert found[0] == row


@peer
@skip
def test_every_broken_feed_is_expected():
    assert sorted(path.name for path in BAD.iterdir()) == sorted(FOUND)


@peer
@skip
@pytest.mark.parametrize("name", ["good_feed", "good_feed.zip", "only_calendar_dates"])
def test_a_good_feed_has_no_more_than_notes(name: str):
    found = {f.kind for f in examined(BAD / name)[1].findings}
    assert found <= {Kind.UNUSED, Kind.RAGGED_ROW}


def test_names_that_climb_out_of_the_zip_are_passed_over(tmp_path: Path):
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in GOOD.items():
            archive.writestr(f"{name}.txt", text)
        archive.writestr("../stops.txt", "stop_id\nevil\n")
        archive.writestr("/etc/trips.txt", "trip_id\nevil\n")
    serves, report = examined(path)
    assert serves
    assert [f.problem for f in report.findings] == [
        "'../stops.txt' would lie outside",
        "'/etc/trips.txt' would lie outside",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["feed.zip"]


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in GOOD.items():
            archive.writestr(f"{name}.txt", text)
        with archive.open("shapes.txt", "w") as file:
            for _ in range(80):
                file.write(b"0" * (1 << 20))
    with pytest.raises(FeedError, match=r"shapes\.txt in it unpacks to more than we read"):
        read_feed(path)


def test_a_line_without_an_end_is_no_table(tmp_path: Path):
    for name, text in GOOD.items():
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "trips.txt").write_bytes(b"x" * (6 << 20))
    with pytest.raises(FeedError, match="a line of more than a megabyte"):
        read_feed(tmp_path)


def test_a_header_of_half_a_million_columns_is_no_table(tmp_path: Path):
    for name, text in GOOD.items():
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "trips.txt").write_bytes(b"," * 500_000 + b"\n")
    with pytest.raises(FeedError, match="500001 columns"):
        read_feed(tmp_path)


def never_backwards(timetable: Timetable) -> bool:
    events, patterns = timetable.events, timetable.patterns
    assert (events.arrival <= events.departure).all()
    for trip, pattern in enumerate(timetable.trips.pattern.tolist()):
        size = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])
        start = int(patterns.event0[pattern] + (trip - patterns.trip0[pattern]) * size)
        end = start + size
        assert (events.departure[start : end - 1] <= events.arrival[start + 1 : end]).all()
    return True


def mangled(tables: dict[str, str], draw: random.Random) -> dict[str, bytes]:
    """The tables with cells dropped, swapped and made odd, rows shuffled, twice or cut short."""
    mangled_tables: dict[str, bytes] = {}
    odd = [
        "",
        '"',
        "-1",
        "25:00:00",
        "99:99:99",
        "1e9",
        "nan",
        "é",
        "\0",
        " x ",
        "9" * 40,
        "00:00:00",
    ]
    for name, text in tables.items():
        head, *rows = text.rstrip("\n").split("\n")
        for _ in range(draw.choice((0, 0, 1, 3))):
            at = draw.randrange(len(rows))
            cells = rows[at].split(",")
            cells[draw.randrange(len(cells))] = draw.choice(odd)
            rows[at] = draw.choice((",".join(cells), ",".join(cells[:-1]), rows[at] + ",,"))
        rows += draw.sample(rows, draw.choice((0, 0, min(2, len(rows)))))
        if draw.random() < 0.5:
            draw.shuffle(rows)
        end = draw.choice(("\n", "\n", "\r\n", "\r"))
        encoding = draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
        whole = end.join([head, *rows]) + draw.choice((end, ""))
        mangled_tables[name] = whole.encode(encoding, errors="replace")
    return mangled_tables


def invented(draw: random.Random) -> dict[str, str]:
    """A small feed: some lines over some stops, blank times, a frequency, a shape."""
    stops = [f"S{i}" for i in range(draw.randint(3, 6))]
    calls, trips = [], []
    for trip in range(draw.randint(2, 6)):
        trips.append(f"R{trip % 2},W,T{trip},X")
        at = draw.randrange(4, 25) * 60
        for sequence, stop in enumerate(draw.sample(stops, draw.randint(2, len(stops)))):
            at += draw.randint(0, 9)
            clock = f"{at // 60:02}:{at % 60:02}:00"
            blank = sequence > 0 and draw.random() < 0.2
            calls.append(
                f"T{trip},{'' if blank else clock},{'' if blank else clock},{stop},{sequence}"
            )
    return {
        "agency": GOOD["agency"],
        "stops": "stop_id,stop_name,stop_lat,stop_lon\n"
        + "".join(f"{stop},Straße {stop},53.{i},10.{i}\n" for i, stop in enumerate(stops, 1)),
        "routes": "route_id,route_short_name,route_type\nR0,1,3\nR1,2,3\n",
        "trips": "route_id,service_id,trip_id,shape_id\n" + "\n".join(trips) + "\n",
        "stop_times": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        + "\n".join(calls)
        + "\n",
        "calendar": GOOD["calendar"],
        "calendar_dates": GOOD["calendar_dates"],
        "frequencies": "trip_id,start_time,end_time,headway_secs\nT0,06:00:00,07:00:00,600\n",
        "shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
        "X,53.1,10.1,1\nX,53.2,10.2,2\n",
    }


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 40))
def test_no_mangled_feed_crashes_or_runs_backwards(tmp_path: Path, seed: int):
    draw = random.Random(seed)
    tables = mangled(invented(draw), draw)
    folder = tmp_path / "mangled"
    folder.mkdir(exist_ok=True)
    for name, content in tables.items():
        (folder / f"{name}.txt").write_bytes(content)
    try:
        feed, _ = read_feed(folder)
    except FeedError:
        return
    assert never_backwards(build(feed))


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_rows_and_the_way_trips_are_given_change_nothing(tmp_path: Path, seed: int):
    draw = random.Random(seed)
    tables = invented(draw)
    hashes = []
    for turn in range(2):
        for name, text in tables.items():
            head, *rows = text.rstrip("\n").split("\n")
            if turn and name in ("stop_times", "shapes", "calendar_dates"):
                draw.shuffle(rows)
            (tmp_path / f"{name}.txt").write_text("\n".join([head, *rows]) + "\n")
        feed, _ = read_feed(tmp_path)
        plain = replace(
            feed,
            trips=tuple(feed.trips),
            services=dict(feed.services),
            shapes={shape: feed.shapes[shape] for shape in feed.shapes},
        )
        hashes += [build(feed).content_hash, build(plain).content_hash]
    assert len(set(hashes)) == 1
