"""Whether this process lives, and what it can do at the moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mobility.api.dependencies import Now, WiringDep
from mobility.db import transaction
from mobility.wiring import Wiring
from payments.errors import PaymentError
from providers.values import ProviderId

router = APIRouter(tags=["health"])

_PATIENCE_S = 2.0
_ASK_OUTSIDE_EVERY_S = 15.0
_ASK_THE_SILENT_EVERY_S = 3.0


class Capability(BaseModel):
    """One thing that this process can or cannot do."""

    ready: bool = Field(examples=[True])
    because: str | None = Field(default=None, description="Why not.", examples=[None])


class ProviderCapability(Capability):
    """Whether a provider's legs can be offered."""

    age_seconds: int | None = Field(
        default=None, description="Since it was last heard of; null for a timetable.", examples=[4]
    )


class Capabilities(BaseModel):
    """What can be done. A process without payments goes on planning, and books what is free."""

    plan: Capability
    book: Capability
    pay: Capability


class Readiness(BaseModel):
    """The whole picture."""

    ready: bool = Field(description="Whether to send searches here.", examples=[True])
    capabilities: Capabilities
    providers: dict[str, ProviderCapability] = Field(
        examples=[{"demo-rad": {"ready": True, "because": None, "age_seconds": 4}}]
    )
    realtime: RealtimeState


class RealtimeFeedState(BaseModel):
    """How one feed of live times is doing; without it the planned timetable serves."""

    ready: bool = Field(description="Whether searches see what it says.", examples=[True])
    because: str | None = Field(default=None, description="Why not.", examples=[None])
    age_seconds: int | None = Field(description="Of what it last said.", examples=[12])


class RealtimeState(BaseModel):
    """Live times: the feeds, and how much of what they say concerns this timetable."""

    feeds: dict[str, RealtimeFeedState] = Field(
        examples=[{"trips": {"ready": True, "because": None, "age_seconds": 12}}]
    )
    trip_updates: int = Field(examples=[212])
    matched: int = Field(examples=[210])
    unmatched: dict[str, int] = Field(
        description="What was named in vain, by reason.", examples=[{"unknown_trip": 2}]
    )


class Liveness(BaseModel):
    """The process answers."""

    alive: bool = Field(examples=[True])


class Health(BaseModel):
    """For people and demos."""

    healthy: bool = Field(description="It can plan and book.", examples=[True])
    plan: Capability
    book: Capability


async def _within(work: Awaitable[object], what: str) -> Capability:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await work
    except (RedisError, SQLAlchemyError, PaymentError, OSError, TimeoutError):
        return Capability(ready=False, because=f"{what} does not answer")
    return Capability(ready=True)


async def _ask_database(wiring: Wiring) -> None:
    async with transaction(wiring.engine) as tx:
        await tx.execute(text("SELECT 1"))


async def _plan_and_book(wiring: Wiring) -> tuple[Capability, Capability]:
    redis, database = await asyncio.gather(
        _within(wiring.redis.ping(), "Redis, which keeps offers,"),
        _within(_ask_database(wiring), "the database"),
    )
    return redis, (database if redis.ready else redis)


@dataclass(slots=True)
class _Outside:
    """Those outside, whom we ask once in a while, however often we are asked ourselves."""

    seen: dict[str, tuple[float, Capability]] = field(default_factory=dict)

    async def ask(self, name: str, work: Callable[[], Awaitable[object]], what: str) -> Capability:
        """What ``work`` found, or what it found just before."""
        at, found = self.seen.get(name, (0.0, None))
        again = _ASK_OUTSIDE_EVERY_S if found is None or found.ready else _ASK_THE_SILENT_EVERY_S
        if found is None or time.monotonic() - at >= again:
            found = await _within(work(), what)
            self.seen[name] = (time.monotonic(), found)
        return found


def _outside(request: Request) -> _Outside:
    state = request.app.state
    if not hasattr(state, "outside"):
        state.outside = _Outside()
    outside: _Outside = state.outside
    return outside


