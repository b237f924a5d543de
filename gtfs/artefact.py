"""One file of named arrays that every process can map: magic, JSON directory, aligned arrays."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"GTFS-TT\n"
VERSION = 6
_ALIGN = 64
_MAX_DIRECTORY = 1 << 24


class ArtefactError(Exception):
    """The file is no artefact of this version, or is damaged; build it again from the feed."""


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, str]) -> str:
    """Write arrays and facts to `path` by atomic rename; returns the sha256 of the content."""
    directory: list[tuple[str, str, list[int], int]] = []
    body = bytearray()
    for name, array in arrays.items():
        body += b"\0" * (-len(body) % _ALIGN)
        directory.append((name, array.dtype.str, list(array.shape), len(body)))
        body += np.ascontiguousarray(array).tobytes()
    digest = _digest(json.dumps([directory, dict(facts)]).encode(), body)
    head = json.dumps(
        {"version": VERSION, "sha256": digest, "facts": dict(facts), "arrays": directory}
    ).encode()
    prefix = MAGIC + len(head).to_bytes(8, "little") + head
    prefix += b"\0" * (-len(prefix) % _ALIGN)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(prefix)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return digest


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str], str]:
    """Map an artefact read-only: arrays by name, facts, sha256.

    Raises:
        ArtefactError: absent, of another version, cut short or altered.
    """
    try:
        whole = np.memmap(path, np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} cannot be mapped ({error}); build it again") from error
    start = len(MAGIC) + 8
    if whole[: len(MAGIC)].tobytes() != MAGIC:
        raise ArtefactError(f"{path} is no timetable artefact; build it again")
    size = int.from_bytes(whole[len(MAGIC) : start].tobytes(), "little")
    try:
        if size > min(_MAX_DIRECTORY, len(whole)):
            raise ArtefactError(f"{path} has a damaged directory; build it again")
        head = json.loads(whole[start : start + size].tobytes())
        if head["version"] != VERSION:
            raise ArtefactError(
                f"{path} is of version {head['version']}, we read {VERSION}; build it again"
            )
        body = whole[start + size + (-(start + size) % _ALIGN) :]
        described = json.dumps([head["arrays"], head["facts"]]).encode()
        if _digest(described, body) != head["sha256"]:
            raise ArtefactError(f"{path} does not match its checksum; build it again")
        arrays = {
            name: _view(body, np.dtype(kind), tuple(shape), offset)
            for name, kind, shape, offset in head["arrays"]
        }
        return arrays, dict(head["facts"]), str(head["sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} has a damaged directory ({error}); build it again") from error


def _view(
    body: NDArray[np.uint8], kind: np.dtype[Any], shape: tuple[int, ...], offset: int
) -> NDArray[Any]:
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    return np.asarray(body[offset : offset + size]).view(kind).reshape(shape)


def _digest(described: bytes, body: Any) -> str:
    content = hashlib.sha256(described)
    content.update(body)
    return content.hexdigest()
