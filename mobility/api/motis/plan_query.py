"""What is asked of ``plan``: every parameter of the document, and which of them count here."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mobility.api.motis.modes import FormFactor, MotisMode, Propulsion
from mobility.api.motis.parameters import Count, Instant, Listed, Parameters, Text
from mobility.planning.itinerary import Rental
from providers.values import Mode, ProviderId

Positive = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Minutes = Annotated[int, Field(ge=0, le=10_000)]


class PedestrianProfile(StrEnum):
    """On foot, or in a wheelchair."""

    FOOT = "FOOT"
    WHEELCHAIR = "WHEELCHAIR"


class PlanQuery(Parameters):
    """The parameters that decide what is found and shown."""

    from_place: Text
    to_place: Text
    via: Annotated[Listed[str], Field(max_length=2)] = ()
    via_minimum_stay: Annotated[Listed[Minutes], Field(max_length=2)] = ()
    time: Instant | None = None
    arrive_by: bool = False
    max_transfers: Count | None = None
    max_travel_time: Minutes | None = None
    min_transfer_time: Minutes = 0
    additional_transfer_time: Minutes = 0
    transfer_time_factor: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 1.0
    pedestrian_profile: PedestrianProfile = PedestrianProfile.FOOT
    detailed_transfers: bool | None = None
    detailed_legs: bool = True
    transit_modes: Listed[MotisMode] = (MotisMode.TRANSIT,)
    direct_modes: Listed[MotisMode] = (MotisMode.WALK,)
    pre_transit_modes: Listed[MotisMode] = (MotisMode.WALK,)
    post_transit_modes: Listed[MotisMode] = (MotisMode.WALK,)
    direct_rental_form_factors: Listed[FormFactor] = ()
    pre_transit_rental_form_factors: Listed[FormFactor] = ()
    post_transit_rental_form_factors: Listed[FormFactor] = ()
    direct_rental_propulsion_types: Listed[Propulsion] = ()
    pre_transit_rental_propulsion_types: Listed[Propulsion] = ()
    post_transit_rental_propulsion_types: Listed[Propulsion] = ()
    direct_rental_providers: Listed[str] = ()
    pre_transit_rental_providers: Listed[str] = ()
    post_transit_rental_providers: Listed[str] = ()
    direct_rental_provider_groups: Listed[str] = ()
    pre_transit_rental_provider_groups: Listed[str] = ()
    post_transit_rental_provider_groups: Listed[str] = ()
    num_itineraries: Count = 5
    max_itineraries: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    page_cursor: Annotated[str, Field(max_length=40)] | None = None
    timetable_view: bool = True
    search_window: Count = 900
    require_bike_transport: bool = False
    require_car_transport: bool = False
    no_compulsory_reservation: bool = False
    max_pre_transit_time: Count = 900
    max_post_transit_time: Count = 900
    max_direct_time: Count = 1800
    fastest_direct_factor: Factor = 10.0
    passengers: Annotated[int, Field(ge=1, le=9)] = 1
    with_fares: bool = False
    num_leg_alternatives: Annotated[int, Field(ge=0, le=20)] = 0
    with_scheduled_skipped_stops: bool = False

    # Read, so that nonsense is refused, and then left aside: NOT_HONOURED says so.
    radius: Factor | None = None
    max_matching_distance: Factor = 250.0
    pedestrian_speed: Positive | None = None
    cycling_speed: Positive | None = None
    vehicle_height: Positive | None = None
    vehicle_width: Positive | None = None
    vehicle_length: Positive | None = None
    vehicle_weight: Positive | None = None
    vehicle_hazmat: bool = False
    vehicle_hazmat_water: bool = False
    vehicle_axle_count: Count | None = None
    vehicle_axle_load: Positive | None = None
    vehicle_trailer: bool = False
    vehicle_top_speed: Positive | None = None
    vehicle_lez_access: bool = False
    elevation_costs: Literal["NONE", "LOW", "HIGH"] = "NONE"
    use_routed_transfers: bool = False
    join_interlined_legs: bool = True
    ignore_direct_rental_return_constraints: bool = False
    ignore_pre_transit_rental_return_constraints: bool = False
    ignore_post_transit_rental_return_constraints: bool = False
    timeout: Count | None = None
    luggage: Annotated[int, Field(ge=1, le=1000)] | None = None
    slow_direct: bool = False
    fastest_slow_direct_factor: Factor = 3.0
    realtime_mode: Literal["OFF", "REALTIME_ANNOTATION_ONLY", "REALTIME"] = "REALTIME"
    language: Listed[str] = ()
    algorithm: Literal["RAPTOR", "PONG", "TB"] = "PONG"

    @property
    def draws_transfers(self) -> bool:
        """Whether walks between two rides are drawn."""
        return self.detailed_legs if self.detailed_transfers is None else self.detailed_transfers


NOT_HONOURED = frozenset(
    {
        *("radius", "maxMatchingDistance", "pedestrianSpeed", "cyclingSpeed", "elevationCosts"),
        *("vehicleHeight", "vehicleWidth", "vehicleLength", "vehicleWeight", "vehicleHazmat"),
        *("vehicleHazmatWater", "vehicleAxleCount", "vehicleAxleLoad", "vehicleTrailer"),
        *("vehicleTopSpeed", "vehicleLezAccess", "useRoutedTransfers", "joinInterlinedLegs"),
        "ignoreDirectRentalReturnConstraints",
        "ignorePreTransitRentalReturnConstraints",
        "ignorePostTransitRentalReturnConstraints",
        *("timeout", "luggage", "slowDirect", "fastestSlowDirectFactor", "realtimeMode"),
        *("language", "algorithm"),
    }
)
"""Parameters of the document that change nothing here; an answer names those it was sent."""
STREET_MODES_HERE = frozenset({MotisMode.WALK, MotisMode.BIKE, MotisMode.CAR, MotisMode.RENTAL})
"""Direct modes that lead to an answer."""
WALK_OR_RENT = frozenset({MotisMode.WALK, MotisMode.RENTAL})
"""Modes to the first ride and from the last that lead to an answer."""


class Stage(StrEnum):
    """Where in a journey a rented vehicle is used; the prefix of its parameters."""

    DIRECT = "direct"
    PRE = "pre_transit"
    POST = "post_transit"


def rents(query: PlanQuery, stage: Stage) -> bool:
    """Whether a vehicle may be rented there at all."""
    return MotisMode.RENTAL in getattr(query, f"{stage}_modes")


def rental_modes(query: PlanQuery, form_factors: dict[Mode, FormFactor]) -> frozenset[Mode]:
    """The kinds of vehicle that may be rented anywhere in the journey."""
    found: set[Mode] = set()
    for stage in Stage:
        wanted = getattr(query, f"{stage}_rental_form_factors")
        if rents(query, stage):
            found |= {m for m, factor in form_factors.items() if not wanted or factor in wanted}
    return frozenset(found)


def allows(
    query: PlanQuery,
    stage: Stage,
    rental: Rental,
    provider_id: ProviderId | None,
    kind: tuple[FormFactor, Propulsion],
) -> bool:
    """Whether this rented vehicle may be used there, by every filter of that stage."""

    def among(name: str, value: object) -> bool:
        wanted = getattr(query, f"{stage}_rental_{name}")
        return not wanted or value in wanted

    return (
        rents(query, stage)
        and among("form_factors", kind[0])
        and among("propulsion_types", kind[1])
        and among("providers", provider_id or rental.vehicle.provider_id)
        and among("provider_groups", provider_id or rental.vehicle.provider_id)
    )


def not_honoured(sent: Iterable[str]) -> tuple[str, ...]:
    """Those of the parameters sent that change nothing."""
    return tuple(name for name in dict.fromkeys(sent) if name in NOT_HONOURED)
