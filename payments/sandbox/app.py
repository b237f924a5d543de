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

from payments.sandbox import balance, debits
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
    debits_after_s: int | None = None,
) -> FastAPI:
    """The application. Without ``path`` nothing outlives it; without a hook nothing is sent.

    ``debits_after_s``: how long every bank takes for a debit, in place of what accounts stand for.
    """
    state = State(path, clock, seed=seed)
    state.debits_after_s = debits_after_s
    state.public_url = public_url.rstrip("/")
    faults = Faults()
    processor = Processor(state, faults)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        hooks = Hooks(state, faults, webhook_url, webhook_secret)
        running = [asyncio.create_task(hooks.run()), asyncio.create_task(_settle_debits(state))]
        yield
        for each in running:
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
        state.close()

    app = FastAPI(title="Payment sandbox", lifespan=lifespan, docs_url=None, openapi_url=None)
    app.state.processor = state  # for who runs it in a process of his own
    app.add_api_route("/v1/{path:path}", processor.answer, methods=["GET", "POST", "DELETE"])
    HostedPages(state).install(app)
    _add_faults(app, faults)
    _add_controls(app, state)
    return app


async def _settle_debits(state: State) -> None:
    while True:
        await asyncio.sleep(1)
        with state.writing():
            debits.settle_due(state)


def _add_faults(app: FastAPI, faults: Faults) -> None:
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

    app.add_api_route("/livez", health, methods=["GET"])
    app.add_api_route("/sandbox/faults", list_faults, methods=["GET"])
    app.add_api_route("/sandbox/faults", arm_fault, methods=["POST"])
    app.add_api_route("/sandbox/faults", clear_faults, methods=["DELETE"])


def _add_controls(app: FastAPI, state: State) -> None:
    """What a bank does, by command."""

    def done(act: Callable[[], Json], status: int = 200) -> Response:
        try:
            with state.writing():
                return JSONResponse(act(), status)
        except StripeError as error:
            return JSONResponse(error.body, error.status)

    async def pay_out() -> Response:
        return done(lambda: balance.pay_out(state, "eur", None), 201)

    async def fail_refund(refund_id: str) -> Response:
        return done(lambda: balance.fail_refund(state, refund_id))

    async def decide_debit(intent_id: str, outcome: str) -> Response:
        return done(lambda: debits.command(state, intent_id, outcome))

    app.add_api_route("/sandbox/payouts", pay_out, methods=["POST"])
    app.add_api_route("/sandbox/refunds/{refund_id}/fail", fail_refund, methods=["POST"])
    app.add_api_route("/sandbox/debits/{intent_id}/{outcome}", decide_debit, methods=["POST"])
