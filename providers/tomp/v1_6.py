"""TOMP-API 1.6 on the wire: what we read of an operator's answers, parsed once.

Only the fields we use are named; the rest is ignored. Amounts must be JSON numbers, instants must
carry an offset, and every identifier is bounded, so that a hostile answer ends here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

API_VERSION = "1.6.1"


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("an instant is text in RFC 3339")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _number_only(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("an amount is a JSON number")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of the range of dates") from error


Instant = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_to_utc)]
Number = Annotated[Decimal, BeforeValidator(_number_only), Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=200, strict=True)]
Id = Annotated[str, Field(min_length=1, max_length=200, strict=True)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]


class _Wire(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class BookingState(StrEnum):
    """bookingState."""

    NEW = "NEW"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    CONDITIONAL_CONFIRMED = "CONDITIONAL_CONFIRMED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    STARTED = "STARTED"
    FINISHED = "FINISHED"


class LegState(StrEnum):
    """legState."""

    NOT_STARTED = "NOT_STARTED"
    PREPARING = "PREPARING"
    IN_USE = "IN_USE"
    PAUSED = "PAUSED"
    FINISHING = "FINISHING"
    FINISHED = "FINISHED"
    ISSUE_REPORTED = "ISSUE_REPORTED"
    CANCELLED = "CANCELLED"


class Coordinates(_Wire):
    """coordinates: WGS84."""

    lng: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]


class Place(_Wire):
    """place."""

    name: Text | None = None
    station_id: Id | None = None
    coordinates: Coordinates


class FarePart(_Wire):
    """farePart: an amount in major units, tax included."""

    amount: Annotated[Number, Field(ge=-100_000, le=100_000)]
    currency_code: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    type: Literal["FIXED", "FLEX", "MAX"] = "FIXED"


class Fare(_Wire):
    """fare: the sum of its parts, those of type MAX left out."""

    estimated: Annotated[bool, Field(strict=True)]
    parts: Annotated[tuple[FarePart, ...], Field(max_length=100)]


class AssetMeta(_Wire):
    """By agreement in ``meta``: the operator's own name of an asset, and its range in metres.

    TOMP's own ``maxRange`` is "in meters" and at most 100, which serves nobody.
    """

    vehicle_ref: Id | None = None
    range_m: Count | None = None


class AssetProperties(_Wire):
    """assetProperties."""

    name: Text | None = None
    location: Place | None = None
    meta: AssetMeta | None = None


class Asset(_Wire):
    """asset: one vehicle; ``id`` rotates after every trip."""

    id: Id
    is_reserved: bool = False
    is_disabled: bool = False
    station_id: Id | None = None
    overridden_properties: AssetProperties | None = None


class AssetType(_Wire):
    """assetType."""

    id: Id
    station_id: Id | None = None
    nr_available: Count | None = None
    assets: Annotated[tuple[Asset, ...], Field(max_length=100_000)] = ()


Payload = Annotated[str, Field(min_length=1, max_length=8000, strict=True)]
"""What a rider shows or opens; no code that can be printed holds more. Taken as it comes."""


class TokenData(_Wire):
    """tokenDefault with an access code in it by agreement, tokenQR or tokenDeeplink.

    ``access_method`` (``assetAccessMethods``) and ``encoding`` say by agreement what the access
    code is.
    """

    access_code: Payload | None = None
    access_method: Text | None = None
    encoding: Text | None = None
    base64: Payload | None = None
    url: Payload | None = None


class Token(_Wire):
    """token."""

    token_type: Text
    token_data: TokenData | None = None


class Leg(_Wire):
    """leg: the execution of a booking with one asset."""

    id: Id | None = None
    state: LegState | None = None
    actual_departure_time: Instant | None = None
    actual_arrival_time: Instant | None = None
    distance: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] | None = None
    to: Place | None = None
    asset: Asset | None = None
    asset_type: AssetType | None = None
    pricing: Fare | None = None
    asset_access_data: Token | None = None


class Booking(_Wire):
    """booking."""

    id: Id
    state: BookingState
    legs: Annotated[tuple[Leg, ...], Field(max_length=20)] = ()


class Option(_Wire):
    """A booking that is offered and has no state yet."""

    id: Id


class Planning(_Wire):
    """planning: the offers for a request."""

    valid_until: Instant
    options: Annotated[tuple[Option, ...], Field(max_length=1000)]


class Station(_Wire):
    """stationInformation."""

    station_id: Id
    name: Text
    coordinates: Coordinates
    capacity: Count | None = None
    is_installed: bool = True
    is_renting: bool = True
    is_returning: bool = True
    assets_available: Count = 0
    docks_available: Count | None = None
