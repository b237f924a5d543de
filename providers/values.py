"""What providers offer and do, in our words; adapters translate their wire formats into these.

Words follow TOMP-API and GBFS: a *vehicle* (TOMP: asset) stands at a *station* or free; a
*reservation* is what the provider keeps for one *leg* under our key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from gtfs.geo import LatLon
from payments.money import Money

ProviderId = NewType("ProviderId", str)
VehicleRef = NewType("VehicleRef", str)
"""The provider's private, stable name of a vehicle. Riders never see it."""
VehicleId = NewType("VehicleId", str)
"""The public name of a vehicle, ``provider:id``; it rotates after every trip (GBFS 3.0)."""
StationId = NewType("StationId", str)
ReservationRef = NewType("ReservationRef", str)
"""The provider's own name of a reservation."""


class Mode(StrEnum):
    """How a leg is travelled; the modes of the API."""

    WALK = "walk"
    BUS = "bus"
    FERRY = "ferry"
    BIKE = "bike"
    SCOOTER = "scooter"
    CAR = "car"


class ReturnRule(StrEnum):
    """Where a vehicle may be left (GBFS 3.0 vehicle_types.return_constraint)."""

    FREE_FLOATING = "free_floating"
    ANY_STATION = "any_station"
    ROUNDTRIP_STATION = "roundtrip_station"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class VehicleType:
    """A kind of vehicle of one provider (GBFS vehicle_types)."""

    id: str
    mode: Mode
    name: str
    electric: bool
    return_rule: ReturnRule
    pricing_plan_id: str
    max_range_m: int | None = None
    seats: int = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """A price per started ``interval`` from ``start`` on (GBFS per_min_pricing, per_km_pricing).

    ``start``, ``end`` and ``interval`` are minutes or kilometres; ``interval`` 0 charges once.
    """

    start: int
    rate: Decimal
    interval: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class PricingPlan:
    """A tariff of a rental provider (GBFS system_pricing_plans); amounts in major units."""

    id: str
    version: str
    name: str
    currency: str
    price: Decimal
    per_min: tuple[Segment, ...] = ()
    per_km: tuple[Segment, ...] = ()
    day_cap: Decimal | None = None
    day_zone: str | None = None
    """Where the day cap holds for all rides begun on one day together: the zone of its days."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rider must bring to use a provider's vehicles."""

    minimum_age: int = 0
    driving_licence: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle as it is known now. Rented vehicles are not listed (GBFS)."""

    provider_id: ProviderId
    ref: VehicleRef
    id: VehicleId
    type_id: str
    position: LatLon
    station_id: StationId | None
    reserved: bool
    disabled: bool
    range_m: int | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Station:
    """A place to take and return vehicles, with what stands there (GBFS station_*)."""

    provider_id: ProviderId
    id: StationId
    name: str
    position: LatLon
    capacity: int | None
    vehicles_available: int
    docks_available: int | None
    renting: bool
    returning: bool
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What a ride used; the inputs of its price. ``minutes`` counts every started one."""

    minutes: int
    metres: int


@dataclass(frozen=True, slots=True)
class LegOrder:
    """What we ask a provider to hold: one leg of a booking.

    ``key`` is ours, stored before the call and the same on every repetition: the idempotency key
    and the reference to read the provider's state by. ``rider`` is a pseudonym of that provider.
    """

    key: str
    rider: str
    provider_id: ProviderId
    mode: Mode
    departs_at: datetime
    arrives_at: datetime
    origin: LatLon
    destination: LatLon
    origin_name: str
    destination_name: str
    price: Money
    """The quoted price: what a fixed-price leg costs, the estimate of a metered one."""
    vehicle_ref: VehicleRef | None = None
    station_id: StationId | None = None
    line: str | None = None
    product: str | None = None
    """The fare product of a bus or ferry leg, such as ``single:2:adult``; None for rentals."""
    tariff_version: str = ""
    passengers: int = 1


class AccessFormat(StrEnum):
    """What an access code is, and so what is done with it (TOMP 1.6 ``assetAccessMethods``)."""

    TICKET = "TICKET"
    """What a ticket of ours says: to be signed for a device before it is shown."""
    QR = "QR"
    AZTEC = "AZTEC"
    BARCODE = "BARCODE"
    DEEPLINK = "DEEPLINK"
    """An address to open."""
    CODE = "CODE"
    """Characters to be read or typed."""


class ReservationState(StrEnum):
    """A leg on the provider's side (TOMP leg and booking states, reduced)."""

    HELD = "held"
    CONFIRMED = "confirmed"
    IN_USE = "in_use"
    ENDED = "ended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class RideReport:
    """How a ride went, by the provider's meters, with its final price."""

    started_at: datetime
    ended_at: datetime
    usage: Usage
    price: Money
    end_station_id: StationId | None = None
    expected: Money | None = None
    """What the published tariff makes of ``usage``; None where no plan was at hand to check by."""
    plan: PricingPlan | None = None
    """The plan that ``expected`` follows from."""
    lines: tuple[str, ...] = ()
    """How ``expected`` comes about, one calculation a line."""

    @property
    def shared_cap(self) -> PricingPlan | None:
        """The plan, where its day cap holds for a day's rides: others may lower the price."""
        return self.plan if self.plan is not None and self.plan.day_zone else None

    @property
    def disputed(self) -> bool:
        """Whether the provider asks for something else than its tariff says."""
        if self.expected is None or self.price == self.expected:
            return False
        return self.shared_cap is None or self.price > self.expected


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a provider keeps for one leg, as it last told us."""

    key: str
    ref: ReservationRef
    state: ReservationState
    expires_at: datetime | None = None
    access_code: str | None = None
    """What unlocks the vehicle or is shown at inspection, as the operator wrote it; a secret."""
    access_format: AccessFormat = AccessFormat.CODE
    access_base64: bool = False
    """Whether the code is base64 of the bytes that are meant."""
    report: RideReport | None = None
    next_vehicle_id: VehicleId | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a provider keeps under a key of ours, where it lists what it keeps."""

    key: str
    state: ReservationState
    price: Money | None = None
    """What the ride cost, once it has ended."""


@dataclass(frozen=True, slots=True)
class Availability:
    """A provider's vehicles and stations at one moment."""

    vehicles: tuple[Vehicle, ...]
    stations: tuple[Station, ...]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What to price: the expected use of one leg."""

    mode: Mode
    departs_at: datetime
    usage: Usage
    vehicle_type_id: str | None = None
    product: str | None = None
    passengers: int = 1
    paid: Money | None = None
    """What the rider has paid for the day's earlier rides where the plan caps them together."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A price for one leg. ``ceiling`` bounds a metered leg; None when the price is fixed."""

    price: Money
    ceiling: Money | None
    tariff_version: str
    lines: tuple[str, ...]
    """How the price comes about, one calculation a line, so that a rider can redo it by hand."""
    vat_percent: Decimal
