"""The processor as an ASGI application: Stripe's API, the hosted pages, and the demo's controls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from payments.sandbox import balance
from payments.sandbox.faults import Faults
from payments.sandbox.hooks import Hooks
from payments.sandbox.hosted import HostedPages
from payments.sandbox.processor import Processor, read_body
from payments.sandbox.state import State
from payments.sandbox.wire import Json, StripeError


def create_app(
    *,
    path: Path | None = None,
    public_url: str = "http://127.0.0.1",
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    seed: str | None = None,
) -> FastAPI:
    """The application. Without ``path`` nothing outlives it; without a hook nothing is sent."""
    state = State(path, clock, seed=seed)
    state.public_url = public_url.rstrip("/")
    faults = Faults()
    processor = Processor(state, faults)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        delivering = asyncio.create_task(Hooks(state, faults, webhook_url, webhook_secret).run())
        yield
        delivering.cancel()
        with suppress(asyncio.CancelledError):
            await delivering
        state.close()

    app = FastAPI(title="Payment sandbox", lifespan=lifespan, docs_url=None, openapi_url=None)
    app.add_api_route("/v1/{path:path}", processor.answer, methods=["GET", "POST", "DELETE"])
    HostedPages(state).install(app)
    _add_controls(app, state, faults)
    return app


def _add_controls(app: FastAPI, state: State, faults: Faults) -> None:
    async def health() -> Json:
        return {"status": "ok"}

    async def list_faults() -> Json:
        return {"faults": faults.listed()}

    async def arm_fault(request: Request) -> Response:
        try:
            faults.arm(json.loads(await read_body(request)))
        except (StripeError, ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"not a fault: {error}"}, 422)
        return JSONResponse({"faults": faults.listed()}, 201)

    async def clear_faults() -> Json:
        faults.clear()
        return {"faults": []}

    async def pay_out() -> Response:
        try:
            with state.writing():
                payout = balance.pay_out(state, "eur", None)
        except StripeError as error:
            return JSONResponse(error.body, error.status)
        return JSONResponse(payout, 201)

    async def fail_refund(refund_id: str) -> Response:
        try:
            with state.writing():
                refund = balance.fail_refund(state, refund_id)
        except StripeError as error:
            return JSONResponse(error.body, error.status)
        return JSONResponse(refund)

    app.add_api_route("/livez", health, methods=["GET"])
    app.add_api_route("/sandbox/faults", list_faults, methods=["GET"])
    app.add_api_route("/sandbox/faults", arm_fault, methods=["POST"])
    app.add_api_route("/sandbox/faults", clear_faults, methods=["DELETE"])
    app.add_api_route("/sandbox/payouts", pay_out, methods=["POST"])
    app.add_api_route("/sandbox/refunds/{refund_id}/fail", fail_refund, methods=["POST"])
