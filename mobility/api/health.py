"""Whether this process lives, and what it can do at the moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mobility.api.dependencies import Now, WiringDep
from mobility.db import transaction
from mobility.wiring import Wiring
from payments.errors import PaymentError

router = APIRouter(tags=["health"])

_PATIENCE_S = 2.0
_ASK_PAYMENTS_EVERY_S = 15.0
_age = Gauge("mobility_provider_age_seconds", "Since a provider was last heard of.", ("provider",))


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
    """What can be done. A process without payments goes on planning."""

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


async def _pay(request: Request, wiring: Wiring) -> Capability:
    """Ask the processor at most every fifteen seconds, however often we are asked."""
    seen: tuple[float, Capability] | None = getattr(request.app.state, "payments_seen", None)
    if seen is not None and time.monotonic() - seen[0] < _ASK_PAYMENTS_EVERY_S:
        return seen[1]
    found = await _within(wiring.gateway.get_balance(), "the payment processor")
    request.app.state.payments_seen = (time.monotonic(), found)
    return found


def _providers(wiring: Wiring, now: Now) -> dict[str, ProviderCapability]:
    ages = {item.provider_id: item for item in wiring.mirror.freshness(now)}
    found: dict[str, ProviderCapability] = {}
    for provider_id in wiring.providers:
        heard = ages.get(provider_id)
        stale = heard is not None and heard.stale
        found[provider_id] = ProviderCapability(
            ready=not stale,
            because="not heard of for too long" if stale else None,
            age_seconds=heard.age_seconds if heard else None,
        )
    return found


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
    (plan, book), pay = await asyncio.gather(_plan_and_book(wiring), _pay(request, wiring))
    response.status_code = 200 if plan.ready else 503
    return Readiness(
        ready=plan.ready,
        capabilities=Capabilities(plan=plan, book=book, pay=pay),
        providers=_providers(wiring, now),
    )


@router.get(
    "/healthz",
    response_model=Health,
    summary="Can it plan and book?",
    responses={503: {"model": Health, "description": "It cannot."}},
)
async def health(response: Response, wiring: WiringDep) -> Health:
    """200 when it can plan and book."""
    plan, book = await _plan_and_book(wiring)
    healthy = plan.ready and book.ready
    response.status_code = 200 if healthy else 503
    return Health(healthy=healthy, plan=plan, book=book)


@router.get(
    "/metrics",
    response_class=Response,
    summary="Numbers for Prometheus",
    responses={
        200: {
            "content": {
                "text/plain": {
                    "example": "mobility_http_requests_total"
                    '{method="GET",route="/livez",status="200"} 1.0\n'
                }
            }
        }
    },
)
async def metrics(wiring: WiringDep, now: Now) -> Response:
    """Counts and times by route template; never an id, an address or a position."""
    for item in wiring.mirror.freshness(now):
        if item.age_seconds is not None:
            _age.labels(item.provider_id).set(item.age_seconds)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
