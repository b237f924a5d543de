"""``mobility feed``: take over a timetable, and answer queries on any feed without a database."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from mobility.feed_import import import_feed
from mobility.feed_report import show, stop

if TYPE_CHECKING:
    from gtfs.defects import Report
    from gtfs.feed import Feed
    from gtfs.timetable import Timetable

feed_app = typer.Typer(
    no_args_is_help=True,
    help="Timetables: take one over, ask one.\n\n"
    "Example: mobility feed import https://example.org/gtfs.zip",
)

ASKED = ("from_stop_id", "to_stop_id", "date", "departure_s")
ANSWERED = (*ASKED, "arrival_s", "transfers", "front", "microseconds")
_console = Console(stderr=True)


feed_app.command("import")(import_feed)


@feed_app.command("answer")
def answer_queries(
    feed: Annotated[Path, typer.Argument(help="A GTFS zip file or folder.")],
    queries: Annotated[Path, typer.Argument(help=f"CSV with {', '.join(ASKED)}.")],
    out: Annotated[Path, typer.Argument(help="CSV to write.")],
) -> None:
    """Answer stop-to-stop queries: earliest arrival, fewest transfers, Pareto set, time taken.

    Seconds count from noon minus twelve hours of the date; -1 and an empty front mean that there is
    no journey. A feed whose transfers.txt joins all neighbouring stops is taken at its word,
    another gets footpaths of up to 400 m. `microseconds` is the search with its legs; reading the
    feed and preparing a date come before it.

    Example: mobility feed answer kuopio.zip kuopio.csv answers.csv
    """
    asked = _queries(queries)
    if not out.absolute().parent.is_dir():
        stop(f"{out} cannot be written: there is no folder {out.parent}")
    timetable = _timetable(feed)
    found = _answers(timetable, asked)
    rows = list(track(found, "answering", total=len(asked), console=_console, transient=True))
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(ANSWERED)
            writer.writerows(rows)
    except OSError as error:
        stop(f"{out} cannot be written: {error.strerror}")
    typer.echo(f"{len(asked)} answers: {out}")


@dataclass(frozen=True, slots=True)
class _Asked:
    row: int
    from_id: str
    to_id: str
    day: date
    departure_s: int


def _queries(path: Path) -> list[_Asked]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in ASKED if name not in (reader.fieldnames or ())]
            if missing:
                stop(f"{path} has no column {', '.join(missing)}; it needs {', '.join(ASKED)}")
            return [_asked(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        stop(f"{path} cannot be read: {error}")


def _asked(path: Path, line: int, row: dict[str, str | None]) -> _Asked:
    from gtfs.columns import day_number, whole_number  # noqa: PLC0415

    cells = {name: (row[name] or "").strip() for name in ASKED}
    numbers: list[int] = []
    for name, number, wanted in (
        ("date", day_number, "date YYYYMMDD"),
        ("departure_s", whole_number, "whole number of seconds within reach"),
    ):
        try:
            numbers.append(number(cells[name]))
        except ValueError:
            stop(f"{path}, line {line}, {name}: {cells[name][:60]!r} is no {wanted}")
    day, departure_s = date.fromordinal(numbers[0]), numbers[1]
    return _Asked(line, cells["from_stop_id"], cells["to_stop_id"], day, departure_s)


def _timetable(path: Path) -> Timetable:
    from gtfs.build import build  # noqa: PLC0415 - help should not wait for numpy
    from gtfs.transfers import names_every_footpath  # noqa: PLC0415
    from gtfs.warm_up import warm_up  # noqa: PLC0415

    with _console.status(f"reading {path}") as status:
        feed, report = _read(path)
        stops = [stop for stop in feed.stops if not stop.is_station]
        status.update("compiling the timetable")
        whole = names_every_footpath(stops, feed.transfers)
        timetable = build(feed, max_footpath_m=0) if whole else build(feed)
        warm_up(status.update)
    show(report, _console)
    return timetable


def _answers(timetable: Timetable, asked: list[_Asked]) -> Iterator[tuple[str | int, ...]]:
    from gtfs.journey import MAX_TRANSFERS, between, search  # noqa: PLC0415 - numba loads slowly
    from gtfs.network import network_of  # noqa: PLC0415

    for query in asked:
        day, later_s = _own_day(timetable, query)
        network_of(timetable, day).transfers(walk_at_ends=True)
        departs_s = query.departure_s - later_s
        try:
            question = between(timetable, query.from_id, query.to_id, day, departs_s, MAX_TRANSFERS)
        except KeyError as error:
            stop(f"line {query.row}: no such stop: {error}")
        start = perf_counter_ns()
        journeys = search(timetable, question) if question.sources and question.targets else ()
        microseconds = (perf_counter_ns() - start + 500) // 1000
        points = [(j.arrives_s + later_s, j.transfers) for j in reversed(journeys)]
        front = " ".join(f"{arrives_s}:{transfers}" for arrives_s, transfers in points)
        best = points[0] if points else (-1, -1)
        asked_day = query.day.strftime("%Y%m%d")
        yield (query.from_id, query.to_id, asked_day, query.departure_s, *best, front, microseconds)


def _own_day(timetable: Timetable, query: _Asked) -> tuple[date, int]:
    """The day to ask on, and its zero in seconds of the asked one.

    Another one where the departure lies on another, as a search sees no farther than the day after.
    """
    from gtfs.service_time import DAY_S, days_apart_s, instant, service_day  # noqa: PLC0415

    if 0 <= query.departure_s < DAY_S:
        return query.day, 0
    at = instant(query.day, query.departure_s, timetable.tz)
    day = service_day(at, timetable.tz)
    return day, days_apart_s(query.day, day, timetable.tz)


def _read(path: Path) -> tuple[Feed, Report]:
    from gtfs.defects import FeedError  # noqa: PLC0415
    from gtfs.load import read_feed  # noqa: PLC0415

    try:
        return read_feed(path)
    except FeedError as error:
        stop(f"{path}: {error}")
