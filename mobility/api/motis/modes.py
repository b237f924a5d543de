"""Modes by their names in the MOTIS API, and what they are here."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from gtfs.timetable import Route
from providers.values import Mode, ReturnRule, VehicleType


class MotisMode(StrEnum):
    """Every mode that a client may name, the deprecated ones included."""

    WALK = "WALK"
    BIKE = "BIKE"
    RENTAL = "RENTAL"
    CAR = "CAR"
    HGV = "HGV"
    CAR_PARKING = "CAR_PARKING"
    CAR_DROPOFF = "CAR_DROPOFF"
    ODM = "ODM"
    RIDE_SHARING = "RIDE_SHARING"
    FLEX = "FLEX"
    DEBUG_BUS_ROUTE = "DEBUG_BUS_ROUTE"
    DEBUG_RAILWAY_ROUTE = "DEBUG_RAILWAY_ROUTE"
    DEBUG_FERRY_ROUTE = "DEBUG_FERRY_ROUTE"
    TRANSIT = "TRANSIT"
    TRAM = "TRAM"
    SUBWAY = "SUBWAY"
    FERRY = "FERRY"
    AIRPLANE = "AIRPLANE"
    BUS = "BUS"
    COACH = "COACH"
    RAIL = "RAIL"
    HIGHSPEED_RAIL = "HIGHSPEED_RAIL"
    LONG_DISTANCE = "LONG_DISTANCE"
    NIGHT_RAIL = "NIGHT_RAIL"
    REGIONAL_FAST_RAIL = "REGIONAL_FAST_RAIL"
    REGIONAL_RAIL = "REGIONAL_RAIL"
    SUBURBAN = "SUBURBAN"
    FUNICULAR = "FUNICULAR"
    AERIAL_LIFT = "AERIAL_LIFT"
    OTHER = "OTHER"
    AREAL_LIFT = "AREAL_LIFT"
    METRO = "METRO"
    CABLE_CAR = "CABLE_CAR"


_M = MotisMode
_RAIL = frozenset(
    {
        *(_M.HIGHSPEED_RAIL, _M.LONG_DISTANCE, _M.NIGHT_RAIL, _M.REGIONAL_RAIL),
        *(_M.SUBURBAN, _M.SUBWAY),
    }
)
_TRANSIT = _RAIL | {
    *(_M.TRAM, _M.FERRY, _M.AIRPLANE, _M.BUS, _M.COACH),
    *(_M.FUNICULAR, _M.AERIAL_LIFT, _M.OTHER),
}
_MEANS: dict[MotisMode, frozenset[MotisMode]] = {
    _M.TRANSIT: _TRANSIT,
    _M.RAIL: _RAIL,
    _M.METRO: frozenset({_M.SUBURBAN}),
    _M.AREAL_LIFT: frozenset({_M.AERIAL_LIFT}),
    _M.CABLE_CAR: frozenset({_M.TRAM}),
    _M.REGIONAL_FAST_RAIL: frozenset({_M.REGIONAL_RAIL}),
}


def transit_modes(asked: Iterable[MotisMode]) -> frozenset[MotisMode]:
    """The modes of lines that these stand for, group names and old names resolved."""
    found: frozenset[MotisMode] = frozenset()
    for mode in asked:
        found |= _MEANS.get(mode, frozenset({mode}) & _TRANSIT)
    return found


_BASIC = {
    0: _M.TRAM,
    1: _M.SUBWAY,
    2: _M.REGIONAL_RAIL,
    3: _M.BUS,
    4: _M.FERRY,
    5: _M.TRAM,
    6: _M.AERIAL_LIFT,
    7: _M.FUNICULAR,
    11: _M.BUS,
    12: _M.TRAM,
}
_EXTENDED_EXACT = {
    101: _M.HIGHSPEED_RAIL,
    102: _M.LONG_DISTANCE,
    103: _M.LONG_DISTANCE,
    105: _M.NIGHT_RAIL,
    109: _M.SUBURBAN,
}
_EXTENDED = {
    1: _M.REGIONAL_RAIL,
    2: _M.COACH,
    3: _M.SUBURBAN,
    4: _M.SUBWAY,
    5: _M.SUBWAY,
    6: _M.SUBWAY,
    7: _M.BUS,
    8: _M.BUS,
    9: _M.TRAM,
    10: _M.FERRY,
    11: _M.AIRPLANE,
    12: _M.FERRY,
    13: _M.AERIAL_LIFT,
    14: _M.FUNICULAR,
}


def mode_of_route(route: Route) -> MotisMode:
    """The mode of a line, from routes.txt route_type, basic or extended."""
    kind = route.type
    if kind < 100:
        return _BASIC.get(kind, _M.OTHER)
    return _EXTENDED_EXACT.get(kind) or _EXTENDED.get(kind // 100, _M.OTHER)


class FormFactor(StrEnum):
    """Kinds of rented vehicle (GBFS form_factor)."""

    BICYCLE = "BICYCLE"
    CARGO_BICYCLE = "CARGO_BICYCLE"
    CAR = "CAR"
    MOPED = "MOPED"
    SCOOTER_STANDING = "SCOOTER_STANDING"
    SCOOTER_SEATED = "SCOOTER_SEATED"
    OTHER = "OTHER"


class Propulsion(StrEnum):
    """What drives a rented vehicle (GBFS propulsion_type)."""

    HUMAN = "HUMAN"
    ELECTRIC_ASSIST = "ELECTRIC_ASSIST"
    ELECTRIC = "ELECTRIC"
    COMBUSTION = "COMBUSTION"
    COMBUSTION_DIESEL = "COMBUSTION_DIESEL"
    HYBRID = "HYBRID"
    PLUG_IN_HYBRID = "PLUG_IN_HYBRID"
    HYDROGEN_FUEL_CELL = "HYDROGEN_FUEL_CELL"


FORM_FACTORS = {
    Mode.BIKE: FormFactor.BICYCLE,
    Mode.SCOOTER: FormFactor.SCOOTER_STANDING,
    Mode.CAR: FormFactor.CAR,
}
RETURN_CONSTRAINTS = {
    ReturnRule.FREE_FLOATING: "NONE",
    ReturnRule.HYBRID: "NONE",
    ReturnRule.ANY_STATION: "ANY_STATION",
    ReturnRule.ROUNDTRIP_STATION: "ROUNDTRIP_STATION",
}


def propulsion_of(kind: VehicleType) -> Propulsion:
    """What drives a kind of vehicle, as far as it is known here."""
    if kind.mode is Mode.BIKE:
        return Propulsion.ELECTRIC_ASSIST if kind.electric else Propulsion.HUMAN
    if kind.mode is Mode.SCOOTER or kind.electric:
        return Propulsion.ELECTRIC
    return Propulsion.COMBUSTION
