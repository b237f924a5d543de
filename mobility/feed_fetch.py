"""A feed from its address: asked for only if it changed, bounded in size and time.

`fetch` writes beside the kept copy; `Kept.keep` makes it the copy once the feed has proved to
serve, so that a bad feed never displaces a good one. References: RFC 9110 section 13 (conditional
requests).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

MAX_BYTES = 1 << 29
MAX_REDIRECTS = 5
MAX_SECONDS = 600
_TIMEOUT = httpx.Timeout(30, connect=10)
_NOT_MODIFIED = 304

Watch = Callable[[int, int], None]
"""Is told how many bytes came so far, and of how many (0 where unknown)."""


class FetchError(Exception):
    """The feed did not come; the message says from where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a kept feed came from: what its server said of it, and the sha256 of its bytes."""

    source: str
    sha256: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed that lies at `path`; it `is_new` unless it is the kept copy again."""

    path: Path
    origin: Origin
    is_new: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """The copy of a feed that last served: `path`, and a JSON file beside it."""

    path: Path

    def origin(self) -> Origin | None:
        """Where the copy came from; None where there is none, or it is not what it was."""
        try:
            origin = Origin(**json.loads(self._beside.read_text(encoding="utf-8")))
            return origin if sha256_of(self.path) == origin.sha256 else None
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, fetched: Fetched) -> None:
        """Make a fetched feed the kept copy, each file by atomic rename."""
        if fetched.path != self.path:
            fetched.path.replace(self.path)
        partial = self._beside.with_name(f"{self._beside.name}.{os.getpid()}")
        partial.write_text(json.dumps(asdict(fetched.origin)), encoding="utf-8")
        partial.replace(self._beside)

    @property
    def _beside(self) -> Path:
        return self.path.with_suffix(".json")


def copied(path: Path, kept: Kept) -> Fetched:
    """A zip file of this machine beside the kept copy, anything else where it lies."""
    origin = Origin(str(path.absolute()), sha256_of(path))
    if not zipfile.is_zipfile(path):
        return Fetched(path, origin, is_new=True)
    partial = _partial(kept)
    shutil.copyfile(path, partial)
    return Fetched(partial, origin, is_new=True)


def _partial(kept: Kept) -> Path:
    kept.path.parent.mkdir(parents=True, exist_ok=True)
    return kept.path.with_name(f"{kept.path.name}.{os.getpid()}.partial")


def fetch(
    address: str, kept: Kept, watch: Watch, *, transport: httpx.BaseTransport | None = None
) -> Fetched:
    """Get a feed unless the kept copy is still it.

    Raises:
        FetchError: no answer, an error, too many redirects, too large, too slow.
    """
    known = kept.origin()
    if known is not None and known.source != address:
        known = None
    headers = {"Accept-Encoding": "identity", "User-Agent": "mobility-feed-import"}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known is not None and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    try:
        with (
            httpx.Client(
                follow_redirects=True,
                max_redirects=MAX_REDIRECTS,
                timeout=_TIMEOUT,
                transport=transport,
            ) as client,
            client.stream("GET", address, headers=headers) as answer,
        ):
            if answer.status_code == _NOT_MODIFIED and known is not None:
                return Fetched(kept.path, known, is_new=False)
            if answer.status_code != httpx.codes.OK:
                raise FetchError(
                    f"{address} cannot be fetched: it answered {answer.status_code} "
                    f"{answer.reason_phrase}; check the address"
                )
            return _written(address, answer, kept, watch, known)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(
            f"{address} cannot be fetched: {error or type(error).__name__}; "
            "check the address, or download the feed and give its path"
        ) from error


def _written(
    address: str, answer: httpx.Response, kept: Kept, watch: Watch, known: Origin | None
) -> Fetched:
    announced = answer.headers.get("Content-Length", "")
    total = int(announced) if announced.isascii() and announced.isdigit() else 0
    if total > MAX_BYTES:
        raise FetchError(_too_large(address))
    partial = _partial(kept)
    digest, size = hashlib.sha256(), 0
    try:
        with partial.open("wb") as file:
            for part in _bounded(address, answer):
                size += len(part)
                digest.update(part)
                file.write(part)
                watch(size, total)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    origin = Origin(
        address,
        digest.hexdigest(),
        answer.headers.get("ETag", ""),
        answer.headers.get("Last-Modified", ""),
    )
    return Fetched(partial, origin, is_new=known is None or known.sha256 != origin.sha256)


def _bounded(address: str, answer: httpx.Response) -> Iterator[bytes]:
    """The parts of a body. Raises FetchError where it is too large or takes too long."""
    size, deadline = 0, time.monotonic() + MAX_SECONDS
    for part in answer.iter_bytes():
        size += len(part)
        if size > MAX_BYTES:
            raise FetchError(_too_large(address))
        if time.monotonic() > deadline:
            raise FetchError(f"{address} took more than {MAX_SECONDS} s; try again later")
        yield part


def _too_large(address: str) -> str:
    return f"{address} is larger than {MAX_BYTES >> 20} MiB; download it and give its path"


def sha256_of(path: Path) -> str:
    """The checksum of a file, or of all tables of a folder and then of those in its folders."""
    digest = hashlib.sha256()
    files = [*sorted(path.glob("*.txt")), *sorted(path.glob("*/*.txt"))]
    for name in files if path.is_dir() else [path]:
        with name.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    return digest.hexdigest()
