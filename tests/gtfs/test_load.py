"""Feeds as operators send them."""

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gtfs.build import build
from gtfs.defects import FeedError, Kind, Report, Severity
from gtfs.feed import Feed
from gtfs.load import read_feed
from gtfs.service_time import parse_clock

GOOD = {
    "agency": "agency_id,agency_name,agency_url,agency_timezone\nA,Bus,http://a,Europe/Berlin\n",
    "stops": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,wheelchair_boarding\n"
        "H,Hbf,53.867,10.670,1,,\nH1,Hbf,53.867,10.670,0,H,1\nB,Burg,53.875,10.690,,,2\n"
        "C,Markt,53.866,10.684,,,\n"
    ),
    "routes": "route_id,route_short_name,route_type\nR,1,3\n",
    "trips": "route_id,service_id,trip_id,trip_short_name\nR,W,T,derived\n",
    "stop_times": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type\n"
        "T,24:50:00,24:50:00,H1,1,,\nT,,,C,2,1,\nT,25:10:00,25:10:00,B,3,,\n"
    ),
    "calendar": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "W,1,1,1,1,1,0,0,20261123,20261129\n"
    ),
    "calendar_dates": "service_id,date,exception_type\nW,20261128,1\nW,20261125,2\n",
}


def write(folder: Path, **changed: str | bytes | None) -> Path:
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (GOOD | changed).items():
            if text is not None:
                archive.writestr(f"{name}.txt", text)
    return path


def said(report: Report) -> list[tuple[str, int | None, str, str, str]]:
    return [(f.file, f.row, f.field, f.problem, f.action) for f in report.findings]


def read(folder: Path, **changed: str | bytes | None) -> tuple[Feed, Report]:
    feed, report = read_feed(write(folder, **changed))
    build(feed)
    return feed, report


def test_a_good_feed_has_nothing_to_report(tmp_path: Path):
    feed, report = read(tmp_path)
    assert said(report) == []
    assert feed.tz_name == "Europe/Berlin"
    assert [(s.id, s.is_station, s.parent_id, s.wheelchair) for s in feed.stops] == [
        ("H", True, None, 0),
        ("H1", False, "H", 1),
        ("B", False, None, 2),
        ("C", False, None, 0),
    ]
    assert sorted(feed.services["W"]) == [date(2026, 11, d) for d in (23, 24, 26, 27, 28)]


def test_blank_times_are_interpolated_by_the_way_and_rules_kept(tmp_path: Path):
    (trip,) = read(tmp_path)[0].trips
    assert (trip.id, trip.note, trip.stop_ids) == ("T", "derived", ("H1", "C", "B"))
    assert (trip.boards, trip.alights) == ((True, False, True), (True, True, True))
    first, between, last = trip.arrivals
    assert (first, last) == (parse_clock("24:50:00"), parse_clock("25:10:00"))
    assert first + 400 < between < first + 700  # 0.9 km of 2.0 km


def test_a_blank_time_halfway_lies_halfway_to_the_second(tmp_path: Path):
    stops = (
        "stop_id,stop_name,stop_lat,stop_lon\nH1,Hbf,53.80,10\nC,Markt,53.83,10\nB,Burg,53.86,10\n"
    )
    (trip,) = read(tmp_path, stops=stops)[0].trips
    assert trip.arrivals[1] == trip.departures[1] == parse_clock("25:00:00")


def test_frequencies_become_trips_and_the_last_moment_is_none(tmp_path: Path):
    frequencies = "trip_id,start_time,end_time,headway_secs\nT,06:00:00,06:30:00,900\n"
    feed, _ = read(tmp_path, frequencies=frequencies)
    assert [(t.id, t.departures[0], t.arrivals[-1]) for t in feed.trips] == [
        ("T@06:00:00", 21_600, 22_800),
        ("T@06:15:00", 22_500, 23_700),
    ]


def test_a_stop_called_na_is_a_stop(tmp_path: Path):
    feed, report = read(
        tmp_path,
        stops=GOOD["stops"].replace("B,Burg", "NA,null"),
        stop_times=GOOD["stop_times"].replace(",B,3", ",NA,3"),
    )
    assert said(report) == []
    assert ("NA", "null") in [(stop.id, stop.name) for stop in feed.stops]


