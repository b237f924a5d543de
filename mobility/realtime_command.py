"""``mobility feed realtime``: does a GTFS-Realtime message fit a timetable?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gtfs.realtime_live import Live
    from gtfs.timetable import Timetable

_SHOWN = 20


def show_realtime(
    messages: Annotated[list[Path], typer.Argument(help="GTFS-Realtime messages (.pb).")],
    feed: Annotated[
        Path | None, typer.Option(help="The GTFS zip they are for; else the city's timetable.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Put before every id of the messages.")] = "",
) -> None:
    """Say how much of some messages concerns a timetable, and what was named in vain.

    The status is 1 if anything was.

    Example: mobility feed realtime trip-updates.pb vehicles.pb --feed gtfs.zip
    """
    from gtfs.realtime_patch import patched  # noqa: PLC0415 - protobuf and numba load slowly
    from gtfs.realtime_read import read_message  # noqa: PLC0415
    from gtfs.realtime_values import RealtimeError, Updates  # noqa: PLC0415

    read = []
    for path in messages:
        try:
            read.append(read_message(path.read_bytes(), prefix))
        except (OSError, RealtimeError) as error:
            sys.stderr.write(f"mobility feed realtime: {path}: {error}\n")
            raise typer.Exit(2) from error
    updates = Updates.of(read)
    live = patched(_timetable(feed), updates, updates.at or datetime.now(UTC))
    for line in _lines(live):
        typer.echo(line)
    raise typer.Exit(1 if live.summary.n_unmatched else 0)


def _timetable(feed: Path | None) -> Timetable:
    from gtfs.artefact import ArtefactError  # noqa: PLC0415
    from mobility.prepare import open_timetable  # noqa: PLC0415
    from mobility.settings import Settings  # noqa: PLC0415

    if feed is None:
        try:
            return open_timetable(Settings())
        except ArtefactError as error:
            sys.stderr.write(
                f"mobility feed realtime: {error}; name a feed with --feed, or start "
                "`mobility serve` once\n"
            )
            raise typer.Exit(2) from error
    from gtfs.build import build  # noqa: PLC0415
    from gtfs.defects import FeedError  # noqa: PLC0415
    from gtfs.load import read_feed  # noqa: PLC0415

    try:
        return build(read_feed(feed)[0])
    except FeedError as error:
        sys.stderr.write(f"mobility feed realtime: {feed}: {error}\n")
        raise typer.Exit(2) from error


def _lines(live: Live) -> Iterator[str]:
    summary = live.summary
    yield f"made          {live.at:%Y-%m-%d %H:%M:%S %Z}" if live.at else "made          unknown"
    yield f"trip updates  {summary.trips_matched} of {summary.trip_updates} match"
    yield (
        f"              {summary.changed} changed, {summary.cancelled} cancelled, "
        f"{summary.added} added"
    )
    yield (
        f"vehicles      {summary.vehicles}, on a trip {summary.vehicles_with_trip}, "
        f"of those {summary.vehicles_matched} match"
    )
    yield f"alerts        {summary.alerts}"
    counted = {
        "updates of a run that has a newer one": summary.repeated,
        "runs whose day was another than named": summary.moved_days,
        "times that ran backwards": summary.repaired,
        "times a day or more from the plan": summary.far,
        **{f"not used: {name}": count for name, count in summary.passed_over.items()},
    }
    yield from (f"{count:>6}  {what}" for what, count in counted.items() if count)
    yield from _in_vain(live)


def _in_vain(live: Live) -> Iterator[str]:
    for reason, count in live.summary.unmatched.items():
        ids: Sequence[str] = [miss.id for miss in live.unmatched if miss.reason is reason]
        more = " …" if count > len(ids[:_SHOWN]) else ""
        yield f"{count:>6}  {reason.value}: {', '.join(ids[:_SHOWN])}{more}"
