"""Reading a city's files: each row or table once, into a frozen value, or a clear error."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

DATA = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)
"""How the values of a city are checked: nothing unknown, no NaN."""
MAX_BYTES = 20_000_000

Lat = Annotated[float, Field(ge=-90, le=90)]
Lon = Annotated[float, Field(ge=-180, le=180)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _split_bar(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split("|") if part.strip())
    return value


def _split_space(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


BarSeparated = BeforeValidator(_split_bar)
"""A cell such as ``a|b`` as a tuple."""
SpaceSeparated = BeforeValidator(_split_space)
"""A cell such as ``04:30 05:00`` as a tuple."""

T = TypeVar("T")


class CityDataError(ValueError):
    """A city's file cannot be used. Names the file, the row and the field."""

    def __init__(self, path: Path, where: str, problem: str) -> None:
        place = f"{path.parent.name}/{path.name}"
        super().__init__(f"{place}, {where}: {problem}" if where else f"{place}: {problem}")
        self.path = path
        self.where = where
        self.problem = problem


def read_rows(path: Path, kind: type[T]) -> tuple[T, ...]:
    """Every row of a CSV file with a header as a ``kind``; an empty cell is an absent one.

    Raises:
        CityDataError: the file is absent, too large, not UTF-8, or a row does not fit.
    """
    lines = csv.reader(read_text(path).splitlines(), strict=True)
    try:
        table = list(lines)
    except csv.Error as error:
        raise CityDataError(path, f"row {lines.line_num}", str(error)) from error
    if not table:
        raise CityDataError(path, "row 1", "no header; write the column names first")
    header, *body = table
    if len(set(header)) != len(header):
        raise CityDataError(path, "row 1", "a column name stands there twice")
    adapter = TypeAdapter(kind)
    result = []
    for number, cells in enumerate(body, start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise CityDataError(
                path, f"row {number}", f"{len(cells)} cells under {len(header)} column names"
            )
        raw = {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
        try:
            result.append(adapter.validate_python(raw))
        except ValidationError as error:
            field, problem = _first(error)
            raise CityDataError(path, f"row {number}, field {field}", problem) from error
    return tuple(result)


def read_toml(path: Path, kind: type[T]) -> T:
    """The whole TOML file as one ``kind``.

    Raises:
        CityDataError: the file is absent, not TOML, or a field does not fit.
    """
    try:
        raw = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise CityDataError(path, "", f"not TOML: {error}") from error
    try:
        return TypeAdapter(kind).validate_python(raw)
    except ValidationError as error:
        field, problem = _first(error)
        raise CityDataError(path, f"field {field}", problem) from error


def read_text(path: Path) -> str:
    """A file of a city; raises CityDataError where it is absent, too large or not UTF-8."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CityDataError(path, "", f"larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise CityDataError(path, "", "this file is missing") from error
    except UnicodeDecodeError as error:
        raise CityDataError(path, f"byte {error.start}", "not UTF-8") from error
    except OSError as error:
        raise CityDataError(path, "", f"cannot be read: {error.strerror}") from error


def _first(error: ValidationError) -> tuple[str, str]:
    item = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in item["loc"])
    value = repr(item["input"])
    shown = value if len(value) <= 60 else value[:57] + "..."
    if item["type"] == "missing":
        return field, "is missing or empty"
    if item["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        return field, "is not a field known here"
    return field, f"{item['msg']} (it reads {shown})"
