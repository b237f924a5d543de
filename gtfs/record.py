"""All arrays of a kernel behind one integer: the address of a table of addresses.

numba unpacks an array argument in about a sixth of a microsecond, which dozens of arrays make more
than a short search itself. A record is an int64 array of (address, length) pairs; the kernel gets
the address of that array and makes views of what it points to, at no cost. Whoever holds the
record must hold the arrays: `Record` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import carray, inlined, pointer_at


class Record:
    """Keeps arrays alive; `address` is what a kernel takes. Their order is the contract."""

    __slots__ = ("_arrays", "_table", "address")

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        for array in arrays:
            if not array.flags.c_contiguous:
                raise ValueError("a kernel reads contiguous arrays only")
        self._arrays = list(arrays)
        pairs = [x for array in arrays for x in (array.ctypes.data, array.size)]
        self._table = np.array(pairs, np.int64)
        self.address = int(self._table.ctypes.data)


@inlined
def pairs_at(address: int, n_arrays: int) -> Any:
    """The table of a record, in a kernel."""
    return carray(pointer_at(address), (2 * n_arrays,), np.int64)


@inlined
def int32_of(record: Any, place: int) -> Any:
    """The int32 array at a place of the record, in a kernel."""
    return carray(pointer_at(record[2 * place]), (record[2 * place + 1],), np.int32)


@inlined
def int64_of(record: Any, place: int) -> Any:
    """The int64 array at a place of the record, in a kernel."""
    return carray(pointer_at(record[2 * place]), (record[2 * place + 1],), np.int64)


@inlined
def uint32_of(record: Any, place: int) -> Any:
    """The uint32 array at a place of the record, in a kernel."""
    return carray(pointer_at(record[2 * place]), (record[2 * place + 1],), np.uint32)


@inlined
def uint16_of(record: Any, place: int) -> Any:
    """The uint16 array at a place of the record, in a kernel."""
    return carray(pointer_at(record[2 * place]), (record[2 * place + 1],), np.uint16)
