"""A way to travel, leg by leg: what a search finds, before it is an offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gtfs.geo import LatLon
from mobility.planning.accessibility import UNKNOWN, Accessibility, Accessible
from payments.money import Money
from providers.values import Mode, ProviderId, Quote, Station, Terms, Vehicle, VehicleType

TRANSIT = frozenset({Mode.BUS, Mode.FERRY})
RENTAL = frozenset({Mode.BIKE, Mode.SCOOTER, Mode.CAR})


_WALK = Mode.WALK


class Reason(StrEnum):
    """Why a journey stands in the answer."""

    FASTEST = "fastest"
    CHEAPEST = "cheapest"
    GREENEST = "greenest"
    FEWEST_CHANGES = "fewest changes"
    LAST_WAY_HOME = "last way home"


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a leg; ``stop_id`` where it is a stop of the timetable."""

    name: str
    position: LatLon
    stop_id: str | None = None


class Ride(NamedTuple):
    """A ride on a scheduled line."""

    trip_id: str
    line: str
    headsign: str
    color: str
    agency_id: str
    route_id: str
    note: str
    """trip_short_name (``mobility.cities.trip_notes``)."""
    board_index: int
    alight_index: int
    """Positions of the two stops in the trip's calls."""
    from_zone: str | None = None
    to_zone: str | None = None

    @property
    def hops(self) -> int:
        """Stops ridden, the one of getting off included."""
        return self.alight_index - self.board_index


@dataclass(frozen=True, slots=True)
class Rental:
    """A ride on a rented vehicle."""

    vehicle: Vehicle
    type: VehicleType
    pickup: Station | None
    dropoff: Station | None


class Leg(NamedTuple):
    """One leg. ``metres`` is what is travelled; estimated legs are no timetable's word."""

    mode: Mode
    origin: Place
    destination: Place
    departs_at: datetime
    arrives_at: datetime
    metres: int
    estimated: bool
    accessibility: Accessibility = UNKNOWN
    realtime: bool = False
    """Whether the times are live."""
    ride: Ride | None = None
    stay_seated: bool = False
    """Whether it goes on in the vehicle of the leg before, which one does not leave."""
    rental: Rental | None = None
    geometry: Sequence[LatLon] = ()
    crossings: tuple[str, ...] = ()
    provider_id: ProviderId | None = None
    quote: Quote | None = None
    terms: Terms | None = None
    product: str | None = None
    """The fare product of a bus or ferry leg (``providers.bus.fares``)."""
    unsold: str = ""
    """Why nobody here sells this leg; empty when somebody does."""
    co2_grams: int = 0

    @property
    def accessible(self) -> Accessible:
        """Whether a wheelchair can take the leg."""
        return self.accessibility.whole

    @property
    def seconds(self) -> int:
        """How long the leg takes."""
        return int((self.arrives_at - self.departs_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Legs that follow each other from door to door; at least one."""

    legs: tuple[Leg, ...]
    reasons: tuple[Reason, ...] = ()
    after_ceiling: Money | None = None
    """What it adds to the rider's day, where the city's ceiling makes that less than its price."""

    @property
    def departs_at(self) -> datetime:
        """When to leave."""
        return self.legs[0].departs_at

    @property
    def arrives_at(self) -> datetime:
        """When one is there."""
        return self.legs[-1].arrives_at

    @property
    def seconds(self) -> int:
        """From door to door."""
        return int((self.arrives_at - self.departs_at).total_seconds())

    @property
    def transfers(self) -> int:
        """Changes from one vehicle to another; a walk is no vehicle."""
        rides = sum(leg.mode is not _WALK and not leg.stay_seated for leg in self.legs)
        return max(0, rides - 1)

    @property
    def walk_seconds(self) -> int:
        """Time on foot."""
        return sum(leg.seconds for leg in self.legs if leg.mode is _WALK)

    @property
    def price(self) -> Money:
        """What it is expected to cost; legs that are not priced yet count nothing."""
        return Money.total([leg.quote.price for leg in self.legs if leg.quote])

    @property
    def co2_grams(self) -> int:
        """Grams CO2 equivalent of all legs, each rounded."""
        return sum(leg.co2_grams for leg in self.legs)

    @property
    def kind(self) -> tuple[Mode, ...]:
        """The modes in order, walks and repetitions left out; ``(walk,)`` for a walk."""
        modes: list[Mode] = []
        for leg in self.legs:
            mode = Mode.BUS if leg.mode in TRANSIT else leg.mode
            if mode is not _WALK and mode not in modes[-1:]:
                modes.append(mode)
        return tuple(modes) or (_WALK,)

    @property
    def has_transit(self) -> bool:
        """Whether a timetable decides when it goes."""
        return any(leg.mode in TRANSIT for leg in self.legs)

    @property
    def has_rental(self) -> bool:
        """Whether a vehicle is rented on it."""
        return any(leg.mode in RENTAL for leg in self.legs)

    @property
    def key(self) -> tuple[tuple[object, ...], ...]:
        """What makes it the same way as another: equal keys are the same journey."""
        return tuple(
            (
                leg.mode,
                leg.ride.trip_id if leg.ride else None,
                leg.rental.type.id if leg.rental else None,
                leg.origin.stop_id if leg.ride else None,
                leg.destination.stop_id if leg.ride else None,
                leg.departs_at if leg.mode is not _WALK else None,
            )
            for leg in self.legs
            if leg.mode is not _WALK or len(self.legs) == 1
        )
