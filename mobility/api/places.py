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
from mobility.planning.places.index import FoundPlace

router = APIRouter(prefix="/v1/places", tags=["places"])


class PlaceSearch(BaseModel):
    """What someone typed, and where they are if they say so."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        examples=["Haupt"]
    )
    near: PointIn | None = None
    limit: int = Field(default=10, ge=1, le=50)


class PartOut(BaseModel):
    """A piece of a name, counted in characters."""

    start: int = Field(examples=[11])
    length: int = Field(examples=[5])


class PlaceView(BaseModel):
    """A place, a stop, a street or an address."""

    name: str = Field(examples=["Lübeck ZOB/Hauptbahnhof"])
    kind: str = Field(
        description=(
            "`stop`, `platform`, `car_park`, `address`, `street`, "
            "or what the city or the map calls such a place."
        ),
        examples=["stop"],
    )
    lat: float = Field(examples=[53.865833])
    lon: float = Field(examples=[10.670917])
    stop_id: str | None = Field(default=None, examples=["station-luebeck-zob-hauptbahnhof"])
    id: str = Field(
        description="Stays the same as long as the place does.",
        examples=["station-luebeck-zob-hauptbahnhof"],
    )
    detail: str = Field(
        description="What tells it from others of its name: postcode, town; may be empty.",
        examples=["23558 Lübeck"],
    )
    matched_name: str = Field(
        description="The name or other name that holds what was typed.", examples=["Hauptbahnhof"]
    )
    matched: list[PartOut] = Field(
        description="The pieces of `matched_name` that do.", examples=[[{"start": 0, "length": 5}]]
    )
    distance_m: int | None = Field(default=None, description="From `near`.", examples=[120])


class PlaceList(BaseModel):
    """The best matches first."""

    places: list[PlaceView]
    attributions: list[AttributionOut] = Field(
        description="To be named wherever this is shown.", examples=[ATTRIBUTIONS_EXAMPLE]
    )


@router.post("/search", responses=problems(400, 422, 429), summary="Find a place")
async def search_places(body: PlaceSearch, wiring: WiringDep) -> PlaceList:
    """Stops, places and addresses by the words of their names, begun or whole, in any order.

    `ue` finds `ü`, and `u` does too; `Str.` finds `Straße`. A slip is forgiven, two in a long word.
    What is near, and what many buses depart from, comes first.
    """
    near = body.near.value() if body.near else None
    found = wiring.planner.places.search(body.text, near, body.limit)

    def away(place: FoundPlace) -> int | None:
        return None if near is None else round(distance_m(near, place.position))

    return PlaceList(
        places=[
            PlaceView(
                name=match.place.name,
                kind=match.place.kind,
                lat=round(match.place.position.lat, 6),
                lon=round(match.place.position.lon, 6),
                stop_id=match.place.stop_id,
                id=match.place.id,
                detail=match.place.detail,
                matched_name=match.name,
                matched=[PartOut(start=start, length=length) for start, length in match.parts],
                distance_m=away(match.place),
            )
            for match in found
        ],
        attributions=attributions_of(wiring.city),
    )
