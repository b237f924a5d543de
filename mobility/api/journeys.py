"""Find a way from door to door."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date as Date  # noqa: N812 - a field of the request is called date
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from msgspec.json import encode
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from starlette.requests import ClientDisconnect

from gtfs.geo import LatLon
from mobility.api.attribution import ATTRIBUTIONS_EXAMPLE, AttributionOut, list_attributions
from mobility.api.dependencies import Now, OptionalRiderDep, WiringDep
from mobility.api.journey_view import JourneyWriter, notice_out
from mobility.api.journey_wire import EXAMPLE, JourneyOut, NoticeOut, Wire
from mobility.api.openapi import problems
from mobility.api.rider_terms import ceilings_of, of_rider, say_ceiling, say_unverified
from mobility.api.search_answer import freeze_journeys
from mobility.api.threads import search_in_thread, search_long_in_thread
from mobility.planning.day_ceiling import Ceilings
from mobility.planning.offers import Lacks, WrittenOffers, keep_offers, write_to_keep
from mobility.planning.paid_today import Paid, read_paid
from mobility.planning.request import LONGEST_STAY, MOST_VIAS, DayEnd, SearchRequest, Via
from mobility.wiring import Wiring
from providers.values import Mode

_JSON = "application/json"
_STOP_ID = r"^[^\x00-\x1f\x7f]+$"


class PointIn(BaseModel):
    """A position in WGS84 degrees."""

    model_config = ConfigDict(extra="forbid")
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False, examples=[53.865892])
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False, examples=[10.670654])

    def value(self) -> LatLon:
        """The position."""
        return LatLon(self.lat, self.lon)


class StopIn(BaseModel):
    """A stop or a station of the timetable."""

    model_config = ConfigDict(extra="forbid")
    stop_id: str = Field(min_length=1, max_length=200, pattern=_STOP_ID, examples=["osm-291770953"])

    def value(self) -> str:
        """Its id."""
        return self.stop_id


def _which(end: object) -> str:
    by_stop = "stop_id" in end if isinstance(end, Mapping) else isinstance(end, StopIn)
    return "<stop>" if by_stop else "<position>"


_BY_WHICH = Discriminator(_which)
"""What is wrong is said of what was meant, not of both."""
End = Annotated[Annotated[PointIn, Tag("<position>")] | Annotated[StopIn, Tag("<stop>")], _BY_WHICH]

_STAY = Field(
    default=0,
    ge=0,
    le=LONGEST_STAY // timedelta(minutes=1),
    description="At least so long the rider is there. With 0 she may stay aboard.",
    examples=[20],
)


class ViaPointIn(PointIn):
    """A position to be passed on foot."""

    stay_minutes: int = _STAY


class ViaStopIn(StopIn):
    """A stop or a station to be passed: by a vehicle that calls there, or changing there."""

    stay_minutes: int = _STAY


ViaIn = Annotated[
    Annotated[ViaPointIn, Tag("<position>")] | Annotated[ViaStopIn, Tag("<stop>")], _BY_WHICH
]


class PaidIn(BaseModel):
    """What was paid today by one tariff, for rides begun today."""

    model_config = ConfigDict(extra="forbid")
    provider_id: str = Field(max_length=60, examples=["demo-rad"])
    tariff_version: str = Field(max_length=80, examples=["rad-2026/2026-01"])
    amount: int = Field(ge=0, le=10_000_000, description="In minor units.", examples=[800])


class Search(BaseModel):
    """From where to where, when, and by what."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "from": {"lat": 53.865892, "lon": 10.670654},
                "to": {"lat": 53.837723, "lon": 10.700286},
                "depart_at": "2026-11-26T08:00:00+01:00",
                "passes": ["deutschlandticket"],
            }
        },
    )
    from_: End = Field(alias="from")
    to: End
    depart_at: AwareDatetime | None = Field(default=None, description="Now when absent.")
    arrive_by: AwareDatetime | None = Field(default=None, description="Instead of depart_at.")
    when: DayEnd | None = Field(
        default=None,
        description="Instead of a time: the first or the last connection of a service day alone. "
        "Night buses after midnight are of the evening before.",
    )
    date: Date | None = Field(
        default=None, description="The service day of `when`; today when absent.",
        examples=["2026-11-27"],
    )  # fmt: skip
    via: Annotated[list[ViaIn], Field(max_length=MOST_VIAS)] = Field(
        default=[], description="Places to be passed in this order, by one journey and one offer."
    )
    modes: Annotated[list[Mode], Field(min_length=1, max_length=6)] | None = Field(
        default=None, description="All when absent."
    )
    passes: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=8)] | None = (
        Field(default=None, description="Kinds of pass; when absent, those of who is signed in.")
    )
    paid_today: Annotated[list[PaidIn], Field(max_length=8)] | None = Field(
        default=None,
        description="What was paid today by tariffs that cap the day; when absent, what whoever "
        "is signed in has paid here.",
    )
    passengers: int = Field(default=1, ge=1, le=9)
    wheelchair: bool = False
    max_walk_m: int | None = Field(
        default=None, ge=0, le=5000,
        description="On foot at most to or from a door, to or from a rented vehicle, from one stop "
        "to another (there in steps of 50 m, rounded down), or all the way.",
    )  # fmt: skip
    window_minutes: int = Field(default=60, ge=5, le=360)
    page: str | None = Field(
        default=None, max_length=20, description="`earlier` or `later` of an answer."
    )

    @model_validator(mode="after")
    def _one_time(self) -> Search:
        if self.depart_at is not None and self.arrive_by is not None:
            raise ValueError("give depart_at or arrive_by, not both")
        if self.when is None and self.date is not None:
            raise ValueError("date goes with when")
        if self.when is not None and (self.depart_at is not None or self.arrive_by is not None):
            raise ValueError("give when, or depart_at or arrive_by, not both")
        return self

    def value(self, passes: frozenset[str], paid: Paid, ceilings: Ceilings) -> SearchRequest:
        """What planning is asked."""
        return SearchRequest(
            origin=self.from_.value(),
            destination=self.to.value(),
            depart_at=self.depart_at,
            arrive_by=self.arrive_by,
            modes=frozenset(self.modes or Mode),
            passes=passes,
            paid=paid,
            ceilings=ceilings,
            passengers=self.passengers,
            wheelchair=self.wheelchair,
            max_walk_m=self.max_walk_m,
            max_footpath_m=self.max_walk_m,
            window=timedelta(minutes=self.window_minutes),
            page=self.page,
            of_day=self.when,
            day=self.date,
            via=tuple(Via(v.value(), timedelta(minutes=v.stay_minutes)) for v in self.via),
        )


