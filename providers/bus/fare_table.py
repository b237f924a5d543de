"""Fares as dated data: the tables of a ``fares.toml``, read once and checked.

A *tariff* is who charges how: by ``levels`` (short hop, single tickets by zone, changes included)
or ``own`` (one product a ride, such as a ferry). An *edition* is a tariff's price list from a day
on; it holds until the next one begins. A *pass* is what a rider has already paid for elsewhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from payments.money import Money

DATA = ConfigDict(extra="forbid", allow_inf_nan=False)
MAX_BYTES = 1_000_000

Name = Annotated[str, Field(min_length=1, max_length=500)]
Slug = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,60}$")]
Product = Annotated[str, Field(pattern="^[a-z]+(:[0-9])?$")]
Rider = Annotated[str, Field(pattern="^[a-z]{1,20}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=8, decimal_places=2)]


class FareDataError(ValueError):
    """A fare file cannot be used; the message says where and why."""


class FareUnknownError(LookupError):
    """No fare is known for what was asked, so it cannot be sold; the message says what and why."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not a time zone of the IANA database") from error
    return name


@dataclass(frozen=True, slots=True, config=DATA)
class Tariff:
    """Who charges how, for the rides of which agencies of the feed."""

    id: Slug
    name: Name
    agency_ids: Annotated[tuple[str, ...], Field(min_length=1)]
    vat_percent: Annotated[Decimal, Field(ge=0, le=100)]
    scheme: Literal["levels", "own"]
    product: Product | None = None
    """The one product of scheme ``own``."""
    remark: str = ""
    """What every rider must know, said on every quote, whatever passes there are."""

    def __post_init__(self) -> None:
        if (self.scheme == "own") != (self.product is not None):
            raise ValueError("scheme own, and only that, names a product")


@dataclass(frozen=True, slots=True, config=DATA)
class FarePrice:
    """What one person or thing pays; ``amount`` in major units."""

    product: Product
    rider: Rider
    amount: Amount


@dataclass(frozen=True, slots=True, config=DATA)
class ShortHop:
    """The conditions of the short-hop ticket; before ``weekday_from`` it is not sold Mon-Fri."""

    max_stops: Annotated[int, Field(ge=1, le=50)]
    weekday_from: time | None = None


@dataclass(frozen=True, slots=True, config=DATA)
class ZoneLevel:
    """A ticket of this level is good within ``zones``; of several the cheapest is sold."""

    zones: tuple[str, ...]
    level: Annotated[int, Field(ge=0, le=9)]


@dataclass(frozen=True, slots=True, config=DATA)
class Edition:
    """A price list from ``valid_from`` on; without it, as far back as anyone asks."""

    id: Slug
    tariff: Slug
    title: Name
    prices: Annotated[tuple[FarePrice, ...], Field(min_length=1)]
    source: Name
    confidence: Literal["high", "medium", "low"]
    valid_from: date | None = None
    transfer_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    short_hop: ShortHop | None = None
    zone_levels: tuple[ZoneLevel, ...] = ()

    def find_price(self, product: str, rider: str) -> Decimal | None:
        """The amount in major units; None where the list has none."""
        return next(
            (p.amount for p in self.prices if p.product == product and p.rider == rider), None
        )


@dataclass(frozen=True, slots=True, config=DATA)
class Announcement:
    """A change that is announced and whose prices are not known."""

    tariff: Slug
    valid_from: date
    text: Name
    source: Name
    confidence: Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True, config=DATA)
class PassPrice:
    """What the pass itself costs elsewhere; for information."""

    valid_from: date
    amount: Amount
    per: Literal["month", "half_year", "year"]


@dataclass(frozen=True, slots=True, config=DATA)
class PassIssuer:
    """Who can be asked whether somebody holds a pass (``providers.entitlements``)."""

    id: Slug
    name: Name
    text: Name
    """What a rider needs to have a pass confirmed."""
    recheck_hours: Annotated[int, Field(ge=1, le=24 * 31)]
    """How long after an answer it is asked again."""
    lapse_hours: Annotated[int, Field(ge=1, le=24 * 62)]
    """How long a pass counts without a new answer."""
    demo: bool = False

    def __post_init__(self) -> None:
        if self.lapse_hours <= self.recheck_hours:
            raise ValueError("lapse_hours must be more than recheck_hours")


@dataclass(frozen=True, slots=True, config=DATA)
class Pass:
    """What makes rides free for ``persons``; ``unconfirmed`` tariffs are charged all the same.

    It counts once its ``issuer`` has confirmed it or, where none is named, staff has seen it.
    """

    id: Slug
    name: Name
    covers: tuple[Slug, ...]
    persons: Annotated[int, Field(ge=1, le=9)]
    text: Name
    source: Name
    confidence: Literal["high", "medium", "low"]
    unconfirmed: tuple[Slug, ...] = ()
    issuer: Slug | None = None
    prices: tuple[PassPrice, ...] = ()


@dataclass(frozen=True, slots=True, config=DATA)
class Names:
    """How products and riders are called on a quote."""

    product: dict[Product, Name]
    rider: dict[Rider, Name]


