"""A feed's files as they come, made readable: encodings, ragged rows, cells of the wrong type.

Whatever an operator sends goes through here first, so that gtfs-kit (which gives up on a whole file
for one bad cell) only ever sees well-formed tables. Rows are never invented or reordered.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from gtfs.feed import FeedError, Report, Severity

MAX_FILE_BYTES = 1 << 30
MAX_FEED_BYTES = 1 << 31
_SAID_PER_PROBLEM = 20
_MAX_CELL = 1 << 20

GUARD = "\ue000"
"""Stands before words that pandas takes for a missing value, such as a stop named `NA`."""
_NA_WORDS = frozenset(
    ("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>")
) | {"N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}


@dataclass(frozen=True, slots=True)
class CleanTable:
    """Where a table lies, well-formed, and which line of the original each row was."""

    path: Path
    lines: list[int]


def write_clean(
    source: Path, names: Mapping[str, Mapping[str, str]], folder: Path, report: Report
) -> dict[str, CleanTable]:
    """Write the tables `names` (columns and their gtfs-kit types) of a zip or folder to `folder`.

    Raises:
        FeedError: there is no such file, or it is no zip, or unpacks to more than 2 GiB.
    """
    clean: dict[str, CleanTable] = {}
    total = 0
    for name, read in _members(source, names, report).items():
        try:
            raw = read()
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise FeedError(f"{name}.txt in {source.name} cannot be read: {error}") from error
        total += len(raw)
        if len(raw) > MAX_FILE_BYTES or total > MAX_FEED_BYTES:
            raise FeedError(f"{source.name} unpacks to more than we read ({name}.txt)")
        table = _clean(name, _decoded(name, raw, report), names[name], folder, report)
        if table is not None:
            clean[name] = table
    return clean


def _members(source: Path, names: Iterable[str], report: Report) -> dict[str, Callable[[], bytes]]:
    if source.is_dir():
        return _in_folder(source, names, report)
    if not source.exists():
        raise FeedError(f"there is no feed at {source}")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError) as error:
        raise FeedError(f"{source.name} is no readable zip file: {error}") from error
    with archive:
        present = {i.filename: i for i in archive.infolist() if not i.is_dir()}
    roots = sorted((PurePosixPath(n).parent for n in present if n.endswith("stops.txt")), key=str)
    root = PurePosixPath() if not roots or PurePosixPath() in roots else roots[0]
    if root != PurePosixPath():
        _say_nested(report, str(root))
    found: dict[str, Callable[[], bytes]] = {}
    for name in names:
        member = present.get(str(root / f"{name}.txt"))
        if member is not None:
            if member.file_size > MAX_FILE_BYTES:
                raise FeedError(f"{member.filename} unpacks to more than {MAX_FILE_BYTES} bytes")
            found[name] = lambda member=member: _unpack(source, member)  # type: ignore[misc]
    return found


def _unpack(source: Path, member: zipfile.ZipInfo) -> bytes:
    with zipfile.ZipFile(source) as archive, archive.open(member) as file:
        return file.read(MAX_FILE_BYTES + 1)


def _in_folder(
    source: Path, names: Iterable[str], report: Report
) -> dict[str, Callable[[], bytes]]:
    root = source
    if not (source / "stops.txt").is_file():
        nested = sorted(path.parent for path in source.glob("*/stops.txt"))
        if nested:
            root = nested[0]
            _say_nested(report, root.name)
    return {
        name: (root / f"{name}.txt").read_bytes
        for name in names
        if (root / f"{name}.txt").is_file()
    }


def _say_nested(report: Report, where: str) -> None:
    report.add(
        "feed", None, "", f"the files lie in a folder {where!r}", "read from there", Severity.NOTE
    )


def _decoded(name: str, raw: bytes, report: Report) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        report.add(name, None, "", "is UTF-16, not UTF-8", "decoded as UTF-16")
        text = raw.decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            report.add(name, None, "", f"is not UTF-8 ({error.reason})", "decoded as Windows-1252")
            text = raw.decode("cp1252", errors="replace")
    if "\0" in text:
        report.add(name, None, "", "contains NUL characters", "removed them")
        text = text.replace("\0", "")
    return text


def _clean(
    name: str, text: str, types: Mapping[str, str], folder: Path, report: Report
) -> CleanTable | None:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    say = _Limited(name, report)
    lines: list[int] = []
    path = folder / f"{name}.txt"
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        report.add(name, 1, "", f"the header is unreadable ({error})", "ignored the file")
        return None
    if not any(header):
        report.add(name, None, "", "is empty", "ignored the file")
        return None
    kept = [i for i, cell in enumerate(header) if cell and cell not in header[:i]]
    if len(kept) < len(header):
        report.add(name, 1, "", "columns without a name or twice", "kept the first of each name")
    columns = [(i, header[i], _Cells(types.get(header[i], "string"))) for i in kept]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([header[i] for i in kept])
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    lines.append(reader.line_num)
                    even = _even(row, len(header), reader.line_num, say)
                    writer.writerow(_cells(even, columns, reader.line_num, say))
        except csv.Error as error:
            problem = f"unreadable from here on ({error})"
            action = "ignored the rest of the file"
            report.add(name, reader.line_num, "", problem, action, Severity.ERROR)
    say.close()
    return CleanTable(path, lines) if lines else None


def _even(row: list[str], width: int, line: int, say: _Limited) -> list[str]:
    if len(row) > width:
        say(line, "", "more cells than columns", "ignored the last ones")
    elif len(row) < width:
        say(line, "", "fewer cells than columns", "took the last ones as empty")
    return row + [""] * (width - len(row))


def _cells(
    row: list[str], columns: Sequence[tuple[int, str, _Cells]], line: int, say: _Limited
) -> list[str]:
    cells = []
    for i, column, kind in columns:
        cell = row[i].strip()
        if not kind.takes(cell):
            say(line, column, f"{cell[:40]!r} is no number", "took it as empty")
            cell = ""
        cells.append(GUARD + cell if cell in _NA_WORDS else cell)
    return cells


class _Cells:
    """Whether cells fit a column's type, remembering those seen."""

    _RANGES: ClassVar = {"Int8": 1 << 7, "Int16": 1 << 15, "Int32": 1 << 31}

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._seen: dict[str, bool] = {"": True}

    def takes(self, cell: str) -> bool:
        if self._kind == "string":
            return True
        known = self._seen.get(cell)
        if known is None:
            known = self._seen[cell] = self._fits(cell)
        return known

    def _fits(self, cell: str) -> bool:
        if not cell.isascii() or "_" in cell or len(cell) > 30:
            return False
        try:
            if self._kind == "float":
                return math.isfinite(float(cell))
            return abs(int(cell)) < self._RANGES.get(self._kind, 1 << 15)
        except ValueError:
            return False


class _Limited:
    """Reports each kind of problem of one file some twenty times, then counts."""

    def __init__(self, name: str, report: Report) -> None:
        self._name = name
        self._report = report
        self._counts: dict[tuple[str, str], int] = {}

    def __call__(self, line: int, column: str, problem: str, action: str) -> None:
        key = (column, action)
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] <= _SAID_PER_PROBLEM:
            self._report.add(self._name, line, column, problem, action)

    def close(self) -> None:
        for (column, action), count in self._counts.items():
            if count > _SAID_PER_PROBLEM:
                self._report.add(self._name, None, column, f"{count} such cells in all", action)
