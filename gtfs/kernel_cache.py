"""Where compiled kernels are kept: `$MOBILITY_DATA/kernels/<hash>`, never beside the sources.

numba's own cache looks at the file of a kernel only, so a change in a function that it calls from
another file gives a stale result. The folder's name covers every file that defines a kernel, and
numba's version; a new name is an empty cache.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


def kernel_sources() -> tuple[Path, ...]:
    """Every file of this package that defines a kernel, or numbers that are compiled into some."""
    here = Path(__file__)
    return tuple(
        path
        for path in sorted(here.parent.glob("*.py"))
        if path == here
        or path.stem.endswith("_layout")
        or "gtfs.kernel_cache import" in path.read_text(encoding="utf-8")
    )


def folder() -> Path:
    """The folder of the present sources and numba."""
    content = hashlib.sha256(version("numba").encode())
    for path in kernel_sources():
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    data = Path(os.environ.get("MOBILITY_DATA") or ".mobility")
    return data.absolute() / "kernels" / content.hexdigest()[:16]


@cache
def _is_kept() -> bool:
    """Point numba at the folder; False where it cannot be written."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    if not os.access(place, os.W_OK):
        return False
    os.environ["NUMBA_CACHE_DIR"] = str(place)
    return True


def _numba() -> Any:
    """The compiler, imported only once its cache is pointed to."""
    kept = _is_kept()
    import numba  # noqa: PLC0415 - must come after NUMBA_CACHE_DIR is set

    if kept:
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]
    return numba


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel with numba at its first call, kept between processes, without the GIL."""
    compile_it = _numba().njit(cache=_is_kept(), nogil=True)
    return cast("Callable[P, R]", compile_it(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A small piece of kernels, compiled into each of them; it needs no cache of its own."""
    return cast("Callable[P, R]", _numba().njit(nogil=True)(function))


def _intrinsics() -> tuple[Any, Any, Any, Any, Any, Any]:
    _numba()
    from numba import types  # noqa: PLC0415 - must come after NUMBA_CACHE_DIR is set
    from numba.extending import intrinsic  # noqa: PLC0415

    cgutils: Any = import_module("numba.core.cgutils")
    make_array: Any = import_module("numba.np.arrayobj").make_array

    def pointer_at(_context: Any, address: Any) -> Any:
        def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], cgutils.voidptr_t)

        return types.voidptr(address), generate

    def numbers_at(kind: Any) -> Any:
        def at(_context: Any, address: Any) -> Any:
            def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

            pointer: Any = types.CPointer
            return pointer(kind)(address), generate

        return intrinsic(at)

    def prefetch(_context: Any, array: Any, index: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = make_array(signature.args[0])(target, builder, arguments[0]).data
            place = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
            number = cgutils.ir.IntType(32)
            read, near, as_data = number(0), number(3), number(1)
            kind = cgutils.ir.FunctionType(
                cgutils.ir.VoidType(), [cgutils.voidptr_t, number, number, number]
            )
            call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
            builder.call(call, [place, read, near, as_data])
            return target.get_dummy_value()

        return types.void(array, index), generate

    def copy_all(_context: Any, to: Any, source: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            new, old = (
                make_array(kind)(target, builder, array)
                for kind, array in zip(signature.args, arguments, strict=True)
            )
            cgutils.raw_memcpy(builder, new.data, old.data, old.nitems, old.itemsize)
            return target.get_dummy_value()

        return types.void(to, source), generate

    numbers = (numbers_at(kind) for kind in (types.int64, types.int32, types.uint8))
    return intrinsic(pointer_at), intrinsic(prefetch), intrinsic(copy_all), *numbers


def _fours() -> tuple[Any, Any, Any]:
    _numba()
    from numba import types  # noqa: PLC0415 - must come after NUMBA_CACHE_DIR is set
    from numba.extending import intrinsic  # noqa: PLC0415

    cgutils: Any = import_module("numba.core.cgutils")
    whole, four = cgutils.ir.IntType(64), cgutils.ir.VectorType(cgutils.ir.IntType(16), 4)

    def on_fours(make: Callable[[Any, list[Any]], Any]) -> Any:
        def at(_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001 - numba binds by name
            def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
                both = [builder.bitcast(argument, four) for argument in arguments]
                return builder.bitcast(make(builder, both), whole)

            return types.int64(types.int64, types.int64), generate

        return intrinsic(at)

    def called(name: str) -> Any:
        kind = cgutils.ir.FunctionType(four, [four, four])

        def make(builder: Any, both: list[Any]) -> Any:
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), both)

        return on_fours(make)

    def over(builder: Any, both: list[Any]) -> Any:
        return builder.sext(builder.icmp_unsigned(">", *both), four)

    return called("llvm.umin.v4i16"), called("llvm.uadd.sat.v4i16"), on_fours(over)


carray: Any = _numba().carray
"""A view of memory, in a kernel: numba's."""
pointer_at, prefetch, copy_all, longs_at, ints_at, bits_at = _intrinsics()
"""In kernels: an address made a pointer; a hint that `array[index]` will soon be read; all of an
array copied to the front of another of its type, which an assignment does number by number; and the
int64, int32 and uint8 from an address on, which cost less than an array: no length, no index
from the end, and no references counted where one kernel hands them to another."""
four_least, four_sum, four_over = _fours()
"""In kernels: an int64 taken as four numbers of 16 bits without sign. The least of each two, their
sum or else the largest number, and the largest number where the first is more, 0 elsewhere."""