@pytest.mark.parametrize("name", ["agency", "stops", "routes", "trips", "stop_times"])
def test_a_feed_without_a_needed_table_is_refused_by_name(tmp_path: Path, name: str):
    with pytest.raises(FeedError, match=f"no {name}.txt"):
        read_feed(write(tmp_path, **{name: None}))
    header = GOOD[name].split("\n")[0]
    with pytest.raises(FeedError, match=f"no {name}.txt"):
        read_feed(write(tmp_path, **{name: header}))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"calendar": None, "calendar_dates": None}, "no calendar.txt"),
        ({"calendar": None, "calendar_dates": "service_id,date,exception_type\nW,20261125,2\n"},
         "no service runs"),
        ({"agency": GOOD["agency"].replace("Europe/Berlin", "Mars/Base")}, "Mars/Base"),
        ({"agency": GOOD["agency"].replace("Europe/Berlin", "../../etc/passwd")}, "time zone"),
        ({"trips": GOOD["trips"].replace("R,W,T", "R,X,T")}, "no trip"),
        ({"stops": "stop_id,stop_lat,stop_lon\nB,91,10\n"}, "no stop"),
        ({"trips": GOOD["trips"].replace("R,W,T", "R,X,T"),
          "calendar_dates": GOOD["calendar_dates"] + "X,20261128,2\n"}, "runs on any day"),
    ],
)  # fmt: skip
def test_a_feed_that_serves_nobody_is_refused(
    tmp_path: Path, changed: dict[str, str | None], why: str
):
    with pytest.raises(FeedError, match=why):
        read_feed(write(tmp_path, **changed))


def test_what_is_no_zip_is_refused(tmp_path: Path):
    (tmp_path / "feed.zip").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(FeedError, match="no readable zip"):
        read_feed(tmp_path / "feed.zip")
    with pytest.raises(FeedError, match="there is no such feed"):
        read_feed(tmp_path / "absent.zip")


def test_a_damaged_member_is_refused(tmp_path: Path):
    path = write(tmp_path)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"trip_id,arrival_time")
    raw[at : at + 4] = b"xxxx"
    path.write_bytes(raw)
    with pytest.raises(FeedError, match=r"stop_times\.txt"):
        read_feed(path)


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"stops": GOOD["stops"] + "C,again,53,10,,,\n"},
         ("stops", 6, "stop_id", "'C' a second time", "ignored the row")),
        ({"stop_times": GOOD["stop_times"] + "T,25:20:00,25:20:00,Z,4,,\n"},
         ("stop_times", 5, "stop_id", "stops.txt has no stop 'Z' with a position",
          "left the call out")),
        ({"stop_times": GOOD["stop_times"] + "T,25:20:00,25:20:00,C,x,,\n"},
         ("stop_times", 5, "stop_sequence", "'x' is no number", "took it as empty")),
        ({"stop_times": GOOD["stop_times"] + "U,1:00:00,1:00:00,B,1,,\n"},
         ("stop_times", 5, "trip_id", "trips.txt has no 'U'", "ignored its calls")),
        ({"trips": GOOD["trips"] + "R,W,U,\n",
          "stop_times": GOOD["stop_times"] + "U,8:00:00,8:00:00,B,1,,\nU,7:00:00,7:00:00,C,2,,\n"},
         ("stop_times", 6, "arrival_time", "'U' runs backwards in time", "left the trip out")),
        ({"routes": GOOD["routes"] + "R,2,3\n"},
         ("routes", 3, "route_id", "'R' a second time", "ignored the row")),
        ({"calendar": GOOD["calendar"] + "X,1,1,1,1,1,1,1,2026-11-23,20261129\n"},
         ("calendar", 3, "start_date", "'2026-11-23' is no date YYYYMMDD", "took it as empty")),
        ({"calendar_dates": GOOD["calendar_dates"] + "W,20261128,2\n"},
         ("calendar_dates", 4, "date", "the date of its service a second time", "took this one")),
        ({"transfers": "from_stop_id,to_stop_id,transfer_type,min_transfer_time\nB,Z,2,60\n"},
         ("transfers", 2, "to_stop_id", "there is no usable 'Z'", "ignored the row")),
        ({"frequencies": "trip_id,start_time,end_time,headway_secs\nT,06:00:00,07:00:00,0\n"},
         ("frequencies", 2, "headway_secs", "0 seconds", "ignored the row")),
        ({"stops": GOOD["stops"].encode("utf-16")},
         ("stops", None, "", "is UTF-16, not UTF-8", "decoded as UTF-16")),
        ({"routes": GOOD["routes"].replace(",1,", ",1\0,")},
         ("routes", None, "", "contains NUL characters", "removed them")),
    ],
)  # fmt: skip
def test_a_defect_is_reported_and_the_rest_serves(
    tmp_path: Path, changed: dict[str, str | bytes], finding: tuple[object, ...]
):
    feed, report = read(tmp_path, **changed)
    assert finding in [tuple(item) for item in said(report)]
    assert [trip.id for trip in feed.trips] == ["T"]


