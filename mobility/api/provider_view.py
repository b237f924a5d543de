"""The bodies of ``mobility.api.provider``: pushes in, receipts and bookings out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mobility.api.booking_view import Amount

MAX_ITEMS = 20_000
MAX_ZONES = 1_000
Sequence = Annotated[
    int, Field(strict=True, ge=1, le=2**53 - 1, description="Counts the pushes of this kind.")
]
Ref = Annotated[str, Field(min_length=1, max_length=100)]
VEHICLE = {
    "vehicle_ref": "rahmen-4711",
    "vehicle_id": "973a5c94c2884a2b",
    "vehicle_type_id": "rad",
    "lat": 53.8671,
    "lon": 10.6698,
    "station_id": "hbf",
    "is_reserved": False,
    "is_disabled": False,
    "last_reported": "2026-11-25T08:00:00+01:00",
}
STATION = {
    "station_id": "hbf",
    "name": [{"text": "Hauptbahnhof", "language": "de"}],
    "lat": 53.8671,
    "lon": 10.6698,
    "capacity": 16,
    "num_vehicles_available": 7,
    "num_docks_available": 9,
    "is_installed": True,
    "is_renting": True,
    "is_returning": True,
    "last_reported": "2026-11-25T08:00:00+01:00",
}

ZONE = {
    "type": "Feature",
    "properties": {
        "name": [{"text": "Fußgängerzone", "language": "de"}],
        "rules": [
            {
                "vehicle_type_ids": ["rad"],
                "ride_start_allowed": True,
                "ride_end_allowed": False,
                "ride_through_allowed": True,
                "maximum_speed_kph": 6,
                "station_parking": True,
            }
        ],
    },
    "geometry": {
        "type": "MultiPolygon",
        "coordinates": [[[[10.684, 53.866], [10.687, 53.866], [10.687, 53.868], [10.684, 53.866]]]],
    },
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


def _push(value: dict[str, Any]) -> ConfigDict:
    """Misspelt, an item would read as if nothing had changed."""
    return ConfigDict(extra="forbid", json_schema_extra={"example": value})


class VehiclesSnapshot(BaseModel):
    """All vehicles on the street; those being ridden are absent (GBFS)."""

    model_config = _push({"sequence": 17, "vehicles": [VEHICLE]})
    sequence: Sequence
    vehicles: Annotated[list[Any], Field(max_length=MAX_ITEMS)]


class VehiclesDelta(BaseModel):
    """Vehicles that are new or have changed, whole, and those that are gone."""

    model_config = _push({"sequence": 18, "vehicles": [VEHICLE], "removed": ["rahmen-4712"]})
    sequence: Sequence
    vehicles: Annotated[list[Any], Field(max_length=MAX_ITEMS)] = []
    removed: Annotated[list[Ref], Field(max_length=MAX_ITEMS)] = []


class StationsSnapshot(BaseModel):
    """All stations: GBFS information and status of each in one item."""

    model_config = _push({"sequence": 4, "stations": [STATION]})
    sequence: Sequence
    stations: Annotated[list[Any], Field(max_length=MAX_ITEMS)]


class StationsDelta(BaseModel):
    """Stations that are new or have changed; what an item leaves out stays as it was."""

    model_config = _push(
        {
            "sequence": 5,
            "stations": [{"station_id": "hbf", "num_vehicles_available": 6}],
            "removed": [],
        }
    )
    sequence: Sequence
    stations: Annotated[list[Any], Field(max_length=MAX_ITEMS)] = []
    removed: Annotated[list[Ref], Field(max_length=MAX_ITEMS)] = []


class FeatureCollection(BaseModel):
    """Zones, the first of which decides where several lie over each other (RFC 7946)."""

    type: Literal["FeatureCollection"]
    features: Annotated[list[Any], Field(max_length=MAX_ZONES)]


class ZonesSnapshot(BaseModel):
    """All geofencing zones, the `data` of `geofencing_zones.json`; zones have no ids.

    `version` is the file's. Before 3 it has no `global_rules`, and a ring that turns
    counterclockwise means all that lies outside of it.
    """

    model_config = _example(
        {
            "sequence": 2,
            "geofencing_zones": {"type": "FeatureCollection", "features": [ZONE]},
            "global_rules": [],
        }
    )
    sequence: Sequence
    version: Literal["2.1", "2.2", "2.3", "3.0"] = "3.0"
    geofencing_zones: FeatureCollection
    global_rules: Annotated[list[Any], Field(max_length=MAX_ZONES)] | None = None

    @model_validator(mode="after")
    def _as_its_version(self) -> ZonesSnapshot:
        if (self.global_rules is None) != (self.version != "3.0"):
            raise ValueError("global_rules come with version 3.0, and with no other")
        return self


class RefusedItem(BaseModel):
    """An item that was not taken, or of geofencing zones one whose vehicle type is not known."""

    index: int
    ref: str | None
    reason: str


class PushReceipt(BaseModel):
    """What became of a push."""

    model_config = _example(
        {
            "outcome": "taken",
            "accepted": 41,
            "refused": [{"index": 7, "ref": "rahmen-12", "reason": "no vehicle type 'tandem'"}],
            "last_sequence": 17,
        }
    )
    outcome: Annotated[
        str,
        Field(
            description="`taken`; `stale`: this number was used before, nothing has changed;"
            " `nothing_acceptable`: no item could be taken, what was known stays."
        ),
    ]
    accepted: int
    refused: list[RefusedItem]
    last_sequence: Annotated[int, Field(description="The number in force; go on from here.")]


class FreshnessView(BaseModel):
    """How old what we know of a provider is; ``stale`` providers are not offered."""

    model_config = _example(
        {
            "provider_id": "demo-rad",
            "vehicles": 214,
            "stations": 42,
            "zones": 3,
            "heard_at": "2026-11-25T07:00:03Z",
            "age_seconds": 12,
            "stale": False,
        }
    )
    provider_id: str
    vehicles: int
    stations: int
    zones: Annotated[int, Field(description="Geofencing zones; the city may state them too.")]
    heard_at: datetime | None
    age_seconds: int | None
    stale: bool


class ProviderBookingView(BaseModel):
    """A leg booked with the provider; the rider is a pseudonym that no other provider knows."""

    booking_id: str
    reference: str
    state: str
    mode: str
    rider: str
    departs_at: datetime
    arrives_at: datetime
    quoted: Amount
    final: Amount | None


class ProviderBookingPage(BaseModel):
    """A page of bookings."""

    model_config = _example(
        {
            "bookings": [
                {
                    "booking_id": "bkg_2ab3cd4ef5gh6ij7kl2mn3op4q",
                    "reference": "leg_2ab3cd4ef5gh6ij7kl2mn3op4q",
                    "state": "confirmed",
                    "mode": "bike",
                    "rider": "rp_mfrggzdfmztwq2lknnwg23tpobyxe43u",
                    "departs_at": "2026-11-26T07:00:00Z",
                    "arrives_at": "2026-11-26T07:12:00Z",
                    "quoted": {"amount": 100, "currency": "EUR"},
                    "final": {"amount": 100, "currency": "EUR"},
                }
            ],
            "next_cursor": None,
        }
    )
    bookings: list[ProviderBookingView]
    next_cursor: str | None
