"""Offers without a journey, and who offers what."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Response
from msgspec.json import encode
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.journey_view import JourneyWriter
from mobility.api.journey_wire import JourneyOut, TermsOut
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.rider_terms import ceilings_of, of_rider
from mobility.booking.errors import OfferExpiredError
from mobility.db import transaction
from mobility.planning.day_ceiling import counted
from mobility.planning.fleets.vehicle_offer import plan_vehicle
from mobility.planning.offers import make_offers, save_offers
from mobility.planning.tariffs import tariff_in_words
from mobility.wiring import Wiring
from providers.stanza import ProviderStanza
from providers.values import Mode

router = APIRouter(prefix="/v1", tags=["offers"])
_JSON = "application/json"


class VehicleWanted(BaseModel):
    """The vehicle in front of me, by its public id or by the code on its frame."""

    model_config = ConfigDict(extra="forbid")
    vehicle_id: str | None = Field(
        default=None, min_length=1, max_length=200, examples=["demo-rad:5f0c1e"]
    )
    qr: str | None = Field(
        default=None, min_length=1, max_length=500, description="What the code says.",
        examples=[None],
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_of_them(self) -> VehicleWanted:
        if (self.vehicle_id is None) == (self.qr is None):
            raise ValueError("give vehicle_id or qr, one of them")
        return self


class ProviderFreshness(BaseModel):
    """How old what we know of a provider's vehicles is."""

    as_of: datetime | None = Field(examples=["2026-11-26T08:00:00+01:00"])
    age_seconds: int | None = Field(examples=[12])
    stale: bool = Field(description="Too old to be offered.", examples=[False])
    vehicles: int = Field(examples=[412])
    stations: int = Field(examples=[42])


class ProviderView(BaseModel):
    """A provider whose legs are sold here."""

    id: str = Field(examples=["demo-rad"])
    name: str = Field(examples=["Demo-Rad Lübeck (Demo)"])
    modes: list[Mode] = Field(examples=[["bike"]])
    demo: bool = Field(description="No such operator exists; it is here to try.", examples=[True])
    terms: TermsOut
    tariff: list[str] = Field(
        examples=[["Rad: 1 € je angefangene 30 Minuten, höchstens 9 € am Tag"]]
    )
    freshness: ProviderFreshness | None = Field(
        description="Null for scheduled services, which have a timetable instead."
    )


class ProviderList(BaseModel):
    """Everyone whose legs are sold here."""

    providers: list[ProviderView]


@router.post(
    "/offers",
    status_code=201,
    response_model=JourneyOut,
    responses=problems(400, 401, 404, "idempotency-key-reused", "offer-expired", 422, 429),
    summary="Offer one vehicle",
)
async def offer_vehicle(
    body: VehicleWanted, wiring: WiringDep, rider: RiderDep, now: Now, keyed: KeyedDep
) -> Response:
    """Half an hour on this vehicle as an estimate; what is used is what is paid, up to `max`."""
    async with transaction(wiring.engine) as tx:
        earlier = await keyed.find(tx)
    if earlier is not None:
        return await _repeat(wiring, str(earlier))
    _, paid, lacks, _ = await of_rider(wiring, rider, now)
    planned = plan_vehicle(wiring.planner, body.vehicle_id or body.qr or "", now, paid)
    planned = counted(planned, await ceilings_of(wiring, rider, now))
    (offered,) = make_offers(
        [planned],
        passes=frozenset(),
        passengers=1,
        now=now,
        expires_at=now + timedelta(seconds=wiring.settings.offer_seconds),
        lacks=lacks,
        city=wiring.city,
        stopped=wiring.sales.stopped,
    )
    await save_offers(
        wiring.redis,
        wiring.settings.redis_prefix,
        [offered],
        wiring.settings.offer_seconds,
    )
    writer = JourneyWriter(wiring.city.timezone, wiring.city.currency)
    answer = encode(writer.journey(offered))
    if keyed.request is not None:
        key = _kept_under(wiring, str(offered.offer_id))
        await wiring.redis.set(key, answer, ex=wiring.settings.offer_seconds)
        async with transaction(wiring.engine) as tx:
            first = await keyed.keep(tx, offered.offer_id)
        if first != offered.offer_id:
            return await _repeat(wiring, str(first))
    return Response(answer, status_code=201, media_type=_JSON)


def _kept_under(wiring: Wiring, offer_id: str) -> str:
    """Where an answer lies for repetitions: not in the database, as it says where the rider is."""
    return f"{wiring.settings.redis_prefix}offered:{offer_id}"


async def _repeat(wiring: Wiring, offer_id: str) -> Response:
    answer = await wiring.redis.get(_kept_under(wiring, offer_id))
    if answer is None:
        raise OfferExpiredError(f"{offer_id}, the offer made for this key, has run out")
    return Response(answer, status_code=201, media_type=_JSON)


@router.get("/providers", responses=problems(429), summary="List providers")
async def list_providers(wiring: WiringDep, now: Now) -> ProviderList:
    """Names, terms and prices, and for vehicles how fresh their data is."""
    return ProviderList(
        providers=[_provider(stanza, wiring, now) for stanza in wiring.city.providers]
    )


def _provider(stanza: ProviderStanza, wiring: Wiring, now: datetime) -> ProviderView:
    on = now.astimezone(wiring.city.timezone).date()
    return ProviderView(
        id=stanza.id,
        name=stanza.name,
        modes=list(stanza.modes),
        demo=stanza.demo,
        terms=TermsOut.of(stanza.terms_value()),
        tariff=list(tariff_in_words(wiring.city, stanza, on)),
        freshness=_freshness(stanza, wiring, now) if stanza.vehicle_type else None,
    )


def _freshness(stanza: ProviderStanza, wiring: Wiring, now: datetime) -> ProviderFreshness:
    known = wiring.mirror.get_freshness(stanza.provider_id, now)
    return ProviderFreshness(
        as_of=known.heard_at.astimezone(wiring.city.timezone) if known.heard_at else None,
        age_seconds=known.age_seconds,
        stale=known.stale,
        vehicles=known.vehicles,
        stations=known.stations,
    )