async def ask_payments(request: Request, wiring: Wiring) -> Capability:
    """Whether the payment processor answers, as of a few seconds ago."""
    return await _outside(request).ask(
        "payments", wiring.gateway.get_balance, "the payment processor"
    )


def _with_payments(book: Capability, pay: Capability) -> Capability:
    """Booking as people understand it: what costs money needs somebody who takes it."""
    if not book.ready or pay.ready:
        return book
    return Capability(ready=False, because=f"{pay.because}; only what is free can be booked")


async def ask_providers(
    request: Request, wiring: Wiring, now: Now
) -> dict[ProviderId, ProviderCapability]:
    """Whether each provider's legs can be offered, as of a few seconds ago."""
    ages = {item.provider_id: item for item in wiring.mirror.freshness(now)}
    urls = wiring.settings.provider_urls or {}

    async def look_at(provider_id: ProviderId) -> ProviderCapability:
        heard = ages.get(provider_id)
        answers = Capability(ready=True)
        if provider_id in urls:
            answers = await _outside(request).ask(
                provider_id, lambda: _knock(wiring.http, urls[provider_id]), "its booking system"
            )
        stale = heard is not None and heard.stale
        return ProviderCapability(
            ready=answers.ready and not stale,
            because="not heard of for too long" if stale else answers.because,
            age_seconds=heard.age_seconds if heard else None,
        )

    looks = await asyncio.gather(*(look_at(provider_id) for provider_id in wiring.providers))
    return dict(zip(wiring.providers, looks, strict=True))


def _realtime(wiring: Wiring, now: Now) -> RealtimeState:
    summary = wiring.realtime.current.summary
    return RealtimeState(
        feeds={
            feed.id: RealtimeFeedState(
                ready=feed.used, because=feed.because, age_seconds=feed.age_seconds
            )
            for feed in wiring.realtime.report(now)
        },
        trip_updates=summary.trip_updates,
        matched=summary.trips_matched,
        unmatched={reason.name.lower(): count for reason, count in summary.unmatched.items()},
    )


async def _knock(http: httpx.AsyncClient, url: str) -> None:
    """Any answer will do but a server's error; no key is shown, nothing is asked for.

    Raises:
        OSError: nobody answers.
    """
    try:
        answer = await http.head(url)
    except httpx.HTTPError as error:
        raise OSError(f"{url}: {error}") from error
    if answer.is_server_error:
        raise OSError(f"{url}: {answer.status_code}")


@router.get("/livez", response_model=Liveness, summary="Is the process alive?")
async def live() -> Liveness:
    """Answers as long as the process can; asks nobody."""
    return Liveness(alive=True)


@router.get(
    "/readyz",
    response_model=Readiness,
    summary="What can this process do now?",
    responses={503: {"model": Readiness, "description": "It cannot plan."}},
)
async def ready(request: Request, response: Response, wiring: WiringDep, now: Now) -> Readiness:
    """200 when it can plan, for a load balancer; the body says the rest."""
    (plan, book), pay, providers = await asyncio.gather(
        _plan_and_book(wiring), ask_payments(request, wiring), ask_providers(request, wiring, now)
    )
    response.status_code = 200 if plan.ready else 503
    return Readiness(
        ready=plan.ready,
        capabilities=Capabilities(plan=plan, book=_with_payments(book, pay), pay=pay),
        providers={str(name): capability for name, capability in providers.items()},
        realtime=_realtime(wiring, now),
    )


@router.get(
    "/healthz",
    response_model=Health,
    summary="Can it plan and book?",
    responses={503: {"model": Health, "description": "It cannot."}},
)
async def health(request: Request, response: Response, wiring: WiringDep) -> Health:
    """200 when it can plan and book. Booking needs payments, so their outage is 503 here."""
    (plan, book), pay = await asyncio.gather(_plan_and_book(wiring), ask_payments(request, wiring))
    book = _with_payments(book, pay)
    healthy = plan.ready and book.ready
    response.status_code = 200 if healthy else 503
    return Health(healthy=healthy, plan=plan, book=book)
