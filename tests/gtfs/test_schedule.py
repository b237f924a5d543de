"""The less common tables and columns of GTFS Schedule, from text to timetable."""

from pathlib import Path

from gtfs.build import build
from gtfs.defects import Kind, Severity
from gtfs.fares import (
    Amount,
    FareAttribute,
    FareProduct,
    Fares,
    FareTransferRule,
    RiderCategory,
    Timeframe,
    as_plain,
    fares_of,
)
from gtfs.feed import FeedTransfer, FeedTransferRule, Pathway, TransferKind
from gtfs.timetable import Timetable
from gtfs.transfers import NEVER_S
from tests.gtfs.test_load import GOOD, read, said

STATION = (
    "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,wheelchair_boarding,"
    "platform_code\n"
    "H,Hbf,53.867,10.670,1,,1,\n"
    "H1,Hbf,53.867,10.670,0,H,,7\n"
    "H2,Hbf,53.867,10.670,0,H,2,8\n"
    "E,Eingang,53.8671,10.6701,2,H,,\n"
    "N,,,,3,H,,\n"
    "A,Bereich,,,4,H1,,\n"
    "B,Burg,53.875,10.690,,,,\nC,Markt,53.866,10.684,,,,\n"
)


def test_a_platform_has_the_wheelchair_boarding_of_its_station_unless_it_says_its_own(
    tmp_path: Path,
):
    feed, report = read(tmp_path, stops=STATION)
    assert {s.id: s.wheelchair for s in feed.stops} == {"H": 1, "H1": 1, "H2": 2, "B": 0, "C": 0}
    assert [(s.id, s.parent_id, s.wheelchair) for s in feed.entrances] == [
        ("E", "H", 1),
        ("N", "H", 1),
        ("A", "H1", 0),
    ]
    timetable = build(feed)
    assert [(s.id, s.platform) for s in timetable.stops][:2] == [("H1", "7"), ("H2", "8")]
    assert {f.kind for f in report.findings} == {Kind.UNUSED}


def test_pathways_are_read_and_said_to_be_unused(tmp_path: Path):
    pathways = (
        "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,length,traversal_time,"
        "stair_count\np1,E,N,2,1,12.5,30,-24\np2,N,H1,5,0,,,\np3,N,nowhere,1,1,,,\n"
    )
    feed, report = read(tmp_path, stops=STATION, pathways=pathways)
    assert feed.pathways == (
        Pathway("p1", "E", "N", 2, True, 12.5, 30, -24),
        Pathway("p2", "N", "H1", 5, False),
    )
    found = [(f.row, f.field, f.kind) for f in report.findings if f.file == "pathways"]
    assert found == [
        (4, "to_stop_id", Kind.UNKNOWN_REFERENCE),
        (None, "", Kind.UNSUPPORTED),
    ]


def test_transfers_for_lines_and_trips_are_told_from_those_of_stops(tmp_path: Path):
    trips = GOOD["trips"] + "R,W,U,\n"
    calls = GOOD["stop_times"] + "U,25:15:00,25:15:00,B,1,,\nU,25:30:00,25:30:00,C,2,,\n"
    transfers = (
        "from_stop_id,to_stop_id,from_route_id,to_route_id,from_trip_id,to_trip_id,transfer_type,"
        "min_transfer_time\n"
        "B,B,,,,,2,90\n"
        "H,B,R,R,,,2,240\n"
        ",,,,T,U,4,\n"
        "B,B,,,T,U,5,\n"
        "B,C,X,,,,1,\n"
        "B,C,,,,,7,\n"
        ",B,R,,,,1,\n"
        "B,H,,,,U,3,\n"
    )
    feed, report = read(tmp_path, trips=trips, stop_times=calls, transfers=transfers)
    assert [(t.from_id, t.to_id, t.seconds) for t in feed.transfers] == [
        ("B", "B", 90),
        ("B", "C", None),
    ]
    assert feed.transfer_rules == (
        FeedTransferRule("H", "B", "R", "R", "", "", TransferKind.MIN_TIME, 240),
        FeedTransferRule("", "", "", "", "T", "U", TransferKind.IN_SEAT, None),
        FeedTransferRule("B", "B", "", "", "T", "U", TransferKind.NOT_IN_SEAT, None),
        FeedTransferRule("B", "H", "", "", "", "U", TransferKind.IMPOSSIBLE, None),
    )
    found = [(f.row, f.field, f.kind) for f in report.findings if f.file == "transfers"]
    assert found == [
        (6, "from_route_id", Kind.UNKNOWN_REFERENCE),
        (7, "transfer_type", Kind.BAD_VALUE),
        (8, "from_stop_id", Kind.MISSING_VALUE),
    ]
    timetable = build(feed)
    rules = timetable.transfer_rules
    stop, trip = timetable.stop_index, {id_: i for i, id_ in enumerate(timetable.trips.id)}
    rows = zip(
        rules.from_stop.tolist(), rules.to_stop.tolist(), rules.from_route.tolist(),
        rules.to_trip.tolist(), rules.seconds.tolist(), strict=True,
    )  # fmt: skip
    route = timetable.routes.id[:].index("R")
    assert sorted(rows) == sorted(
        [
            (stop["H1"], stop["B"], route, -1, 240),
            (stop["B"], stop["H1"], -1, trip["U"], NEVER_S),
        ]
    )


