"""Rows of a small table, whose cells are asked for by what they should be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from math import isfinite

from gtfs.columns import clock_s, day_number, whole_number
from gtfs.defects import Kind, Report, Severity
from gtfs.raw_tables import read_table, texts_of
from gtfs.source import Source


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table; a cell that makes no sense is reported and counts as empty."""

    table: str
    line: int
    cells: dict[str, str]
    report: Report

    def text(self, column: str) -> str:
        """The text, '' where empty or absent."""
        return self.cells.get(column, "").strip()

    def number(self, column: str, least: int = -(1 << 30)) -> int | None:
        """A whole number of at least `least`."""
        text = self.text(column)
        if not text:
            return None
        try:
            number = whole_number(text)
        except ValueError:
            number = None
        if number is None or number < least:
            wanted = "no number" if number is None else f"less than {least}"
            self.bad(column, f"{text[:40]!r} is {wanted}")
            return None
        return number

    def decimal(self, column: str) -> float | None:
        """A finite number."""
        text = self.text(column)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not isfinite(number) or "_" in text:
            self.bad(column, f"{text[:40]!r} is no number")
            return None
        return number

    def choice(self, column: str, allowed: Collection[int], otherwise: int = 0) -> int:
        """One of the allowed numbers; another one is reported."""
        text = self.text(column)
        if text in ("", "0") and 0 in allowed:
            return 0 if text else otherwise
        number = self.number(column)
        if number is None:
            return otherwise
        if number not in allowed:
            self.bad(column, f"{number} is none of {', '.join(map(str, sorted(allowed)))}")
            return otherwise
        return number

    def day(self, column: str) -> date | None:
        """A date YYYYMMDD; an empty one is reported too."""
        text = self.text(column)
        try:
            return date.fromordinal(day_number(text))
        except ValueError:
            self.bad(column, f"{text[:20]!r} is no date YYYYMMDD")
            return None

    def clock(self, column: str) -> int | None:
        """Seconds of a time HH:MM:SS; an empty one is None."""
        text = self.text(column)
        if not text:
            return None
        try:
            return clock_s(text)
        except ValueError:
            self.bad(column, f"{text[:20]!r} is no time HH:MM:SS")
            return None

    def bad(self, column: str, problem: str, action: str = "took it as empty") -> None:
        """Report a cell that makes no sense."""
        kind = Kind.BAD_VALUE
        self.report.add(self.table, self.line, column, kind, problem, action, Severity.ERROR)

    def say(
        self,
        column: str,
        kind: Kind,
        problem: str,
        action: str,
        severity: Severity = Severity.WARNING,
    ) -> None:
        """Report something else about the row."""
        self.report.add(self.table, self.line, column, kind, problem, action, severity)


def read_records(source: Source, table: str, report: Report) -> list[Record]:
    """All rows of a table; none where the feed lacks it.

    Raises:
        FeedError: the zip is damaged, or the file is no table.
    """
    records: list[Record] = []
    for chunk in read_table(source, table, report):
        names = list(chunk.columns)
        if not names:
            continue
        rows = zip(*map(texts_of, chunk.columns.values()), strict=True)
        records += [
            Record(table, line, dict(zip(names, row, strict=True)), report)
            for line, row in zip(chunk.lines, rows, strict=True)
        ]
    return records
