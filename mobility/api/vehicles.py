"""What can be rented in a part of the map."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from mobility.api.attribution import ATTRIBUTIONS_EXAMPLE, AttributionOut, attributions_of
from mobility.api.dependencies import Now, WiringDep
from mobility.api.openapi import problems
from mobility.wiring import Wiring
from providers.values import Mode, Station, Vehicle

router = APIRouter(prefix="/v1/vehicles", tags=["vehicles"])

AT_MOST = 2000
Box = tuple[float, float, float, float]


class VehicleView(BaseModel):
    """A vehicle that can be rented now."""

    id: str = Field(description="It changes with every trip.", examples=["demo-rad:5f0c1e"])
    provider_id: str = Field(examples=["demo-rad"])
    mode: Mode = Field(examples=["bike"])
    type: str = Field(examples=["Stadtrad"])
    electric: bool = Field(examples=[False])
    lat: float = Field(examples=[53.866316])
    lon: float = Field(examples=[10.67153])
    station_id: str | None = Field(examples=["rad-01"])
    range_m: int | None = Field(examples=[None])
    tariff: str = Field(examples=["Rad: 1 € je angefangene 30 Minuten, höchstens 9 € am Tag"])
    age_seconds: int = Field(description="How old this is.", examples=[12])


class StationView(BaseModel):
    """A place to take and return vehicles."""

    id: str = Field(examples=["rad-01"])
    provider_id: str = Field(examples=["demo-rad"])
    name: str = Field(examples=["Lübeck ZOB/Hauptbahnhof"])
    lat: float = Field(examples=[53.866316])
    lon: float = Field(examples=[10.67153])
    vehicles_available: int = Field(examples=[14])
    docks_available: int | None = Field(examples=[10])
    renting: bool = Field(examples=[True])
    returning: bool = Field(examples=[True])


class VehicleMap(BaseModel):
    """All that can be rented in a box; `complete` is false where there is more than shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "vehicles": [
                    {
                        "id": "demo-rad:5f0c1e",
                        "provider_id": "demo-rad",
                        "mode": "bike",
                        "type": "Stadtrad",
                        "electric": False,
                        "lat": 53.866316,
                        "lon": 10.67153,
                        "station_id": "rad-01",
                        "range_m": 42000,
                        "tariff": "Rad: 1 € je angefangene 30 Minuten, höchstens 9 € am Tag",
                        "age_seconds": 12,
                    }
                ],
                "stations": [
                    {
                        "id": "rad-01",
                        "provider_id": "demo-rad",
                        "name": "Lübeck ZOB/Hauptbahnhof",
                        "lat": 53.866316,
                        "lon": 10.67153,
                        "vehicles_available": 14,
                        "docks_available": 10,
                        "renting": True,
                        "returning": True,
                    }
                ],
                "complete": True,
                "as_of": "2026-11-26T08:00:00+01:00",
                "attributions": ATTRIBUTIONS_EXAMPLE,
            }
        }
    )
    vehicles: list[VehicleView]
    stations: list[StationView]
    complete: bool = Field(examples=[True])
    as_of: datetime = Field(examples=["2026-11-26T08:00:00+01:00"])
    attributions: list[AttributionOut] = Field(
        description="To be named wherever this is shown.", examples=[ATTRIBUTIONS_EXAMPLE]
    )


@router.get("", responses=problems(422, 429), summary="List vehicles in a box")
async def list_vehicles(
    wiring: WiringDep,
    now: Now,
    bbox: Annotated[
        str,
        Query(
            max_length=120,
            description="west,south,east,north in degrees",
            examples=["10.66,53.86,10.70,53.88"],
        ),
    ],
    modes: Annotated[list[Mode] | None, Query(max_length=6)] = None,
) -> VehicleMap:
    """Vehicles and stations of providers whose data is fresh."""
    box = read_box(bbox)
    wanted = frozenset(modes or Mode)
    vehicles = wiring.mirror.vehicles_in(box, wanted, now)
    stations = _stations_in(wiring, box, now)
    return VehicleMap(
        vehicles=[_vehicle(vehicle, wiring, now) for vehicle in vehicles[:AT_MOST]],
        stations=[_station(station) for station in stations[:AT_MOST]],
        complete=len(vehicles) <= AT_MOST and len(stations) <= AT_MOST,
        as_of=now.astimezone(wiring.city.timezone),
        attributions=attributions_of(wiring.city),
    )


def read_box(text: str) -> Box:
    """West, south, east, north of a ``bbox``.

    Raises:
        RequestValidationError: not four numbers in order and on the globe.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise _bad_box("write west,south,east,north in degrees") from None
    if not all(map(isfinite, (west, south, east, north))):
        raise _bad_box("only finite numbers")
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _bad_box("west must not lie east of east, nor south north of north")
    return west, south, east, north


def _bad_box(problem: str) -> RequestValidationError:
    return RequestValidationError(
        [{"loc": ("query", "bbox"), "msg": problem, "type": "bbox", "input": None}]
    )


def _stations_in(wiring: Wiring, box: Box, now: datetime) -> list[Station]:
    west, south, east, north = box
    return [
        station
        for provider_id, stanza in wiring.stanzas.items()
        if stanza.vehicle_type and wiring.mirror.fresh(provider_id, now)
        for station in wiring.mirror.list_stations(provider_id)
        if west <= station.position.lon <= east and south <= station.position.lat <= north
    ]


def _vehicle(vehicle: Vehicle, wiring: Wiring, now: datetime) -> VehicleView:
    stanza = wiring.stanzas[vehicle.provider_id]
    kind = next(kind for kind in stanza.vehicle_type if kind.id == vehicle.type_id)
    return VehicleView(
        id=vehicle.id,
        provider_id=vehicle.provider_id,
        mode=kind.mode,
        type=kind.name,
        electric=kind.electric,
        lat=round(vehicle.position.lat, 6),
        lon=round(vehicle.position.lon, 6),
        station_id=vehicle.station_id,
        range_m=vehicle.range_m,
        tariff=stanza.get_plan(kind.id).name,
        age_seconds=max(0, int((now - vehicle.as_of).total_seconds())),
    )


def _station(station: Station) -> StationView:
    return StationView(
        id=station.id,
        provider_id=station.provider_id,
        name=station.name,
        lat=round(station.position.lat, 6),
        lon=round(station.position.lon, 6),
        vehicles_available=station.vehicles_available,
        docks_available=station.docks_available,
        renting=station.renting,
        returning=station.returning,
    )
