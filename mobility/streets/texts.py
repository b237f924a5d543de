"""Texts in an artefact of arrays: their bytes, and where each of them ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack_texts(name: str, texts: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Two arrays, named after the column."""
    encoded = [text.encode() for text in texts]
    return {
        f"{name}.ends": np.cumsum([0, *map(len, encoded)], dtype=np.int64),
        f"{name}.bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
    }


def unpack_texts(name: str, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """What ``pack_texts`` made two arrays of."""
    whole = arrays[f"{name}.bytes"].tobytes()
    ends = arrays[f"{name}.ends"].tolist()
    return tuple(whole[start:end].decode() for start, end in pairwise(ends))