def test_a_call_that_must_be_arranged_can_be_boarded_and_says_so(tmp_path: Path):
    calls = (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type\n"
        "T,08:00:00,08:00:00,H1,1,2,1\nT,08:05:00,08:05:00,C,2,3,0\nT,08:09:00,08:09:00,B,3,1,9\n"
    )
    feed, report = read(tmp_path, stop_times=calls)
    patterns = build(feed).patterns
    assert patterns.pickup.tolist() == [2, 3, 1]
    assert patterns.boards.tolist() == [True, True, False]
    assert patterns.alights.tolist() == [False, True, True]
    assert said(report) == [
        ("stop_times", 4, "drop_off_type", "is none of 0, 1, 2, 3", "took it as 0")
    ]
    assert feed.trips[0].pickup_types == (2, 3, 1)


def test_bicycles_and_wheelchairs_in_a_trip(tmp_path: Path):
    trips = (
        "route_id,service_id,trip_id,bikes_allowed,wheelchair_accessible,direction_id\n"
        "R,W,T,2,1,7\n"
    )
    feed, report = read(tmp_path, trips=trips)
    table = build(feed).trips
    assert (table.bikes[0], table.wheelchair[0], table.direction[0]) == (2, 1, -1)
    assert [(f.field, f.kind) for f in report.findings] == [("direction_id", Kind.BAD_VALUE)]


def test_a_feed_without_calendar_or_without_dates_serves(tmp_path: Path):
    feed, _ = read(tmp_path, calendar_dates=None)
    assert len(feed.services["W"]) == 5
    dates = "service_id,date,exception_type\nW,20261125,1\nW,20261126,1\nW,20261126,2\n"
    feed, _ = read(tmp_path, calendar=None, calendar_dates=dates)
    assert [day.isoformat() for day in feed.services["W"]] == ["2026-11-25"]


def test_frequencies_pass_midnight_and_overlap_once(tmp_path: Path):
    frequencies = (
        "trip_id,start_time,end_time,headway_secs\n"
        "T,23:50:00,24:10:00,600\nT,24:00:00,24:20:00,600\nX,06:00:00,07:00:00,600\n"
    )
    feed, report = read(tmp_path, frequencies=frequencies)
    assert [trip.id for trip in feed.trips] == ["T@23:50:00", "T@24:00:00", "T@24:10:00"]
    (finding,) = report.findings
    assert (finding.row, finding.kind, finding.severity) == (
        4,
        Kind.UNKNOWN_REFERENCE,
        Severity.ERROR,
    )