@dataclass(frozen=True, slots=True, eq=False, config=DATA)
class FareTable:
    """All tariffs of a city with their editions and passes; equal to itself alone."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    timezone: Annotated[str, AfterValidator(_known_zone)]
    names: Names
    tariff: Annotated[tuple[Tariff, ...], Field(min_length=1)]
    edition: Annotated[tuple[Edition, ...], Field(min_length=1)]
    announcement: tuple[Announcement, ...] = ()
    pass_: Annotated[tuple[Pass, ...], Field(alias="pass")] = ()
    issuer: tuple[PassIssuer, ...] = ()

    def __post_init__(self) -> None:
        tariffs = _distinct("tariff", (tariff.id for tariff in self.tariff))
        _distinct("edition", (edition.id for edition in self.edition))
        _distinct("pass", (known.id for known in self.pass_))
        issuers = _distinct("issuer", (known.id for known in self.issuer))
        _distinct("agency", (agency for tariff in self.tariff for agency in tariff.agency_ids))
        owners: dict[str, str] = {}
        for edition in self.edition:
            _need(edition.tariff in tariffs, f"edition {edition.id}: no tariff {edition.tariff}")
            for price in edition.prices:
                known = owners.setdefault(price.product, edition.tariff)
                _need(known == edition.tariff, f"product {price.product} is of two tariffs")
                _need(price.product in self.names.product, f"product {price.product} has no name")
                _need(price.rider in self.names.rider, f"rider {price.rider} has no name")
            _distinct(f"{edition.id}: price", (f"{p.product}:{p.rider}" for p in edition.prices))
            _check_levels(edition)
        for tariff in self.tariff:
            dates = [str(e.valid_from) for e in self.edition if e.tariff == tariff.id]
            _need(bool(dates), f"tariff {tariff.id} has no edition")
            _distinct(f"tariff {tariff.id}: valid_from", dates)
        for known_pass in self.pass_:
            named = known_pass.issuer is None or known_pass.issuer in issuers
            _need(named, f"pass {known_pass.id}: no issuer {known_pass.issuer}")
            for name in (*known_pass.covers, *known_pass.unconfirmed):
                _need(name in tariffs, f"pass {known_pass.id}: no tariff {name}")

    @property
    def version(self) -> str:
        """The newest edition of the first tariff: what the table as a whole is called."""
        first = self.tariff[0].id
        return max((e for e in self.edition if e.tariff == first), key=_begins).id

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days and hours of validity are meant."""
        return ZoneInfo(self.timezone)

    def get_tariff_of(self, agency_id: str) -> Tariff:
        """The tariff of an agency of the feed.

        Raises:
            FareUnknownError: no tariff covers it.
        """
        for tariff in self.tariff:
            if agency_id in tariff.agency_ids:
                return tariff
        raise FareUnknownError(f"no tariff is known for rides of agency {agency_id!r}")

    def get_tariff_selling(self, product: str) -> Tariff:
        """The tariff that has, or had, the product.

        Raises:
            FareUnknownError: none has.
        """
        for edition in self.edition:
            if any(price.product == product for price in edition.prices):
                return next(tariff for tariff in self.tariff if tariff.id == edition.tariff)
        raise FareUnknownError(f"no tariff sells the product {product!r}")

    def get_edition(self, tariff_id: str, on: date) -> Edition:
        """The price list in force on that day; the last known one goes on until replaced.

        Raises:
            FareUnknownError: the day lies before the first list we know.
        """
        begun = [e for e in self.edition if e.tariff == tariff_id and _begins(e) <= on]
        if not begun:
            raise FareUnknownError(f"no prices of {tariff_id} are known for {on.isoformat()}")
        return max(begun, key=_begins)

    def list_notices(self, on: date) -> tuple[str, ...]:
        """The announced changes that should be in force on that day but have no prices yet."""
        return tuple(
            change.text
            for change in self.announcement
            if change.valid_from <= on
            and _begins(self.get_edition(change.tariff, on)) < change.valid_from
        )

    def list_passes(self, held: Iterable[str]) -> tuple[Pass, ...]:
        """The passes of those kinds, in the order of the file.

        Raises:
            FareUnknownError: a kind that the city does not know.
        """
        wanted = set(held)
        if unknown := sorted(wanted - {known.id for known in self.pass_}):
            raise FareUnknownError(f"no pass of the kind {unknown[0]!r} is known here")
        return tuple(known for known in self.pass_ if known.id in wanted)

    def explain_passes(self, held: Iterable[str]) -> tuple[str, ...]:
        """What the rider's passes do for bus and ferry, to show to that rider alone."""
        return tuple(known.text for known in self.list_passes(held))

    def money(self, amount: Decimal) -> Money:
        """An amount of a price list as money."""
        return Money.of_major(amount, self.currency)


def read_fares(path: Path) -> FareTable:
    """Read a ``fares.toml``.

    Raises:
        FareDataError: it is absent, not TOML, or does not hold together.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FareDataError(f"{path.name} is larger than {MAX_BYTES} bytes")
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(FareTable).validate_python(raw)
    except ValidationError as error:
        item = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in item["loc"])
        raise FareDataError(f"{path.name}, field {where}: {item['msg']}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FareDataError(f"{path.name}: {error}") from error


def _begins(edition: Edition) -> date:
    return edition.valid_from or date.min


def _check_levels(edition: Edition) -> None:
    """Which single ticket is the cheapest is only known where every level has its price."""
    levels = dict.fromkeys(f"single:{area.level}" for area in edition.zone_levels)
    for rider in dict.fromkeys(p.rider for p in edition.prices if p.product in levels):
        for level in levels:
            known = edition.find_price(level, rider) is not None
            _need(
                known, f"edition {edition.id}: no price for {level}:{rider}, but for other levels"
            )


def _need(holds: bool, problem: str) -> None:  # noqa: FBT001  an assertion reads best so
    if not holds:
        raise ValueError(problem)


def _distinct(what: str, names: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    for name in names:
        _need(name not in seen, f"{what} {name} stands there twice")
        seen.add(name)
    return seen
