"""The API process: settings → wiring → routes."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from mobility.api import (
    arrears,
    auth,
    bill_split,
    bookings,
    by_hand,
    claims,
    claims_finance,
    docs,
    finance,
    give_back,
    goodwill,
    health,
    hold_extension,
    journeys,
    leg_problems,
    leg_reports,
    me,
    metrics,
    offers,
    operations,
    pages,
    passes,
    payment_methods,
    places,
    problems,
    provider,
    rebooking,
    receipts,
    rides,
    sale_stops,
    stops,
    streams,
    ticket_checks,
    tickets,
    vehicles,
    webhooks,
)
from mobility.api.errors import install_errors
from mobility.api.limits import install_limits
from mobility.api.motis import routes as motis
from mobility.api.openapi import install_openapi, operation_id
from mobility.booking.at_once import wait_for_background
from mobility.cities.city import City, load_city
from mobility.city_streets import credit_streets
from mobility.claims.watch import ClaimsWatch
from mobility.composition import open_wiring
from mobility.embedded.checks import POLLING_ALONE, polls_alone
from mobility.settings import Settings

SHUTDOWN_S = 3.0
"""How long bookings under way may take to come to rest when the process is told to stop."""
ROUTERS = (
    health.router,
    metrics.router,
    auth.router,
    journeys.router,
    places.router,
    stops.router,
    vehicles.router,
    offers.router,
    bookings.router,
    hold_extension.router,
    rides.router,
    leg_problems.router,
    tickets.router,
    ticket_checks.router,
    rebooking.router,
    receipts.router,
    bill_split.router,
    claims.router,
    streams.router,
    me.router,
    passes.router,
    payment_methods.router,
    arrears.router,
    provider.router,
    finance.router,
    by_hand.router,
    claims_finance.router,
    operations.router,
    sale_stops.router,
    give_back.router,
    goodwill.router,
    leg_reports.router,
    webhooks.router,
    motis.router,
    problems.router,
    pages.router,
    docs.router,
)
_YOUNG_OBJECTS = 10_000
"""Made before the youngest are looked through: about what one search makes."""
SWITCH_S = 0.00001
"""How long a thread may keep the interpreter when another waits: a search when the event loop has
something to do, or who reads live times when a search goes on after a kernel."""
log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; what it talks to is opened when it starts."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if polls_alone(chosen):
            log.warning(POLLING_ALONE)
        async with open_wiring(chosen) as wiring:
            await run_in_threadpool(wiring.planner.warm_up, wiring.clock())
            _settle_interpreter()
            app.state.wiring = wiring
            wiring.realtime.start()
            await wiring.sales.start()
            watch = ClaimsWatch(
                wiring.engine, wiring.city, wiring.realtime, wiring.changes, wiring.clock
            )
            watch.start()
            yield
            await watch.stop()
            await wiring.sales.stop()
            await wiring.realtime.stop()
            await wait_for_background(SHUTDOWN_S)

    app = FastAPI(
        title="Unified mobility booking",
        version="1",
        summary="Plan, book and pay a trip across bus, bike and car as one.",
        description=_description(credit_streets(chosen, load_city(chosen.city))),
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    install_limits(app, chosen)
    install_errors(app)
    install_openapi(app)
    return app


def _settle_interpreter() -> None:
    """Let the garbage collector leave alone what lives as long as the process does.

    Else it looks through the city, the timetable and all modules again and again, for a tenth of a
    second, while a rider waits. And let no thread keep another from its work for 5 ms.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


_MOTIS = (
    "Apps made for [MOTIS](https://github.com/motis-project/motis) find its questions `plan`, "
    "`refresh-itinerary`, `geocode`, `reverse-geocode`, `stoptimes`, `trip`, `map/stops`, "
    "`rentals` and `map/rentals` under `/api/v1`, most up to `/api/v6`. They are not listed here: "
    "its own [OpenAPI document](https://github.com/motis-project/motis/blob/master/openapi.yaml) "
    "describes them."
)


def _description(city: City) -> str:
    """Whose data the answers hold, which who shows them must name."""
    sources = "\n".join(
        f"- {source.covers}: {source.text}, [{source.licence}]({source.url})"
        for source in city.attributions
    )
    return (
        "Errors are RFC 9457 problem documents, money is in minor units, instants are RFC 3339.\n\n"
        f"{_MOTIS}\n\n"
        f"Who shows data of {city.title} from here must name where it comes from:\n\n{sources}\n"
    )
