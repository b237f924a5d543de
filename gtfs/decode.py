"""Bytes of a table in blocks of whole lines of plain UTF-8, whatever they were."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from gtfs.defects import FeedError, Kind, Report

BLOCK_BYTES = 1 << 22
MAX_LINE_BYTES = 1 << 20
MAX_UTF16_BYTES = 1 << 28
_CARRIAGE = re.compile(rb"\r+\n|\r+")
_OTHER_WAY = 64


@dataclass(slots=True)
class _Seen:
    """What is said once about a file."""

    carriage_returns: int = 0
    line_feeds: int = 0
    lone: int = 0
    nul: bool = False


def blocks(file: IO[bytes], name: str, report: Report) -> Iterator[bytes]:
    r"""Blocks of whole records that end in `\n`, without marks, NUL and carriage returns.

    A block ends outside of quotes as far as they pair. Text that is not UTF-8 is left for
    `as_text`, which knows the line. Raises FeedError where a line is longer than a megabyte.
    """
    seen = _Seen()
    left = b""
    first = True
    while True:
        data = file.read(BLOCK_BYTES)
        if first:
            data = _without_mark(data, file, name, report)
            first = False
        block, left = _cut(left + data, last=not data)
        if block:
            yield _plain(block, seen)
        if not data:
            break
        if len(left) > MAX_LINE_BYTES + BLOCK_BYTES:
            raise FeedError(f"{name}.txt has a line of more than a megabyte; it is no table")
    _say(seen, name, report)


def _without_mark(data: bytes, file: IO[bytes], name: str, report: Report) -> bytes:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        report.add(name, None, "", Kind.ENCODING, "is UTF-16, not UTF-8", "decoded as UTF-16")
        data += file.read(MAX_UTF16_BYTES)
        if file.read(1):
            raise FeedError(f"{name}.txt is UTF-16 and too large; save it as UTF-8")
        data = data.decode("utf-16", errors="replace").encode()
    if data.startswith(codecs.BOM_UTF8):
        report.note(name, "", Kind.ENCODING, "begins with a byte order mark", "passed over it")
        data = data.removeprefix(codecs.BOM_UTF8)
    return data


def _cut(data: bytes, *, last: bool) -> tuple[bytes, bytes]:
    """The whole records at the start of the data, and the rest."""
    if last:
        return (data if not data or data.endswith((b"\n", b"\r")) else data + b"\n"), b""
    end = data.rfind(b"\n") + 1
    if end == 0:
        end = data.rfind(b"\r", 0, len(data) - 1) + 1
    if b'"' not in data:
        return data[:end], data[end:]
    odd = data.count(b'"', 0, end) % 2
    candidate = end
    for _ in range(_OTHER_WAY):
        if not odd:
            return data[:candidate], data[candidate:]
        before = data.rfind(b"\n", 0, max(candidate - 1, 0)) + 1
        if before == 0:
            break
        odd = (odd + data.count(b'"', before, candidate)) % 2
        candidate = before
    return data[:end], data[end:]


def _plain(block: bytes, seen: _Seen) -> bytes:
    if b"\0" in block:
        seen.nul = True
        block = block.replace(b"\0", b"")
    if b"\r" in block:
        pairs = block.count(b"\r\n")
        seen.lone += block.count(b"\r") - pairs
        seen.carriage_returns += pairs
        seen.line_feeds += block.count(b"\n") - pairs
        return _CARRIAGE.sub(b"\n", block)
    seen.line_feeds += block.count(b"\n")
    return block


def _say(seen: _Seen, name: str, report: Report) -> None:
    if seen.nul:
        report.add(name, None, "", Kind.ENCODING, "contains NUL characters", "removed them")
    if seen.lone and (seen.line_feeds or seen.carriage_returns):
        problem = f"{seen.lone} carriage returns stand alone"
        report.add(name, None, "", Kind.LINE_ENDS, problem, "took each as an end of line")
    elif seen.line_feeds > 1 and seen.carriage_returns > 1:
        problem = f"{seen.line_feeds} lines end in LF, {seen.carriage_returns} in CR LF"
        report.note(name, "", Kind.LINE_ENDS, problem, "took both")


def as_text(block: bytes, name: str, first_line: int, report: Report) -> tuple[str, bytes]:
    """A block as text and as UTF-8; lines that are not are taken as Windows-1252 and reported."""
    try:
        return block.decode(), block
    except UnicodeDecodeError:
        lines = block.split(b"\n")
    texts: list[str] = []
    for number, line in enumerate(lines, start=first_line):
        try:
            texts.append(line.decode())
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 ({error.reason})"
            report.add(name, number, "", Kind.ENCODING, problem, "decoded as Windows-1252")
            texts.append(line.decode("cp1252", errors="replace"))
    text = "\n".join(texts)
    return text, text.encode()
