"""Find a place by its name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gtfs.geo import distance_m
from mobility.api.attribution import ATTRIBUTIONS_EXAMPLE, AttributionOut, attributions_of
from mobility.api.dependencies import WiringDep
from mobility.api.journeys import PointIn
from mobility.api.openapi import problems
from mobility.planning.places import FoundPlace

router = APIRouter(prefix="/v1/places", tags=["places"])


class PlaceSearch(BaseModel):
    """What someone typed, and where they are if they say so."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        examples=["Haupt"]
    )
    near: PointIn | None = None
    limit: int = Field(default=10, ge=1, le=50)


class PlaceView(BaseModel):
    """A place or a stop."""

    name: str = Field(examples=["Lübeck ZOB/Hauptbahnhof"])
    kind: str = Field(
        description="`stop`, `car_park`, or what the city calls such a place.", examples=["stop"]
    )
    lat: float = Field(examples=[53.865833])
    lon: float = Field(examples=[10.670917])
    stop_id: str | None = Field(default=None, examples=["station-luebeck-zob-hauptbahnhof"])
    distance_m: int | None = Field(default=None, description="From `near`.", examples=[120])


class PlaceList(BaseModel):
    """The best matches first."""

    places: list[PlaceView]
    attributions: list[AttributionOut] = Field(
        description="To be named wherever this is shown.", examples=[ATTRIBUTIONS_EXAMPLE]
    )


@router.post("/search", responses=problems(400, 422, 429), summary="Find a place")
async def search_places(body: PlaceSearch, wiring: WiringDep) -> PlaceList:
    """Stops and places that hold every word of the text at the start of one of theirs.

    `ue` finds `ü`, and `u` does too.
    """
    near = body.near.value() if body.near else None
    found = wiring.planner.places.find(body.text, near, body.limit)

    def away(place: FoundPlace) -> int | None:
        return None if near is None else round(distance_m(near, place.position))

    return PlaceList(
        places=[
            PlaceView(
                name=place.name,
                kind=place.kind,
                lat=round(place.position.lat, 6),
                lon=round(place.position.lon, 6),
                stop_id=place.stop_id,
                distance_m=away(place),
            )
            for place in found
        ],
        attributions=attributions_of(wiring.city),
    )
