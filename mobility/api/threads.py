"""Where searches run: in threads, so that nobody else's request waits for them.

One at a time, the others in the order they came. Python runs one thread at a time: with two, each
search is as slow as both together. What may take many times as long has a thread of its own, so
that the others need not wait for its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_quick = ThreadPoolExecutor(1, "search")
_long = ThreadPoolExecutor(1, "long-search")


def search_in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
    """What ``work`` returns or raises; it is left out if nobody waits any more at its turn."""
    return _run(_quick, work, *args, **kwargs)


def search_long_in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
    """The same for work that may take long."""
    return _run(_long, work, *args, **kwargs)


def _run(
    pool: ThreadPoolExecutor, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> Awaitable[R]:
    return asyncio.get_running_loop().run_in_executor(pool, partial(work, *args, **kwargs))
