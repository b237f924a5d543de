"""The demo operator's HTTP face: the TOMP 1.6 endpoints an operator serves, and ``/sandbox``.

``/sandbox`` steers and shows the demo and has no place in a real operator; it asks for no token,
which is why the program listens on the loopback address only unless told otherwise.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from providers.sandbox import answers
from providers.sandbox.answers import Json
from providers.sandbox.control import control_router
from providers.sandbox.faults import Faults, FaultyOperator
from providers.sandbox.push import Pusher
from providers.sandbox.requests import BookingEventIn, BookingIn, LegEventIn, PlanningIn
from providers.sandbox.rules import Operator, ProblemError

OFFER_MINUTES = 5
EXPIRY_TICK_SECONDS = 1.0
Caller = Callable[..., Awaitable[str]]


def make_app(operator: Operator, *, token: str, pusher: Pusher | None = None) -> FaultyOperator:
    """The operator as an ASGI application; ``pusher`` runs as long as it does."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_expiry(operator))]
        if pusher is not None:
            operator.changed = pusher.wake.set
            tasks.append(asyncio.create_task(pusher.run()))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    faults = Faults()
    app = FastAPI(title=operator.stanza.name, lifespan=lifespan)
    caller = _caller(token)
    app.include_router(_information_router(operator, caller))
    app.include_router(_booking_router(operator, caller))
    app.include_router(control_router(operator, faults))
    app.add_exception_handler(ProblemError, _problem_answer)
    app.add_exception_handler(RequestValidationError, _invalid_answer)
    return FaultyOperator(app, faults)


def _caller(token: str) -> Caller:
    """Who calls, once the headers that TOMP asks for are in order."""

    async def caller(
        request: Request,
        maas_id: Annotated[str, Header()],
        api_version: Annotated[str, Header()],
    ) -> str:
        if request.headers.get("authorization") != f"Bearer {token}":
            raise ProblemError(401, 1001, "this token opens nothing here")
        if not api_version.startswith("1."):
            raise ProblemError(400, 1002, f"speaks TOMP 1.6, not {api_version}")
        return maas_id

    return caller


def _information_router(operator: Operator, caller: Caller) -> APIRouter:
    router = APIRouter(prefix="/operator")
    known = [Depends(caller)]

    @router.get("/ping")
    async def ping() -> Json:
        return {}

    @router.get("/available-assets", dependencies=known)
    async def assets() -> Response:
        return _answer(200, answers.asset_types_json(operator))

    @router.get("/stations", dependencies=known)
    async def stations() -> Response:
        return _answer(200, answers.stations_json(operator))

    @router.get("/pricing-plans", dependencies=known)
    async def plans() -> Response:
        return _answer(200, answers.pricing_plans_json(operator))

    return router


def _booking_router(operator: Operator, caller: Caller) -> APIRouter:
    router = APIRouter()
    maas = Annotated[str, Depends(caller)]

    @router.post("/planning/offers")
    async def offers(body: PlanningIn, maas_id: maas) -> Response:
        booking = None
        if any(t.is_validated for t in body.travelers) or not operator.stanza.terms.driving_licence:
            planned = body.model_dump(mode="json", by_alias=True, exclude_none=True)
            booking = operator.offer(
                body.extra_info.booking_id, maas_id, body.use_assets[0], planned
            )
        until = operator.now() + timedelta(minutes=OFFER_MINUTES)
        options = [answers.booking_json(operator, booking)] if booking else []
        return _answer(201, {"validUntil": until.isoformat(), "options": options})

    @router.post("/bookings")
    async def book(body: BookingIn, maas_id: maas) -> Response:
        customer = body.customer.external_id if body.customer else None
        return _booking(operator, operator.book(body.id, maas_id, customer), 201)

    @router.get("/bookings")
    async def list_bookings(
        maas_id: maas,
        state: str | None = None,
        since: Annotated[AwareDatetime | None, Query(alias="min-time")] = None,
        until: Annotated[AwareDatetime | None, Query(alias="max-time")] = None,
    ) -> Response:
        found = operator.list_bookings(maas_id, state, since, until)
        return _answer(200, [answers.booking_json(operator, booking) for booking in found])

    @router.get("/bookings/{booking_id}")
    async def read(booking_id: str, maas_id: maas) -> Response:
        return _booking(operator, operator.get(booking_id, maas_id), 200)

    @router.post("/bookings/{booking_id}/events")
    async def booking_event(booking_id: str, body: BookingEventIn, maas_id: maas) -> Response:
        moves = {"COMMIT": operator.commit, "CANCEL": operator.cancel}
        move = moves.get(body.operation, operator.extend)
        return _booking(operator, move(booking_id, maas_id), 200)

    @router.post("/legs/{leg_id}/events")
    async def leg_event(leg_id: str, body: LegEventIn, maas_id: maas) -> Response:
        move = operator.set_in_use if body.event == "SET_IN_USE" else operator.finish
        return _answer(200, answers.leg_json(operator, move(leg_id, maas_id)))

    return router


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
