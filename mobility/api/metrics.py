"""Numbers for Prometheus: of this process, and of what alerts look at in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    Metric,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from gtfs.realtime_values import Reason
from mobility.api.dependencies import Now, WiringDep
from mobility.api.health import ask_payments, ask_providers
from mobility.db import transaction
from mobility.watch import Reading, read_all
from mobility.wiring import Wiring

router = APIRouter(tags=["health"])

READ_EVERY = timedelta(seconds=10)
"""The database is asked so often, however often we are."""
_age = Gauge("mobility_provider_age_seconds", "Since a provider was last heard of.", ("provider",))
_feed_age = Gauge("mobility_realtime_age_seconds", "Of what a feed of live times said.", ("feed",))
_unmatched = Gauge(
    "mobility_realtime_unmatched", "Named by feeds and not in the timetable.", ("reason",)
)
_ready = Gauge(
    "mobility_provider_ready", "Whether a provider's legs can be offered.", ("provider",)
)
_pays = Gauge("mobility_payments_ready", "Whether the payment processor answers.")


@dataclass(slots=True)
class _LastRead:
    """What the database said when it was last asked; None when it did not answer."""

    at: datetime
    readings: list[Reading] | None


class _Watched(Collector):
    """The readings as Prometheus has them; without an answer only that there was none."""

    def __init__(self, readings: list[Reading] | None) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        answers = GaugeMetricFamily("mobility_database_answers", "Whether the database answers.")
        answers.add_metric([], 0.0 if self._readings is None else 1.0)
        yield answers
        for reading in self._readings or ():
            question = reading.question
            labels = [] if question.label is None else [question.label]
            family = GaugeMetricFamily(question.metric, question.help, labels=labels)
            for value, number in reading.answers:
                family.add_metric([] if value is None else [value], number)
            yield family


async def _watch(request: Request, wiring: Wiring, now: datetime) -> list[Reading] | None:
    state = request.app.state
    last: _LastRead | None = getattr(state, "last_read", None)
    if last is None or not timedelta(0) <= now - last.at < READ_EVERY:
        try:
            async with transaction(wiring.engine) as tx:
                readings = await read_all(tx, now)
        except (SQLAlchemyError, OSError):
            readings = None
        last = state.last_read = _LastRead(now, readings)
    return last.readings


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
async def show(request: Request, wiring: WiringDep, now: Now) -> Response:
    """Counts and times by route template, and what alerts look at; never an id or a position.

    What concerns the database is the same from every process.
    """
    for item in wiring.mirror.freshness(now):
        if item.age_seconds is not None:
            _age.labels(item.provider_id).set(item.age_seconds)
    for feed in wiring.realtime.report(now):
        if feed.age_seconds is not None:
            _feed_age.labels(feed.id).set(feed.age_seconds)
    unmatched = wiring.realtime.current.summary.unmatched
    for reason in Reason:
        _unmatched.labels(reason.name.lower()).set(unmatched.get(reason, 0))
    _ready.clear()
    for provider_id, provider in (await ask_providers(request, wiring, now)).items():
        _ready.labels(provider_id).set(provider.ready)
    _pays.set((await ask_payments(request, wiring)).ready)
    watched = CollectorRegistry()
    watched.register(_Watched(await _watch(request, wiring, now)))
    return Response(generate_latest() + generate_latest(watched), media_type=CONTENT_TYPE_LATEST)
