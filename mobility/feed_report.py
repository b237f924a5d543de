"""What is wrong with a feed, as a table to read and as a file to work through."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from gtfs.spec import COLUMNS as GTFS_FILES

if TYPE_CHECKING:
    from gtfs.defects import Defect, Report

COLUMNS = ("feed", "file", "row", "field", "kind", "severity", "problem", "action")
_WORST_FIRST = ("error", "warning", "note")
_IN_SHORT = 3
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


def show(report: Report, console: Console, title: str | None = None) -> None:
    """Defects by kind, worst first, with how often each occurs and an example."""
    if not report.findings:
        return
    table = Table("where", "what", "how often", "for example", "what we did", title=title)
    for defect, count in _by_kind(report):
        colour = _COLOURS[defect.severity.value]
        table.add_row(
            _plain(_place(defect)),
            f"[{colour}]{defect.kind.value}[/]",
            f"{count:,}",
            _plain(_where(defect) + defect.problem),
            _plain(defect.action),
        )
    console.print(table)


def briefly(report: Report, feed: str, path_all: Path) -> Iterator[str]:
    """The same in a few lines, and where all of it stands; none where nothing is wrong."""
    kinds = _by_kind(report)
    if not kinds:
        return
    total = sum(count for _, count in kinds)
    yield f"{_plain(feed)}: {total:,} {'defect' if total == 1 else 'defects'}"
    for defect, count in kinds[:_IN_SHORT]:
        times = f", {count:,} times, for example" if count > 1 else ""
        example = f"{_where(defect)}{defect.problem}; {defect.action}"
        yield _plain(f"  {_place(defect)}: {defect.kind.value}{times}: {example}")
    yield f"  all of them: {_plain(str(path_all))}"


def _by_kind(report: Report) -> list[tuple[Defect, int]]:
    """The first defect of each kind in each column, and how many there are; the worst first."""
    first = {(f.file, f.field, f.kind, f.severity): f for f in reversed(report.findings)}
    order = sorted(
        report.counts.items(), key=lambda item: (_WORST_FIRST.index(item[0][3].value), -item[1])
    )
    return [(first[key], count) for key, count in order]


def _place(defect: Defect) -> str:
    return " ".join(filter(None, (_file(defect), defect.field)))


def _file(defect: Defect) -> str:
    return f"{defect.file}.txt" if defect.file in GTFS_FILES else defect.file


def _where(defect: Defect) -> str:
    return f"line {defect.row}: " if defect.row else ""


def _plain(text: str) -> str:
    """Text of a feed without what a terminal or Rich would act on."""
    return "".join(c if c.isprintable() else "·" for c in text).replace("[", r"\[")


def write_defects(path: Path, reports: Mapping[str, Report]) -> None:
    """Every kept defect of every feed, as JSON where the name says so, else as CSV.

    Ends the command where the file cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            if path.suffix == ".json":
                rows = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(reports)]
                json.dump(rows, file, ensure_ascii=False, indent=1)
                file.write("\n")
            else:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows(_rows(reports))
    except OSError as error:
        stop(f"{path} cannot be written: {error.strerror}. The timetable in use stays as it is.")


def _rows(reports: Mapping[str, Report]) -> Iterator[tuple[str | int | None, ...]]:
    for feed, report in reports.items():
        for f in report.findings:
            yield (
                feed,
                _file(f),
                f.row,
                f.field,
                f.kind.value,
                f.severity.value,
                f.problem,
                f.action,
            )


def stop(problem: str) -> NoReturn:
    """End the command with what is wrong, status 2."""
    sys.stderr.write(f"mobility feed: {problem}\n")
    raise typer.Exit(2)
