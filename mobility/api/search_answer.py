"""What every search's answer shares: its journeys become offers, kept until they expire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from mobility.planning.itinerary import Itinerary
from mobility.planning.offers import Lacks, OfferedJourney, make_offers, save_offers
from mobility.planning.request import SearchRequest
from mobility.wiring import Wiring


async def offer_journeys(
    wiring: Wiring,
    itineraries: Sequence[Itinerary],
    request: SearchRequest,
    *,
    lacks: Lacks,
    now: datetime,
) -> tuple[OfferedJourney, ...]:
    """The journeys of one search with their offers, which are kept under one Redis key."""
    settings = wiring.settings
    offered = freeze_journeys(wiring, itineraries, request, lacks=lacks, now=now)
    await save_offers(wiring.redis, settings.redis_prefix, offered, settings.offer_seconds)
    return offered


def freeze_journeys(
    wiring: Wiring,
    itineraries: Sequence[Itinerary],
    request: SearchRequest,
    *,
    lacks: Lacks,
    now: datetime,
) -> tuple[OfferedJourney, ...]:
    """The journeys of one search with their offers, which are yet to be kept."""
    return make_offers(
        itineraries,
        passes=request.passes,
        passengers=request.passengers,
        now=now,
        expires_at=now + timedelta(seconds=wiring.settings.offer_seconds),
        lacks=lacks,
        city=wiring.city,
        stopped=wiring.sales.stopped,
    )