class SearchAnswer(Wire):
    """The ways worth showing. `earlier` and `later` go into `page` of the same search."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "journeys": [EXAMPLE],
                "earlier": "e1795676400",
                "later": "l1795677833",
                "notices": [
                    {
                        "code": "availability_as_of_now",
                        "text": "Leihfahrzeuge: gezeigt ist, was jetzt bereitsteht; bis zur "
                        "Abfahrt kann es weg sein.",
                        "at": None,
                        "price": None,
                        "url": None,
                        "provider_id": None,
                    }
                ],
                "attributions": ATTRIBUTIONS_EXAMPLE,
            }
        }
    )

    journeys: list[JourneyOut]
    earlier: str | None = Field(examples=["e1795676400"])
    later: str | None = Field(examples=["l1795677833"])
    notices: list[NoticeOut]
    attributions: list[AttributionOut] = Field(
        description="To be named wherever this is shown.", examples=[ATTRIBUTIONS_EXAMPLE]
    )


class SearchRoute(APIRoute):
    """Calls the handler itself where FastAPI has nothing to find out: a right body and no token.

    Working out five dependencies anew costs more than a web server takes for a whole request.
    Everything else goes FastAPI's way, which also says what is wrong with a body.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The short way, and FastAPI's for the rest."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            headers = request.headers
            if headers.get("content-type") == _JSON and "authorization" not in headers:
                try:
                    body = Search.model_validate_json(await request.body())
                except (ValidationError, ClientDisconnect):
                    return await ordinary(request)
                wiring: Wiring = request.app.state.wiring
                return await search_journeys(body, wiring, wiring.clock(), None)
            return await ordinary(request)

        return handle


router = APIRouter(prefix="/v1/journeys", tags=["journeys"], route_class=SearchRoute)


@router.post(
    "/search",
    response_model=SearchAnswer,
    responses=problems(400, 404, 422, 429),
    summary="Find journeys",
)
async def search_journeys(
    body: Search, wiring: WiringDep, now: Now, rider: OptionalRiderDep
) -> Response:
    """Bus and ferry, on foot, rented bikes and cars, and combinations, each with its price.

    An offer can be booked by anyone until it expires. Who is signed in sees prices with their own
    passes, and what stands against a booking.
    """
    travels = body.date or body.depart_at or body.arrive_by or now
    mine = await of_rider(wiring, rider, now, travels)
    said = [(p.provider_id, p.tariff_version, p.amount) for p in body.paid_today or ()]
    request = body.value(
        mine.passes if body.passes is None else frozenset(body.passes),
        mine.paid if body.paid_today is None else read_paid(wiring.city, said, now),
        await ceilings_of(wiring, rider, now) if body.passengers == 1 else (),
    )
    in_thread = search_long_in_thread if request.via else search_in_thread
    beside = say_unverified(mine) if body.passes is None else []
    answer, offers = await in_thread(_find, wiring, request, mine.lacks, now, beside)
    await keep_offers(wiring.redis, offers, wiring.settings.offer_seconds)
    return Response(answer, media_type=_JSON)


def _find(
    wiring: Wiring,
    request: SearchRequest,
    lacks: Lacks,
    now: datetime,
    beside: Sequence[Mapping[str, object]],
) -> tuple[bytes, WrittenOffers | None]:
    """The whole answer as JSON, and the offers in it as they are to be kept.

    All in the thread of the search: handed to the event loop in between, it would wait there for
    the next search to let go of the interpreter.
    """
    result = wiring.planner.search(request, now)
    offered = freeze_journeys(wiring, result.itineraries, request, lacks=lacks, now=now)
    city = wiring.city
    notices = [notice_out(notice, city.timezone) for notice in result.notices]
    if result.itineraries:
        notices += say_ceiling(request.ceilings, result.itineraries[0].departs_at)
    writer = JourneyWriter(city.timezone, city.currency)
    answer = {
        "journeys": [writer.journey(journey) for journey in offered],
        "earlier": result.earlier,
        "later": result.later,
        "notices": [*notices, *beside],
        "attributions": list_attributions(city),
    }
    return encode(answer), write_to_keep(wiring.settings.redis_prefix, offered)
