"""``mobility city``: make the folder of another city, and look at those there are."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from mobility.cities.city import CITIES, City, list_cities, load_city

TEMPLATE = CITIES / "_template"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_PLACEHOLDER = re.compile(r"@(NAME|CITY|TITLE|TIMEZONE|LAT|LON)([+-][0-9.]+)?@")

city_app = typer.Typer(
    help="Cities as folders of data.\n\nExample: mobility city new neustadt",
    no_args_is_help=True,
)


class NewCityError(ValueError):
    """The folder cannot be made; the message says why."""


def create_city(
    name: str,
    into: Path = CITIES,
    *,
    title: str | None = None,
    lat: float = 50.0,
    lon: float = 10.0,
    timezone: str = "Europe/Berlin",
) -> City:
    """Write a small complete city as a folder of ``into``, and load it: two lines, six stops.

    All of it or nothing: a folder that does not load is not left behind.

    Raises:
        NewCityError: the name is no folder name, or is taken.
        CityDataError: the time zone or the position is not usable.
    """
    if not _NAME.fullmatch(name):
        raise NewCityError(f"{name!r}: take small letters, digits and hyphens, a letter first")
    target = into / name
    if target.exists():
        raise NewCityError(f"{target} exists already; remove it or take another name")
    values = {
        "NAME": name,
        "CITY": _setting_of(target),
        "TITLE": _toml_text(title or name.title()),
        "TIMEZONE": timezone,
    }
    origin = {"LAT": lat, "LON": lon}

    def value_of(found: re.Match[str]) -> str:
        key, offset = found[1], found[2]
        return values[key] if key in values else f"{origin[key] + float(offset):.6f}"

    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".new-") as scratch:
        made = Path(scratch) / name
        shutil.copytree(TEMPLATE, made)
        for file in sorted(path for path in made.rglob("*") if path.is_file()):
            text = file.read_text(encoding="utf-8")
            file.write_text(_PLACEHOLDER.sub(value_of, text), encoding="utf-8")
        load_city(made)
        made.rename(target)
    return load_city(target)


def _setting_of(folder: Path) -> str:
    """What ``MOBILITY_CITY`` is set to for the city of a folder, as a shell takes it."""
    ours = folder.parent.resolve() == CITIES.resolve()
    return folder.name if ours else shlex.quote(str(folder.resolve()))


@city_app.command("new")
def new_command(
    name: Annotated[str, typer.Argument(help="The folder's name, such as neustadt.")],
    title: Annotated[str | None, typer.Option(help="The city's name for people.")] = None,
    lat: Annotated[float, typer.Option(min=-80, max=80, help="Latitude of its centre.")] = 50.0,
    lon: Annotated[float, typer.Option(min=-170, max=170, help="Longitude of its centre.")] = 10.0,
    timezone: Annotated[str, typer.Option(help="IANA time zone.")] = "Europe/Berlin",
    into: Annotated[Path, typer.Option(help="Where the folder goes.")] = CITIES,
) -> None:
    """Make a small complete city to start from.

    Example: mobility city new neustadt --title "Neustadt" --lat 50.33 --lon 11.12
    """
    try:
        city = create_city(name, into, title=title, lat=lat, lon=lon, timezone=timezone)
    except (ValueError, OSError) as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from error
    setting = _setting_of(city.folder)
    typer.echo(f"Made {city.folder}. Start it with: MOBILITY_CITY={setting} make run")


@city_app.command("list")
def list_command() -> None:
    """Name the cities that come with the code.

    Example: mobility city list
    """
    for name in list_cities():
        typer.echo(f"{name}\t{load_city(name).title}")


def _toml_text(text: str) -> str:
    """The text without what would end a TOML string or begin a CSV cell anew."""
    return " ".join(re.sub(r'["\\,\x00-\x1f@]', " ", text).split())[:80] or "City"
