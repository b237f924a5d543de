"""A table as it comes, cell by cell: the columns we want, line numbers, ragged rows made even.

Cells are the text of the file; what they mean is for `columns` and `records`. Rows are never
invented or reordered. A block without quotes is split at once, others by the csv module.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gtfs.decode import as_text, blocks
from gtfs.defects import FeedError, Kind, Report, Severity
from gtfs.source import Source
from gtfs.spans import Block, Spans
from gtfs.spec import COLUMNS, NEEDED, REQUIRED

Cells = Spans | list[str]

_MAX_CELL = 1 << 20
_MOST_COLUMNS = 1_000
_MOST_LINES = 100
_COMMA, _NEWLINE = ord(","), ord("\n")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows: the line of each in the file, and the cells of each column that the file has."""

    lines: Sequence[int]
    columns: Mapping[str, Cells]


def read_table(source: Source, name: str, report: Report) -> Iterator[Chunk]:
    """The rows of a table, some at a time; nothing where there is no such file or no header.

    Raises:
        FeedError: the zip is damaged, or the file is no table.
    """
    if name not in source.members:
        return
    header: list[str] | None = None
    line = 1
    n_rows = 0
    with source.open(name) as file:
        for block in blocks(file, name, report):
            text, raw = as_text(block, name, line, report)
            if header is None:
                text, line, header = _header(text, line, name, report)
                raw = text.encode()
            if header and text:
                chunk = _split(Block.of(text, raw), header, line)
                if chunk is None:
                    chunk = _parsed(text, header, line, name, report)
                n_rows += len(chunk.lines)
                if chunk.lines:
                    yield chunk
            line += text.count("\n")
    if header is None:
        report.add(name, None, "", Kind.EMPTY_FILE, "is empty", "ignored the file")
    elif header and not n_rows and name in NEEDED:
        report.note(name, "", Kind.EMPTY_FILE, "has no rows", "ignored the file")


def texts_of(cells: Cells) -> list[str]:
    """The text of each cell."""
    return cells.texts() if isinstance(cells, Spans) else cells


def _header(text: str, line: int, name: str, report: Report) -> tuple[str, int, list[str] | None]:
    """What follows the header, the line it starts at, and the columns (unusable ones blank)."""
    while text.startswith("\n"):
        text, line = text[1:], line + 1
    if not text:
        return "", line, None
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline="\n"), skipinitialspace=True)
    try:
        cells = [cell.strip() for cell in next(reader, [])]
    except csv.Error:
        cells = [cell.strip() for cell in text.partition("\n")[0].split(",")]
    if len(cells) > _MOST_COLUMNS:
        raise FeedError(f"{name}.txt has {len(cells)} columns; it is no table")
    if _is_divided_otherwise(cells, name, line, report):
        return "", line, []
    n_lines = max(reader.line_num, 1)
    rest = text.split("\n", n_lines)[n_lines]
    known = COLUMNS[name]
    header: list[str] = []
    for cell in cells:
        if cell and cell in header:
            report.add(name, 1, cell, Kind.DUPLICATE, "is a column twice", "kept the first")
        elif cell not in known:
            problem = f"{cell[:40]!r} is no column of GTFS Schedule"
            report.note(name, cell[:40], Kind.UNKNOWN_COLUMN, problem, "ignored it")
        header.append(cell if cell in known and cell not in header else "")
    _say_missing(header, name, report)
    return rest, line + n_lines, header


def _say_missing(header: list[str], name: str, report: Report) -> None:
    for missing in REQUIRED.get(name, ()):
        if missing not in header:
            report.add(
                name, 1, missing, Kind.MISSING_COLUMN, "is not there", "took its cells as empty"
            )


def _is_divided_otherwise(cells: list[str], name: str, line: int, report: Report) -> bool:
    """Whether semicolons, tabs or bars divide the header, which is reported."""
    divider = next((mark for mark in ";\t|" if len(cells) == 1 and mark in cells[0]), None)
    if divider is not None:
        problem = f"cells are divided by {divider!r}, not by ','"
        report.add(name, line, "", Kind.BAD_VALUE, problem, "left the file out", Severity.ERROR)
    return divider is not None


def _split(block: Block, header: list[str], line: int) -> Chunk | None:
    """The rows of a block without quotes where every row has a cell for each column, else None."""
    if b'"' in block.raw:
        return None
    raw = np.frombuffer(block.raw, np.uint8)
    ends = np.flatnonzero((raw == _COMMA) | (raw == _NEWLINE))
    width = len(header)
    if len(ends) % width:
        return None
    grid = ends.reshape(-1, width)
    marks = raw[grid]
    if not (np.all(marks[:, -1] == _NEWLINE) and np.all(marks[:, :-1] == _COMMA)):
        return None
    starts = np.append(0, ends[:-1] + 1).reshape(-1, width)
    if width == 1 and np.any(starts == grid):
        return None
    columns: dict[str, Cells] = {
        column: Spans(block, starts[:, i], grid[:, i]) for i, column in enumerate(header) if column
    }
    return Chunk(range(line, line + len(grid)), columns)


def _parsed(text: str, header: list[str], line: int, name: str, report: Report) -> Chunk:
    try:
        return _read(text, header, line, name, report, csv.QUOTE_MINIMAL)
    except csv.Error as error:
        problem = f"quotes do not pair from about here on ({error})"
        action = "took quotes as letters"
        report.add(name, line, "", Kind.QUOTES, problem, action, Severity.ERROR)
    return _read(text, header, line, name, report, csv.QUOTE_NONE)


def _read(
    text: str, header: list[str], first: int, name: str, report: Report, quoting: int
) -> Chunk:
    csv.field_size_limit(_MAX_CELL if quoting == csv.QUOTE_MINIMAL else max(len(text), 1))
    reader = csv.reader(io.StringIO(text, newline="\n"), skipinitialspace=True, quoting=quoting)  # type: ignore[arg-type]
    width = len(header)
    lines: list[int] = []
    rows: list[list[str]] = []
    ragged: list[tuple[int, int]] = []
    before = size = 0
    for row in reader:
        line, size, before = first + before, reader.line_num - before, reader.line_num
        if size > _MOST_LINES:
            raise csv.Error(f"a cell of {size} lines")
        if len(row) != width:
            if not any(cell.strip() for cell in row):
                continue
            ragged.append((line, len(row)))
            row = (row + [""] * (width - len(row)))[:width]  # noqa: PLW2901
        elif not any(row):
            continue
        lines.append(line)
        rows.append(row)
    if quoting == csv.QUOTE_MINIMAL and size > 1 and text.count('"') % 2:
        raise csv.Error("a quote is not closed")
    for line, found in ragged:
        if found > width:
            problem, action = "more cells than columns", "ignored the last ones"
        else:
            problem, action = "fewer cells than columns", "took the last ones as empty"
        report.add(name, line, "", Kind.RAGGED_ROW, f"{problem} ({found}, {width})", action)
    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in header]
    return Chunk(lines, {column: cells[i] for i, column in enumerate(header) if column})
