"""Whole columns of a large table as arrays: every distinct text is understood once.

A column holds `BLANK` where a cell is empty or makes no sense; the latter is reported with its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gtfs.defects import Kind, Report, Severity
from gtfs.raw_tables import Cells, read_table, texts_of
from gtfs.service_time import DAY_S, parse_clock
from gtfs.source import Source
from gtfs.spans import Spans

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

BLANK = -(1 << 31)
LATEST_S = 7 * DAY_S
LARGEST = 1 << 30
_FIRST_BAD = BLANK + 1
_BAD_TEXTS = 1 << 20
_NOT_PLAIN = ("_", "+")


_RUNS = 0.5

Plain = Callable[[Spans], tuple[NDArray[np.int64], NDArray[np.bool_]]]
"""Reads cells of the usual form; says which are."""


class Names(dict[str, int]):
    """Numbers texts in the order they are met: `names["a"]` is 0, blank ones are -1.

    One is shared by the columns of all tables that hold ids of the same kind.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values_: list[str] = []

    def __missing__(self, text: str) -> int:
        value = text.strip()
        if not value:
            number = -1
        elif value != text:
            number = self[value]
        else:
            number = len(self.values_)
            self.values_.append(value)
        self[text] = number
        return number

    def read(self, cells: Cells) -> I32:
        """The number of each cell; where cells come in runs, one of each run is looked at."""
        if isinstance(cells, Spans):
            heads = cells.heads()
            if heads is not None and len(heads) < len(cells) * _RUNS:
                lengths = np.diff(np.append(heads, len(cells)))
                return np.repeat(self.read(cells.texts(heads)), lengths)
            cells = cells.texts()
        return np.fromiter(map(self.__getitem__, cells), np.int32, len(cells))


class Numbers(dict[str, int]):
    """Understands each distinct text of a column once, `parse` raising ValueError."""

    def __init__(
        self, parse: Callable[[str], int], problem: str, plain: Plain | None = None
    ) -> None:
        super().__init__()
        self._parse = parse
        self._plain = plain
        self._problem = problem
        self._bad: list[str] = []

    def __missing__(self, text: str) -> int:
        value = text.strip()
        if not value:
            number = BLANK
        else:
            try:
                number = self._parse(value)
            except ValueError:
                number = _FIRST_BAD + min(len(self._bad), _BAD_TEXTS - 1)
                self._bad.append(value[:40])
        self[text] = number
        return number

    def read(self, cells: Cells) -> I32:
        """The number of each cell: plain ones at once, others by their text."""
        if not isinstance(cells, Spans):
            return np.fromiter(map(self.__getitem__, cells), np.int32, len(cells))
        if self._plain is None:
            return self.read(cells.texts())
        values, plain = self._plain(cells)
        others = np.flatnonzero(~plain)
        found = values.astype(np.int32)
        if len(others):
            found[others] = self.read(cells.texts(others))
        return found

    def settle(self, values: I32, lines: I32, name: str, column: str, report: Report) -> None:
        """Report the cells that make no sense and blank them."""
        if not self._bad:
            return
        rows = np.flatnonzero((values >= _FIRST_BAD) & (values < _FIRST_BAD + _BAD_TEXTS))
        bad, which = self._bad, (values[rows] - _FIRST_BAD).tolist()
        report.add_rows(
            name,
            lines[rows].tolist(),
            column,
            Kind.BAD_VALUE,
            lambda i: f"{bad[which[i]]!r} {self._problem}",
            "took it as empty",
            Severity.ERROR,
        )
        values[rows] = BLANK


class Decimals:
    """A column of floats; NaN where blank."""


Reader = Names | Numbers | Decimals


def whole_number(text: str) -> int:
    """A number of plain digits. Raises ValueError."""
    number = int(text)
    if abs(number) >= LARGEST or not text.isascii() or any(sign in text for sign in _NOT_PLAIN):
        raise ValueError(text)
    return number


def clock_s(text: str) -> int:
    """Seconds of HH:MM:SS within a week. Raises ValueError."""
    seconds = parse_clock(text)
    if seconds > LATEST_S:
        raise ValueError(text)
    return seconds


def day_number(text: str) -> int:
    """The ordinal of a date YYYYMMDD. Raises ValueError."""
    if len(text) == 8 and text.isascii() and text.isdigit():
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
        if 1970 <= day.year <= 2200:
            return day.toordinal()
    raise ValueError(text)


def numbers() -> Numbers:
    """A column of whole numbers."""
    return Numbers(whole_number, "is no number", Spans.digits)


def clocks() -> Numbers:
    """A column of times, in seconds."""
    return Numbers(clock_s, "is no time HH:MM:SS of the next seven days", Spans.clocks)


def days() -> Numbers:
    """A column of dates, as ordinals."""
    return Numbers(day_number, "is no date YYYYMMDD")


@dataclass(frozen=True, slots=True)
class Columns:
    """`lines[i]` is the line in the file of row i; a column that the file lacks is all blank."""

    lines: I32
    ints: Mapping[str, I32]
    floats: Mapping[str, F64]
    present: frozenset[str]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, column: str) -> I32:
        return self.ints[column]


def read_columns(
    source: Source, name: str, readers: Mapping[str, Reader], report: Report
) -> Columns:
    """The columns named in `readers` of a table.

    Raises:
        FeedError: the zip is damaged, or the file is no table.
    """
    lines: list[I32] = []
    ints: dict[str, list[I32]] = {c: [] for c, r in readers.items() if not isinstance(r, Decimals)}
    floats: dict[str, list[F64]] = {c: [] for c, r in readers.items() if isinstance(r, Decimals)}
    present: set[str] = set()
    for chunk in read_table(source, name, report):
        n = len(chunk.lines)
        lines.append(np.array(chunk.lines, np.int32))
        for column, reader in readers.items():
            cells = chunk.columns.get(column)
            if cells is not None:
                present.add(column)
            if isinstance(reader, Decimals):
                floats[column].append(
                    np.full(n, np.nan)
                    if cells is None
                    else _floats(texts_of(cells), lines[-1], name, column, report)
                )
            elif cells is None:
                blank = -1 if isinstance(reader, Names) else BLANK
                ints[column].append(np.full(n, blank, np.int32))
            else:
                ints[column].append(reader.read(cells))
    all_lines = _joined(lines, np.int32)
    joined = {column: _joined(parts, np.int32) for column, parts in ints.items()}
    for column, reader in readers.items():
        if isinstance(reader, Numbers):
            reader.settle(joined[column], all_lines, name, column, report)
    return Columns(
        all_lines,
        joined,
        {column: _joined(parts, np.float64) for column, parts in floats.items()},
        frozenset(present),
    )


def _joined(parts: list[NDArray[T]], kind: type[T]) -> NDArray[T]:
    joined = np.concatenate(parts) if parts else np.zeros(0, kind)
    parts.clear()
    return joined


def _floats(cells: list[str], lines: I32, name: str, column: str, report: Report) -> F64:
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        values = np.array([_float(cell) for cell in cells], np.float64)
    bad = [i for i in np.flatnonzero(~np.isfinite(values)).tolist() if cells[i].strip()]
    report.add_rows(
        name,
        lines[bad].tolist() if bad else (),
        column,
        Kind.BAD_VALUE,
        lambda i: f"{cells[bad[i]].strip()[:40]!r} is no number",
        "took it as empty",
        Severity.ERROR,
    )
    values[~np.isfinite(values)] = np.nan
    return values


def _float(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
