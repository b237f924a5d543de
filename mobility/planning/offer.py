"""An offer: one journey, priced leg by leg, frozen until it expires.

OSDM's word: ``offer → booking → fulfilment``. An offer is not personal: any rider may book it,
unless it is made in place of what she has booked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gtfs.geo import LatLon
from payments.money import Money
from providers.bus.fares import FareRide
from providers.values import Mode, ProviderId, Quote, StationId, Terms, VehicleId, VehicleRef


@dataclass(frozen=True, slots=True)
class TripCalls:
    """Which trip of the timetable a leg rides, and between which of its calls."""

    trip_id: str
    board_index: int
    alight_index: int


@dataclass(frozen=True, slots=True)
class OfferLeg:
    """One leg of an offer. A walk has neither provider nor quote."""

    mode: Mode
    origin: LatLon
    destination: LatLon
    origin_name: str
    destination_name: str
    departs_at: datetime
    arrives_at: datetime
    distance_m: int
    co2_grams: int
    provider_id: ProviderId | None = None
    quote: Quote | None = None
    terms: Terms | None = None
    vehicle_ref: VehicleRef | None = None
    vehicle_id: VehicleId | None = None
    vehicle_type_id: str | None = None
    station_id: StationId | None = None
    line: str | None = None
    headsign: str | None = None
    product: str | None = None
    """The fare product of a bus or ferry leg (``providers.bus.fares``)."""
    fare_ride: FareRide | None = None
    """What the fare of a bus or ferry leg depends on, to price it anew for other passes."""
    trip: TripCalls | None = None
    """The ride of a bus or ferry leg, to see later how late it came."""


@dataclass(frozen=True, slots=True)
class InPlaceOf:
    """A booking from one of its legs on."""

    booking_id: str
    leg_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A frozen, priced journey."""

    id: str
    expires_at: datetime
    passengers: int
    passes: tuple[str, ...]
    """The kinds of pass that the prices assume."""
    legs: tuple[OfferLeg, ...]
    in_place_of: InPlaceOf | None = None
    """What it alone may take the place of; None for an offer that anyone may book."""

    @property
    def price(self) -> Money:
        """What the trip is expected to cost."""
        return Money.total(leg.quote.price for leg in self.legs if leg.quote)

    @property
    def ceiling(self) -> Money:
        """What the trip costs at most; equal to ``price`` when every leg is fixed."""
        return Money.total(leg.quote.ceiling or leg.quote.price for leg in self.legs if leg.quote)

    @property
    def fixed(self) -> bool:
        """Whether the price is final."""
        return all(leg.quote is None or leg.quote.ceiling is None for leg in self.legs)
