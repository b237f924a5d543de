"""Fares as a feed names them: version 1 (fare_attributes, fare_rules) and 2 (products and rules).

Amounts are integers in the smallest unit of their currency (ISO 4217); '' stands where a column is
empty. Nothing here prices a journey for a rider: that is the tariff's business. Reference:
gtfs.org, Schedule Reference, "Fares V2"; the look-up follows fare_leg_rules.txt.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

MINOR_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
"""Digits after the point of the currencies that have not two (ISO 4217)."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So many of the smallest unit of a currency."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class FareAttribute:
    """A fare of version 1. `transfers` None: as many as one likes."""

    id: str
    price: Amount
    on_board: bool
    transfers: int | None
    agency_id: str = ""
    transfer_s: int | None = None


@dataclass(frozen=True, slots=True)
class FareRule:
    """Where a fare of version 1 holds: on a line, from a zone, to a zone, through zones."""

    fare_id: str
    route_id: str = ""
    origin_zone: str = ""
    destination_zone: str = ""
    contains_zone: str = ""


@dataclass(frozen=True, slots=True)
class RiderCategory:
    """Who a product is for."""

    id: str
    name: str
    is_default: bool = False
    eligibility_url: str = ""


@dataclass(frozen=True, slots=True)
class FareMedium:
    """What a product is bought on; `type` as in fare_media.txt (0 none, 1 paper, 2 card, 4 app)."""

    id: str
    name: str
    type: int


@dataclass(frozen=True, slots=True)
class FareProduct:
    """Something to buy."""

    id: str
    name: str
    price: Amount
    rider_category_id: str = ""
    medium_id: str = ""


@dataclass(frozen=True, slots=True)
class Timeframe:
    """Hours of a service's days, in seconds of local time [start, end)."""

    group_id: str
    start_s: int
    end_s: int
    service_id: str


@dataclass(frozen=True, slots=True)
class FareLegRule:
    """Which product a leg costs."""

    group_id: str
    network_id: str
    from_area_id: str
    to_area_id: str
    from_timeframe_id: str
    to_timeframe_id: str
    product_id: str
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class FareTransferRule:
    """What changing between two legs costs; `kind` as fare_transfer_type."""

    from_group_id: str
    to_group_id: str
    count: int | None
    duration_s: int | None
    duration_kind: int | None
    kind: int
    product_id: str = ""


@dataclass(frozen=True, slots=True)
class Fares:
    """The fares of a feed; `stop_areas` and `route_networks` are pairs of ids."""

    attributes: tuple[FareAttribute, ...] = ()
    rules: tuple[FareRule, ...] = ()
    rider_categories: tuple[RiderCategory, ...] = ()
    media: tuple[FareMedium, ...] = ()
    products: tuple[FareProduct, ...] = ()
    timeframes: tuple[Timeframe, ...] = ()
    leg_rules: tuple[FareLegRule, ...] = ()
    transfer_rules: tuple[FareTransferRule, ...] = ()
    areas: tuple[tuple[str, str], ...] = ()
    stop_areas: tuple[tuple[str, str], ...] = ()
    route_networks: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, column.name) for column in fields(self))


def as_plain(value: Any) -> Any:
    """Fares as lists and plain values, for JSON; `fares_of` reads them back."""
    if is_dataclass(value) and not isinstance(value, type):
        return [as_plain(getattr(value, column.name)) for column in fields(value)]
    if isinstance(value, tuple):
        return [as_plain(item) for item in value]
    return value


def fares_of(plain: Any) -> Fares:
    """The inverse of `as_plain`. Raises TypeError or ValueError where the shape is another."""
    kinds: dict[str, type[Any]] = {
        "attributes": FareAttribute,
        "rules": FareRule,
        "rider_categories": RiderCategory,
        "media": FareMedium,
        "products": FareProduct,
        "timeframes": Timeframe,
        "leg_rules": FareLegRule,
        "transfer_rules": FareTransferRule,
    }
    columns: dict[str, Any] = {}
    for column, rows in zip(fields(Fares), plain, strict=True):
        kind = kinds.get(column.name)
        columns[column.name] = tuple(
            tuple(row) if kind is None else kind(*map(_amounts, row)) for row in rows
        )
    return Fares(**columns)


def _amounts(cell: Any) -> Any:
    return Amount(*cell) if isinstance(cell, list) else cell
