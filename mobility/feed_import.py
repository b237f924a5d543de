"""``mobility feed import``: take over one feed or several; the last good timetable is never lost.

Fetched, read, checked, compiled, and only then put in the place of the old one by atomic rename.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from mobility.feed_fetch import Fetched, FetchError, Kept, Origin, copied, fetch, sha256_of
from mobility.feed_report import show, stop, write_defects

if TYPE_CHECKING:
    from gtfs.defects import Report
    from gtfs.feed import Feed
    from gtfs.timetable import Timetable
    from gtfs.transfers import Walk
    from mobility.cities.city import City
    from mobility.settings import Settings

_NAMED = re.compile(r"([A-Za-z0-9_.-]{1,40})=(.+)")
_console = Console(stderr=True)


def import_feed(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="GTFS zip files, folders or http(s) addresses, as NAME=SOURCE if many."
        ),
    ],
    defects: Annotated[
        Path | None, typer.Option(help="Write every defect to this .csv or .json file.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option(help="Also when nothing has changed.")] = False,
) -> None:
    """Check a feed, say what is wrong with it, and make it the timetable of the city.

    Several feeds become one timetable, in the time zone of the first; their ids get their names in
    front. A feed that cannot serve is refused whole, and the timetable in use stays.

    Example: mobility feed import https://example.org/gtfs.zip

    Example: mobility feed import bus=bus.zip rail=https://example.org/rail.zip --defects found.csv
    """
    from mobility.cities.city import load_city  # noqa: PLC0415 - help should not wait for it
    from mobility.city_streets import footpath_walk  # noqa: PLC0415
    from mobility.prepare import mark_walked, timetable_path, walked_as_now  # noqa: PLC0415

    settings = _settings()
    city = load_city(settings.city)
    target = timetable_path(settings)
    named = _named(sources)
    folder = _folder(target)
    kept = {name: Kept(folder / f"{name}.zip") for name in named}
    fetched: dict[str, Fetched] = {}
    try:
        for name, source in named.items():
            fetched[name] = _fetched(source, kept[name])
        origins = {name: feed.origin for name, feed in fetched.items()}
        in_use = _is_in_use(target, origins) and walked_as_now(target, settings)
        if not force and in_use:
            typer.echo(f"Nothing has changed, the timetable in use stays: {target}")
            return
        today = datetime.now(UTC).astimezone(city.timezone).date()
        timetable = _compiled(fetched, footpath_walk(settings, city, today), city, defects)
        if not force:
            _refuse_to_lose(timetable, target, today)
        _put(timetable, target, origins)
        mark_walked(target, settings)
        for name, feed in fetched.items():
            if feed.path.parent == folder:
                kept[name].keep(feed)
    finally:
        for feed in fetched.values():
            if feed.path.suffix == ".partial":
                feed.path.unlink(missing_ok=True)
    _tell(timetable, target, origins, today)


def _settings() -> Settings:
    from mobility.embedded.environment import settings_in  # noqa: PLC0415
    from mobility.embedded.folder import find_running  # noqa: PLC0415
    from mobility.settings import Settings  # noqa: PLC0415

    settings = Settings()
    running = find_running(settings.data)
    return settings if running is None else settings_in(running, settings)


def _named(sources: Sequence[str]) -> dict[str, str]:
    """Sources by name: the one given, or that of the file."""
    named: dict[str, str] = {}
    for source in sources:
        given = _NAMED.fullmatch(source)
        if given is not None and not Path(source).exists():
            name, place = given.groups()
        else:
            place = source
            stem = PurePosixPath(urlsplit(source).path).stem if _is_address(source) else ""
            name = re.sub(r"[^A-Za-z0-9_.-]", "-", stem or Path(source).stem)[:40] or "feed"
        if name in named:
            stop(f"two feeds are called {name!r}; write NAME=SOURCE")
        named[name] = place
    return named


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _fetched(source: str, kept: Kept) -> Fetched:
    if not _is_address(source):
        path = Path(source)
        if not path.exists():
            stop(f"there is no feed at {path}; give a zip file, a folder or an address")
        return copied(path, kept)
    with _bar() as bar:
        task = bar.add_task(f"fetching {source}", total=None)
        try:
            return fetch(
                source, kept, lambda n, of: bar.update(task, completed=n, total=of or None)
            )
        except FetchError as error:
            stop(f"{error}. The timetable in use stays as it is.")


@contextmanager
def _bar() -> Iterator[Progress]:
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(),
        console=_console, transient=True,
    ) as bar:  # fmt: skip
        yield bar


def _compiled(
    fetched: dict[str, Fetched], walk: Walk, city: City, defects: Path | None
) -> Timetable:
    from gtfs.defects import FeedError  # noqa: PLC0415
    from gtfs.merge import build_many  # noqa: PLC0415
    from mobility.feed_area import note_outside  # noqa: PLC0415
    from mobility.feed_sellers import note_unsold  # noqa: PLC0415

    feeds: dict[str, Feed] = {}
    reports: dict[str, Report] = {}
    try:
        for name, feed in fetched.items():
            feeds[name] = _read(name, feed.path, reports)
            note_unsold(city, feeds[name], f"{name}:" if len(fetched) > 1 else "", reports[name])
            note_outside(city, feeds[name], reports[name])
        with _console.status("compiling the timetable"):
            return build_many(feeds, walk=walk)
    except FeedError as error:
        stop(f"{error}. The timetable in use stays as it is.")
    finally:
        for name, report in reports.items():
            show(report, _console, name if len(fetched) > 1 else None)
        if defects is not None:
            write_defects(defects, reports)


def _read(name: str, path: Path, reports: dict[str, Report]) -> Feed:
    from gtfs.defects import FeedError  # noqa: PLC0415
    from gtfs.load import read_feed  # noqa: PLC0415

    with _bar() as bar:
        task = bar.add_task(f"reading {name}", total=None)
        try:
            feed, reports[name] = read_feed(
                path, lambda n, of: bar.update(task, completed=n, total=of or None)
            )
        except FeedError as error:
            reports[name] = error.report
            raise FeedError(f"{name}: {error}", error.report) from error
    return feed


def _refuse_to_lose(timetable: Timetable, target: Path, today: date) -> None:
    """Stop where nothing runs today of the new one, but something of the imported one in use."""
    from mobility.prepare import imported_until  # noqa: PLC0415

    until = imported_until(target, today)
    if until is not None and not timetable.first_day <= today <= timetable.last_day:
        stop(
            f"the feed is for {timetable.first_day} to {timetable.last_day}, the timetable in use "
            f"runs until {until} and stays as it is; --force takes the feed nonetheless"
        )


def _put(timetable: Timetable, target: Path, origins: dict[str, Origin]) -> None:
    """The new timetable in the place of the old one, and what it was made from."""
    from mobility.prepare import IMPORTED  # noqa: PLC0415

    with _console.status("writing the timetable"):
        timetable.save(target)
    target.with_suffix(".source").write_text(IMPORTED, encoding="utf-8")
    made_from = {name: asdict(origin) for name, origin in origins.items()}
    target.with_suffix(".origins.json").write_text(json.dumps(made_from), encoding="utf-8")


def _folder(target: Path) -> Path:
    """Where the feeds of a timetable are kept."""
    return target.with_suffix(".feeds")


def compile_kept(target: Path, walk: Walk) -> bool:
    """Make the imported timetable again from the feeds as they were kept.

    For an artefact that another version wrote, that was damaged, or whose streets have changed.
    False where the feeds are not there any more, or not what they were; nothing is changed then.
    """
    from gtfs.defects import FeedError  # noqa: PLC0415
    from gtfs.load import read_feed  # noqa: PLC0415
    from gtfs.merge import build_many  # noqa: PLC0415

    try:
        made_from = json.loads(target.with_suffix(".origins.json").read_text(encoding="utf-8"))
        origins = {name: Origin(**known) for name, known in made_from.items()}
        feeds: dict[str, Feed] = {}
        for name, origin in origins.items():
            kept = _folder(target) / f"{name}.zip"
            path = kept if kept.exists() else Path(origin.source)
            if sha256_of(path) != origin.sha256:
                return False
            feeds[name], _ = read_feed(path)
        build_many(feeds, walk=walk).save(target)
    except (OSError, ValueError, TypeError, AttributeError, FeedError):
        return False
    return True


def _is_in_use(target: Path, origins: dict[str, Origin]) -> bool:
    """Whether the timetable in use was imported from these very bytes, by this version."""
    from gtfs.artefact import ArtefactError  # noqa: PLC0415
    from gtfs.timetable import Timetable  # noqa: PLC0415
    from mobility.prepare import IMPORTED  # noqa: PLC0415

    try:
        made_from = json.loads(target.with_suffix(".origins.json").read_text(encoding="utf-8"))
        if target.with_suffix(".source").read_text(encoding="utf-8") != IMPORTED:
            return False
        Timetable.load(target)
        return {name: known["sha256"] for name, known in made_from.items()} == {
            name: origin.sha256 for name, origin in origins.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArtefactError):
        return False


def _tell(timetable: Timetable, target: Path, origins: dict[str, Origin], today: date) -> None:
    for name, origin in origins.items():
        typer.echo(f"{name}: sha256 {origin.sha256}", err=True)
    typer.echo(
        f"{len(timetable.stops)} stops, {len(timetable.trips.id)} trips, "
        f"{timetable.first_day} to {timetable.last_day}: {target}"
    )
    if not timetable.first_day <= today <= timetable.last_day:
        typer.echo(f"Nothing of it runs today ({today}).", err=True)
