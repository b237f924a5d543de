"""Make a city ready to plan on: its feed, the timetable artefact, the compiled kernel.

Runs at every start and does only what is missing: the artefact is kept as long as the city's
files and our code for them are the same and it still covers the next two weeks.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from pathlib import Path

from gtfs.artefact import ArtefactError
from gtfs.defects import FeedError, Report
from gtfs.timetable import Timetable
from mobility.cities.city import City, load_city
from mobility.embedded.process import EmbeddedError
from mobility.embedded.progress import Progress
from mobility.feed_report import briefly, write_defects
from mobility.settings import Settings

AHEAD = timedelta(days=14)
"""How far a timetable of the city's facts must reach to be kept."""
IMPORTED = "imported"
"""The stamp of a timetable that ``mobility feed import`` made: kept to its last day."""
PREPARING_CODE = ("cities", "planning")


def timetable_path(settings: Settings) -> Path:
    """Where the compiled timetable of the city lies."""
    return settings.data / "timetables" / f"{Path(settings.city).name}.bin"


def open_timetable(settings: Settings) -> Timetable:
    """The prepared timetable.

    Raises:
        ArtefactError: it was not prepared, or the file is damaged.
    """
    return Timetable.load(timetable_path(settings))


def prepare_city(settings: Settings, progress: Progress) -> None:
    """Build the timetable where it is missing, out of date or made from other facts.

    Raises:
        EmbeddedError: the city's own feed cannot serve.
    """
    city = load_city(settings.city)
    path = timetable_path(settings)
    today = datetime.now(city.timezone).date()
    source = _source_of(city)
    stamp = path.with_suffix(".source")
    made_from = stamp.read_text(encoding="utf-8") if stamp.is_file() else None
    if made_from == IMPORTED and _imported_serves(path, settings, city, today, progress):
        return
    kept = made_from == source and walked_as_now(path, settings)
    if kept and _covers(path, today) and _covers(path, today + AHEAD):
        return
    build_timetable(settings, city, path, today, progress)
    stamp.write_text(source, encoding="utf-8")
    mark_walked(path, settings)


def prepare_kernel(settings: Settings, progress: Progress) -> None:
    """Compile the kernels, unless compiled ones are kept."""
    from gtfs.warm_up import warm_up  # noqa: PLC0415 - numba takes a second to import
    from mobility.city_streets import compile_ways, open_streets  # noqa: PLC0415
    from mobility.planning.ways.estimated import streets_of  # noqa: PLC0415

    warm_up(progress.note)
    progress.note("compiling the ways through the city")
    city = load_city(settings.city)
    streets = streets_of(city.water, city.crossings, city.rules)
    on = datetime.now(city.timezone).date()
    compile_ways(streets, city.centre, on)
    imported = open_streets(settings, city)
    if imported is not None:
        compile_ways(imported, city.centre, on)


def walked_as_now(path: Path, settings: Settings) -> bool:
    """Whether a timetable's footpaths are by the streets that are there now."""
    stamp = path.with_suffix(".walked")
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _streets_of(settings)


def mark_walked(path: Path, settings: Settings) -> None:
    """Note by which streets a timetable's footpaths are."""
    path.with_suffix(".walked").write_text(_streets_of(settings), encoding="utf-8")


def _streets_of(settings: Settings) -> str:
    from mobility.city_streets import streets_path  # noqa: PLC0415 - help should not wait

    path = streets_path(settings)
    if not path.is_file():
        return "estimated"
    seen = path.stat()
    return f"{seen.st_size} bytes, {seen.st_mtime_ns}"


def build_timetable(
    settings: Settings, city: City, path: Path, today: date, progress: Progress
) -> None:
    """Write the city's feed, read it back with its checks, and compile it to ``path``.

    What is wrong with it is said in short, and written beside ``path``.

    Raises:
        EmbeddedError: it cannot serve.
    """
    from gtfs.build import build  # noqa: PLC0415 - help should not wait for numpy
    from gtfs.load import read_feed  # noqa: PLC0415
    from mobility.cities.network import write_feed  # noqa: PLC0415
    from mobility.city_streets import footpath_walk  # noqa: PLC0415
    from mobility.feed_area import note_outside  # noqa: PLC0415
    from mobility.feed_sellers import note_unsold  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    feed_path = path.with_suffix(".zip")
    progress.note("writing the feed")
    write_feed(city, feed_path, today)
    progress.note("reading and checking the feed")
    report: Report | None = None
    try:
        feed, report = read_feed(feed_path)
        note_unsold(city, feed, "", report)
        note_outside(city, feed, report)
        progress.note("compiling the timetable")
        timetable = build(feed, walk=footpath_walk(settings, city, today))
    except FeedError as error:
        report = report or error.report
        raise EmbeddedError(f"{_feed_of(city)} cannot serve: {error}") from error
    finally:
        if report is not None:
            _tell_defects(report, _feed_of(city), path.with_suffix(".defects.csv"), progress)
    timetable.save(path)


def _feed_of(city: City) -> str:
    """Where the city's timetable comes from."""
    brought = (city.folder / name for name in ("feed.zip", "feed"))
    return str(next((path for path in brought if path.exists()), city.folder / "network"))


def _tell_defects(report: Report, feed: str, path_all: Path, progress: Progress) -> None:
    path_all.unlink(missing_ok=True)
    if report.findings:
        write_defects(path_all, {Path(feed).name: report})
    for line in briefly(report, feed, path_all):
        progress.say(line)


def _imported_serves(
    path: Path, settings: Settings, city: City, today: date, progress: Progress
) -> bool:
    """Whether the imported timetable runs today; another version's, or streets', is made again."""
    from mobility.city_streets import footpath_walk  # noqa: PLC0415 - only after an update
    from mobility.feed_import import compile_kept  # noqa: PLC0415

    if not (_is_whole(path) and walked_as_now(path, settings)):
        progress.note("compiling the imported feeds again")
        if compile_kept(path, footpath_walk(settings, city, today)):
            mark_walked(path, settings)
    return _covers(path, today)


def _is_whole(path: Path) -> bool:
    try:
        Timetable.load(path)
    except ArtefactError:
        return False
    return True


def imported_until(path: Path, today: date) -> date | None:
    """The last day of the imported timetable, if one is in use and has begun and not ended."""
    stamp = path.with_suffix(".source")
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == IMPORTED):
        return None
    return Timetable.load(path).last_day if _covers(path, today) else None


def _covers(path: Path, until: date) -> bool:
    """Whether there is a timetable that has begun and reaches a day."""
    try:
        timetable = Timetable.load(path)
    except ArtefactError:
        return False
    return timetable.first_day <= until <= timetable.last_day


def _source_of(city: City) -> str:
    """A digest of everything that the timetable is made from."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    files = [path for path in sorted(city.folder.rglob("*")) if path.is_file()]
    code = [path for name in PREPARING_CODE for path in sorted((here / name).rglob("*.py"))]
    gtfs = sorted((here.parent / "gtfs").glob("*.py"))
    for path in (*files, *code, *gtfs):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
