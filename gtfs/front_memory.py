"""How kernels of the four-criteria search reach the arrays of `state` (`front_layout`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from gtfs.front_layout import ARRAYS_AT, FRONT, FRONT_ROW, MOST_BOUND, STEP_MG
from gtfs.kernel_cache import bits_at, carray, inlined, ints_at, longs_at, pointer_at

INF = 1 << 30
wide = cast("Callable[[int], int]", np.int64)
"""Where all arguments are of one type, 64 bits, a callee is compiled once."""


@inlined
def ints(state: Any, place: int) -> Any:
    """The int32 at a place."""
    return ints_at(state[ARRAYS_AT + 2 * place])


@inlined
def longs(state: Any, place: int) -> Any:
    """The int64 at a place."""
    return longs_at(state[ARRAYS_AT + 2 * place])


@inlined
def bits(state: Any, place: int) -> Any:
    """The uint8 at a place."""
    return bits_at(state[ARRAYS_AT + 2 * place])


@inlined
def size_of(state: Any, place: int) -> int:
    """How many there are at a place; of labels, of those aboard and of the front the rows."""
    size: int = state[ARRAYS_AT + 2 * place + 1]
    return size


@inlined
def seconds_of(bound: int, kind: int) -> int:
    """The seconds of a bound, ALONE or RENTING."""
    return (bound >> kind) & MOST_BOUND


@inlined
def steps_after(bound: int, kind: int) -> int:
    """The steps of a bound, ALONE or RENTING."""
    return (bound >> (kind + 16)) & MOST_BOUND


@inlined
def fill(numbers: Any, n: int, value: int) -> None:
    """Set the first n."""
    for i in range(n):
        numbers[i] = value


@inlined
def front_rows(state: Any) -> Any:
    """The journeys at the goal."""
    at = ARRAYS_AT + 2 * FRONT
    return carray(pointer_at(state[at]), (state[at + 1], FRONT_ROW), np.int32)


@inlined
def steps_of(mg: int) -> int:
    """A leg's steps of 50 g: all that it begins."""
    return (mg + STEP_MG - 1) // STEP_MG
