"""The demo operator's HTTP face: the TOMP 1.6 endpoints an operator serves, and ``/sandbox``.

``/sandbox`` steers and shows the demo and has no place in a real operator; it asks for no token,
which is why the program listens on the loopback address only unless told otherwise.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from providers.sandbox import answers, control
from providers.sandbox.answers import Json
from providers.sandbox.faults import Faults, FaultyOperator
from providers.sandbox.push import Pusher
from providers.sandbox.requests import BookingEventIn, BookingIn, LegEventIn, PlanningIn
from providers.sandbox.rules import Operator, ProblemError
from providers.sandbox.served import SERVED, OperatorDep, Served, served_by

OFFER_MINUTES = 5
EXPIRY_TICK_SECONDS = 1.0
routes = FastAPI(title="A demo operator")
"""Of all operators that a process serves, as making them takes longer than a booking."""


def make_app(operator: Operator, *, token: str, pusher: Pusher | None = None) -> FaultyOperator:
    """The operator as an ASGI application; ``pusher`` runs as long as it does."""

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_expiry(operator))]
        if pusher is not None:
            operator.changed = pusher.wake.set
            tasks.append(asyncio.create_task(pusher.run()))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    running, served = Router(lifespan=lifespan), Served(operator, Faults(), token)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await running(scope, receive, send)
        else:
            await routes({**scope, SERVED: served}, receive, send)

    return FaultyOperator(app, served.faults)


async def _caller(
    request: Request,
    maas_id: Annotated[str, Header()],
    api_version: Annotated[str, Header()],
) -> str:
    """Who calls, once the headers that TOMP asks for are in order."""
    if request.headers.get("authorization") != f"Bearer {served_by(request).token}":
        raise ProblemError(401, 1001, "this token opens nothing here")
    if not api_version.startswith("1."):
        raise ProblemError(400, 1002, f"speaks TOMP 1.6, not {api_version}")
    return maas_id


MaasDep = Annotated[str, Depends(_caller)]


@routes.get("/operator/ping")
async def ping() -> Json:
    return {}


@routes.get("/operator/available-assets")
async def assets(operator: OperatorDep, _: MaasDep) -> Response:
    return _answer(200, answers.asset_types_json(operator))


@routes.get("/operator/stations")
async def stations(operator: OperatorDep, _: MaasDep) -> Response:
    return _answer(200, answers.stations_json(operator))


@routes.get("/operator/pricing-plans")
async def plans(operator: OperatorDep, _: MaasDep) -> Response:
    return _answer(200, answers.pricing_plans_json(operator))


@routes.post("/planning/offers")
async def offers(body: PlanningIn, operator: OperatorDep, maas_id: MaasDep) -> Response:
    booking = None
    if any(t.is_validated for t in body.travelers) or not operator.stanza.terms.driving_licence:
        planned = body.model_dump(mode="json", by_alias=True, exclude_none=True)
        booking = operator.offer(body.extra_info.booking_id, maas_id, body.use_assets[0], planned)
    until = operator.now() + timedelta(minutes=OFFER_MINUTES)
    options = [answers.booking_json(operator, booking)] if booking else []
    return _answer(201, {"validUntil": until.isoformat(), "options": options})


@routes.post("/bookings")
async def book(body: BookingIn, operator: OperatorDep, maas_id: MaasDep) -> Response:
    customer = body.customer.external_id if body.customer else None
    return _booking(operator, operator.book(body.id, maas_id, customer), 201)


@routes.get("/bookings")
async def list_bookings(
    operator: OperatorDep,
    maas_id: MaasDep,
    state: str | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="min-time")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="max-time")] = None,
) -> Response:
    found = operator.list_bookings(maas_id, state, since, until)
    return _answer(200, [answers.booking_json(operator, booking) for booking in found])


@routes.get("/bookings/{booking_id}")
async def read(booking_id: str, operator: OperatorDep, maas_id: MaasDep) -> Response:
    return _booking(operator, operator.get(booking_id, maas_id), 200)


@routes.post("/bookings/{booking_id}/events")
async def booking_event(
    booking_id: str, body: BookingEventIn, operator: OperatorDep, maas_id: MaasDep
) -> Response:
    moves = {"COMMIT": operator.commit, "CANCEL": operator.cancel}
    move = moves.get(body.operation, operator.extend)
    return _booking(operator, move(booking_id, maas_id), 200)


@routes.post("/legs/{leg_id}/events")
async def leg_event(
    leg_id: str, body: LegEventIn, operator: OperatorDep, maas_id: MaasDep
) -> Response:
    move = operator.set_in_use if body.event == "SET_IN_USE" else operator.finish
    return _answer(200, answers.leg_json(operator, move(leg_id, maas_id)))


def _booking(operator: Operator, booking: answers.Row, status: int) -> Response:
    response = _answer(status, answers.booking_json(operator, booking))
    if booking["state"] == "PENDING":
        until = datetime.fromisoformat(booking["expires_at"])
        response.headers["Expires"] = format_datetime(until, usegmt=True)
    return response


def _answer(status: int, body: object) -> Response:
    return JSONResponse(body, status, headers={"Content-Language": "de"})


async def _expiry(operator: Operator) -> None:
    while True:
        await asyncio.sleep(EXPIRY_TICK_SECONDS)
        operator.expire()


async def _problem_answer(_: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    body = {"errorcode": error.code, "status": error.status, "detail": error.detail}
    return _answer(error.status, {**body, "title": "refused", "type": "about:blank"})


async def _invalid_answer(request: Request, error: Exception) -> Response:
    return await _problem_answer(request, ProblemError(400, 1400, f"not understood: {error}"[:500]))


routes.include_router(control.router)
routes.add_exception_handler(ProblemError, _problem_answer)
routes.add_exception_handler(RequestValidationError, _invalid_answer)
