"""The files of a feed, in a zip or a folder, as bounded streams of bytes.

A feed is hostile input: nothing of it is written anywhere, names that climb out of their folder
are passed over, and what unpacks to more than the bounds is refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from gtfs.defects import FeedError, Kind, Report
from gtfs.spec import COLUMNS, UNUSED

MAX_FILE_BYTES = 1 << 32
MAX_FEED_BYTES = 1 << 33
MAX_RATIO = 250
_SMALL_BYTES = 1 << 26
_UNREADABLE = (
    OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_SILENT = (".geojson", ".pdf", ".md", ".json")


Watch = Callable[[int, int], None]
"""Is told how many bytes were read so far, and of how many."""


class Source:
    """The tables of a feed by their name without `.txt`, `members` being their files."""

    def __init__(
        self, path: Path, members: Mapping[str, str], n_bytes: int, watch: Watch | None = None
    ) -> None:
        self.path = path
        self.members = members
        self._n_bytes = n_bytes
        self._n_read = 0
        self._watch = watch

    @contextmanager
    def open(self, table: str) -> Iterator[IO[bytes]]:
        """The bytes of a table. Raises FeedError where the zip is damaged or encrypted."""
        try:
            with self._raw(table) as raw:
                yield io.BufferedReader(_Bounded(raw, f"{table}.txt", self._count), 1 << 20)
        except _UNREADABLE as error:
            raise FeedError(
                f"{table}.txt in {self.path.name} cannot be read: {error}; ask for the feed anew"
            ) from error

    @contextmanager
    def _raw(self, table: str) -> Iterator[IO[bytes]]:
        if self.path.is_dir():
            with (self.path / self.members[table]).open("rb") as file:
                yield file
        else:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(self.members[table]) as member,
            ):
                yield member

    def _count(self, n_bytes: int) -> None:
        self._n_read += n_bytes
        if self._watch is not None:
            self._watch(self._n_read, self._n_bytes)


class _Bounded(io.RawIOBase):
    """Stops what unpacks to more than its directory entry may promise."""

    def __init__(self, member: IO[bytes], name: str, count: Callable[[int], None]) -> None:
        self._member, self._name, self._count = member, name, count
        self._left = MAX_FILE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._member.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise FeedError(f"{self._name} unpacks to more than {MAX_FILE_BYTES} bytes")
        self._count(len(data))
        buffer[: len(data)] = data
        return len(data)


def open_source(path: Path, report: Report, watch: Watch | None = None) -> Source:
    """Find the tables of a feed; reports what lies beside them.

    Raises:
        FeedError: there is no such file, it is no zip, or it unpacks to more than the bounds.
    """
    if path.is_dir():
        names = {
            str(found.relative_to(path)): found.stat().st_size
            for pattern in ("*", "*/*")
            for found in sorted(path.glob(pattern))
            if found.is_file()
        }
    else:
        names = _zipped(path, report)
    root = _root(names, report)
    members: dict[str, str] = {}
    for name in names:
        inside = PurePosixPath(name)
        if inside.parent != root:
            continue
        if inside.suffix == ".txt" and inside.stem in COLUMNS:
            members[inside.stem] = name
        elif inside.suffix.lower() == ".txt" and inside.stem.lower() in COLUMNS:
            problem = f"must be written {inside.name.lower()!r}"
            report.add(inside.name, None, "", Kind.UNKNOWN_FILE, problem, "ignored it")
        elif not inside.name.startswith(".") and not inside.name.endswith(_SILENT):
            problem = f"{inside.name!r} is no file of GTFS Schedule"
            report.note(inside.name, "", Kind.UNKNOWN_FILE, problem, "ignored it")
        elif inside.name == "locations.geojson":
            problem = "zones of demand-responsive trips"
            report.note("locations.geojson", "", Kind.UNSUPPORTED, problem, "ignored them")
    n_bytes = sum(names[name] for table, name in members.items() if table not in UNUSED)
    return Source(path, members, n_bytes, watch)


def _zipped(path: Path, report: Report) -> dict[str, int]:
    if not path.exists():
        raise FeedError("there is no such feed; give a zip file, a folder or an address")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FeedError(
            f"it is no readable zip file ({error}); a GTFS feed is a zip of .txt files"
        ) from error
    names: dict[str, int] = {}
    total = 0
    for entry in entries:
        inside = PurePosixPath(entry.filename)
        if inside.is_absolute() or ".." in inside.parts or "\\" in entry.filename:
            problem = f"{entry.filename[:60]!r} would lie outside"
            report.note("feed", "", Kind.UNKNOWN_FILE, problem, "ignored it")
            continue
        if entry.filename in names:
            problem = f"{entry.filename[:60]!r} is in the zip twice"
            report.add("feed", None, "", Kind.DUPLICATE, problem, "took the last one")
        total += entry.file_size
        packed = max(entry.compress_size, 1)
        bomb = entry.file_size > _SMALL_BYTES and entry.file_size / packed > MAX_RATIO
        if bomb or entry.file_size > MAX_FILE_BYTES or total > MAX_FEED_BYTES:
            raise FeedError(
                f"{inside.name} in it unpacks to more than we read "
                f"({entry.file_size} bytes); if that is right, split the feed"
            )
        names[entry.filename] = entry.file_size
    return names


def _root(names: Mapping[str, int], report: Report) -> PurePosixPath:
    """The folder that holds the tables: the top, or the one with most of them."""
    tables: dict[PurePosixPath, int] = {}
    for name in names:
        inside = PurePosixPath(name)
        if inside.suffix == ".txt" and inside.stem in COLUMNS:
            tables[inside.parent] = tables.get(inside.parent, 0) + 1
    top = PurePosixPath()
    if not tables or top in tables:
        return top
    root = min(tables, key=lambda folder: (-tables[folder], str(folder)))
    problem = f"the files lie in a folder {str(root)!r}"
    report.note("feed", "", Kind.UNKNOWN_FILE, problem, "read from there")
    return root
