"""``mobility streets``: take over an OpenStreetMap extract, and say what is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from mobility.settings import Settings

streets_app = typer.Typer(
    no_args_is_help=True,
    help="Streets: take over an OpenStreetMap extract, see what is there.\n\n"
    "Example: mobility streets import town.osm.pbf",
)

_BYTES_AN_OBJECT = 60
"""About so much of a file goes for each object that we look at; only for the length of a bar."""
_console = Console(stderr=True)


@streets_app.command("import")
def import_streets(
    source: Annotated[Path, typer.Argument(help="An extract: .osm.pbf, .osm, .osm.gz.")],
) -> None:
    """Make walking, wheelchair, cycling and driving graphs of an extract, and its address table.

    They replace those of the city whole; where the file cannot serve, or has no street in the
    city's centre, the old ones stay. MOBILITY_CITY says which city, as for a server, which takes
    them over when it starts. Bridges that the city's data says are closed today are closed
    in them until the next import.

    Example: mobility streets import town.osm.pbf
    """
    from mobility.cities.city import load_city  # noqa: PLC0415 - numba takes a second to import
    from mobility.city_streets import list_crossings, streets_path  # noqa: PLC0415
    from mobility.streets.errors import StreetsError  # noqa: PLC0415
    from mobility.streets.take_over import take_over  # noqa: PLC0415

    settings = _settings()
    city = load_city(settings.city)
    target = streets_path(settings)
    try:
        with _bar(source) as heard:
            rules, now = city.rules, datetime.now(UTC)
            today = now.astimezone(city.timezone).date()
            ferries = [c.position for c in city.crossings if c.kind == "ferry"]
            report = take_over(
                source, target, rules.walk_kmh, rules.bike_kmh, now, heard,
                lines_at=ferries, crossings=list_crossings(city, today), centre=city.centre,
            )  # fmt: skip
    except StreetsError as error:
        _stop(f"{city.title}: {error}")
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"The streets of {city.title}, taken from {source.name}: {target}")


@streets_app.command("show")
def show_streets() -> None:
    """Say of which file the streets are, when it was imported, and what of it was left out.

    Example: mobility streets show
    """
    from gtfs.artefact import ArtefactError  # noqa: PLC0415
    from mobility.city_streets import streets_path  # noqa: PLC0415
    from mobility.streets.take_over import report_of  # noqa: PLC0415

    path = streets_path(_settings())
    if not path.is_file():
        typer.echo("No streets were imported: ways are straight lines times a factor.")
        return
    try:
        report = report_of(path)
    except ArtefactError as error:
        _stop(str(error))
    typer.echo(f"{report.source}, imported {report.imported_at}: {path}")
    for line in report.lines():
        typer.echo(line)


def _settings() -> Settings:
    """Those of the server that runs on this machine, or else of the environment."""
    from mobility.embedded.environment import settings_in  # noqa: PLC0415
    from mobility.embedded.folder import find_running  # noqa: PLC0415
    from mobility.settings import Settings  # noqa: PLC0415

    settings = Settings()
    running = find_running(settings.data)
    return settings if running is None else settings_in(running, settings)


@contextmanager
def _bar(source: Path) -> Iterator[Callable[[str, int], None]]:
    """A bar that is told what is being done, and how much of it."""
    size = source.stat().st_size if source.is_file() else 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=_console, transient=True) as progress:
        total = max(1, size // _BYTES_AN_OBJECT)
        task = progress.add_task(f"reading {source.name}", total=total)

        def heard(what: str, count: int) -> None:
            done = min(count, total - 1) if count else total
            progress.update(task, description=what, completed=done)

        yield heard


def _stop(problem: str) -> NoReturn:
    sys.stderr.write(f"mobility streets: {problem}\n")
    raise typer.Exit(2)