def test_the_same_defect_a_thousand_times_is_kept_and_more_are_counted(tmp_path: Path):
    shapes = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n" + "S,x,10,1\n" * 1500
    _, report = read(tmp_path, shapes=shapes)
    kept = [f.row for f in report.findings if f.field == "shape_pt_lat"]
    assert kept == list(range(2, 1002))
    assert report.counts["shapes", "shape_pt_lat", Kind.BAD_VALUE, Severity.ERROR] == 1500


def test_one_is_told_how_far_the_reading_is(tmp_path: Path):
    told: list[tuple[int, int]] = []
    size = sum(len(text.encode()) for text in GOOD.values())
    read_feed(write(tmp_path, levels="level_id\nL\n"), lambda n, of: told.append((n, of)))
    assert told == sorted(told)
    assert (told[-1], {of for _, of in told}) == ((size, size), {size})


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest(tmp_path: Path):
    stops = GOOD["stops"].replace("B,Burg", 'B,"Burg')
    feed, report = read(tmp_path, stops=stops)
    assert [stop.id for stop in feed.stops] == ["H", "H1", "B", "C"]
    assert [(f.file, f.kind) for f in report.findings] == [("stops", Kind.QUOTES)]


def test_names_in_quotes_may_hold_commas_quotes_and_line_ends(tmp_path: Path):
    stops = GOOD["stops"].replace("B,Burg", 'B,"Burg, ""Tor""\n oben"')
    feed, report = read(tmp_path, stops=stops + "C,again,53,10,,,\n")
    assert feed.stops[2].name == 'Burg, "Tor"\n oben'
    assert [(f.row, f.kind) for f in report.findings] == [(7, Kind.DUPLICATE)]


def test_files_in_a_folder_inside_the_zip_are_found(tmp_path: Path):
    path = tmp_path / "nested.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in GOOD.items():
            archive.writestr(f"export/{name}.txt", text)
    feed, report = read_feed(path)
    assert len(feed.trips) == 1
    assert [f.problem for f in report.findings] == ["the files lie in a folder 'export'"]


def test_a_calendar_for_ever_still_serves_today(tmp_path: Path):
    feed, _ = read(tmp_path, calendar=GOOD["calendar"].replace("20261129", "21991231"))
    assert date(2027, 1, 4) in feed.services["W"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_no_damage_to_a_table_crashes(tmp_path: Path, name: str, data: st.DataObject):
    raw = bytearray(GOOD[name].encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from(
                [b"", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b"-1", b"9" * 30, b"nan"]
            )
        )
    folder = tmp_path / "damaged"
    folder.mkdir(exist_ok=True)
    for other, text in GOOD.items():
        (folder / f"{other}.txt").write_text(text)
    (folder / f"{name}.txt").write_bytes(raw)
    try:
        feed, _ = read_feed(folder)
    except FeedError:
        return
    build(feed)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gtfs.source.MAX_FILE_BYTES", 1_000_000)
    path = write(tmp_path, shapes=io.BytesIO(b"0" * 2_000_000).getvalue())
    with pytest.raises(FeedError, match="unpacks to more"):
        read_feed(path)


def test_a_table_divided_by_semicolons_is_named_as_such(tmp_path: Path):
    with pytest.raises(FeedError) as refused:
        read(tmp_path, stops=GOOD["stops"].replace(",", ";"))
    assert said(refused.value.report) == [
        ("stops", 1, "", "cells are divided by ';', not by ','", "left the file out")
    ]


def test_a_file_name_in_capitals_is_named_with_the_right_one(tmp_path: Path):
    path = write(tmp_path, calendar_dates=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Calendar_Dates.TXT", GOOD["calendar_dates"])
    _, report = read_feed(path)
    problem = "must be written 'calendar_dates.txt'"
    assert said(report) == [("Calendar_Dates.TXT", None, "", problem, "ignored it")]