FARES = {
    "fare_attributes": "fare_id,price,currency_type,payment_method,transfers,transfer_duration\n"
    "kurz,1.90,EUR,0,0,\nnetz,3.5,EUR,1,,7200\nyen,210,JPY,0,0,\nodd,1.999,EUR,0,0,\n",
    "fare_rules": "fare_id,route_id,origin_id,destination_id,contains_id\n"
    "kurz,R,1,1,\nnetz,,,,1\nnetz,,,,2\nnetz,Z,,,\nnone,R,,,\n",
    "fare_products": "fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,"
    "currency\neinzel,Einzel,adult,,2.10,EUR\ntag,Tag,,app,9.90,EUR\nbad,Bad,,,x,EUR\n",
    "rider_categories": "rider_category_id,rider_category_name,is_default_fare_category\n"
    "adult,Erwachsene,1\n",
    "fare_leg_rules": "leg_group_id,network_id,from_area_id,to_area_id,fare_product_id\n"
    "g,,mitte,mitte,einzel\ng,,,,tag\ng,,,,nothing\n",
    "fare_transfer_rules": "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,"
    "duration_limit_type,fare_transfer_type,fare_product_id\ng,g,-1,3600,0,0,\n",
    "areas": "area_id,area_name\nmitte,Mitte\n",
    "stop_areas": "area_id,stop_id\nmitte,B\nmitte,C\nwest,B\n",
    "networks": "network_id,network_name\nbus,Bus\n",
    "route_networks": "network_id,route_id\nbus,R\nbus,Q\n",
    "timeframes": "timeframe_group_id,start_time,end_time,service_id\nfrueh,,06:00:00,W\n",
}


def test_fares_of_both_versions_are_read_in_whole_cents(tmp_path: Path):
    feed, report = read(tmp_path, **FARES)
    fares = feed.fares
    assert fares.attributes == (
        FareAttribute("kurz", Amount(190, "EUR"), on_board=True, transfers=0),
        FareAttribute("netz", Amount(350, "EUR"), on_board=False, transfers=None, transfer_s=7200),
        FareAttribute("yen", Amount(210, "JPY"), on_board=True, transfers=0),
    )
    assert fares.products == (
        FareProduct("einzel", "Einzel", Amount(210, "EUR"), "adult"),
        FareProduct("tag", "Tag", Amount(990, "EUR"), "", "app"),
    )
    assert fares.rider_categories == (RiderCategory("adult", "Erwachsene", is_default=True),)
    assert fares.timeframes == (Timeframe("frueh", 0, 21_600, "W"),)
    assert fares.transfer_rules == (FareTransferRule("g", "g", -1, 3600, 0, 0),)
    assert (fares.stop_areas, fares.route_networks) == (
        (("mitte", "B"), ("mitte", "C")),
        (("bus", "R"),),
    )
    assert [(f.file, f.row, f.field) for f in report.findings] == [
        ("fare_attributes", 5, "price"),
        ("fare_products", 4, "amount"),
        ("fare_rules", 5, "route_id"),
        ("fare_rules", 6, "fare_id"),
        ("fare_leg_rules", 4, "fare_product_id"),
        ("stop_areas", 4, "area_id"),
        ("route_networks", 3, "route_id"),
    ]


def test_fares_stay_beside_the_timetable_in_its_artefact(tmp_path: Path):
    timetable = build(read(tmp_path, **FARES)[0])
    timetable.save(tmp_path / "town.bin")
    loaded = Timetable.load(tmp_path / "town.bin")
    assert loaded.fares == timetable.fares
    assert loaded.content_hash == timetable.content_hash
    assert fares_of(as_plain(Fares())) == Fares()


def test_a_transfer_with_a_time_that_makes_no_sense_is_one_without_a_time(tmp_path: Path):
    transfers = "from_stop_id,to_stop_id,transfer_type,min_transfer_time\nB,C,3,-1\nC,B,2,soon\n"
    feed, report = read(tmp_path, transfers=transfers)
    assert feed.transfers == (
        FeedTransfer("B", "C", TransferKind.IMPOSSIBLE, None),
        FeedTransfer("C", "B", TransferKind.MIN_TIME, None),
    )
    assert [(f.row, f.field, f.action) for f in report.findings] == [
        (2, "min_transfer_time", "took it as empty"),
        (3, "min_transfer_time", "took it as empty"),
    ]
