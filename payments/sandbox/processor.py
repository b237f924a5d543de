"""One call of the API: who asks, once per idempotency key, and what goes wrong by command."""

from __future__ import annotations

import asyncio
import hashlib

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from payments.sandbox.endpoints import Endpoint, find_endpoint
from payments.sandbox.faults import CALL_FAULTS, Armed, Fault, Faults
from payments.sandbox.state import State
from payments.sandbox.wire import API_VERSION, Json, StripeError, parse_form, render

_MAX_BODY = 262_144
_FAILED: Json = {
    "error": {"type": "api_error", "message": "An unexpected error occurred (by command)."}
}


class Processor:
    """Answers Stripe's API out of its state."""

    def __init__(self, state: State, faults: Faults) -> None:
        self.state = state
        self.faults = faults
        self._in_flight: set[str] = set()
        self._requests = 0

    async def answer(self, request: Request) -> Response:
        """One call of Stripe's API."""
        self._requests += 1
        headers = {
            "request-id": f"req_sbx{self.state.seed}{self._requests:08d}",
            "stripe-version": request.headers.get("stripe-version", API_VERSION),
        }
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key:
            headers["idempotency-key"] = key
        try:
            body = await read_body(request)
            _authenticate(request)
            endpoint, ids = find_endpoint(request.method, request.url.path)
            encoded = body if request.method == "POST" else request.url.query
            params = parse_form(encoded)
            self.state.request = {"id": headers["request-id"], "idempotency_key": key}
            struck = await self._lose(endpoint)
            status, content = await self._once(endpoint, ids, params, key, encoded, headers, struck)
        except StripeError as error:
            status, content = error.status, error.body
        return JSONResponse(content, status, headers)

    async def _lose(self, endpoint: Endpoint) -> Armed | None:
        """The fault that this call suffers; one that loses the request ends it here."""
        struck = self.faults.strike(endpoint.name, CALL_FAULTS)
        if struck is not None and struck.fault is Fault.ERROR_429:
            raise StripeError(429, "Too many requests hit the API too quickly.", code="rate_limit")
        if struck is not None and struck.fault is Fault.TIMEOUT_BEFORE:
            await _keep_waiting(struck)
            raise StripeError(503, "The request was lost (by command).", kind="api_error")
        return struck

    async def _once(
        self,
        endpoint: Endpoint,
        ids: tuple[str, ...],
        params: Json,
        key: str | None,
        encoded: str,
        headers: dict[str, str],
        struck: Armed | None,
    ) -> tuple[int, Json]:
        """Carry out, or replay the first answer (docs.stripe.com/api/idempotent_requests)."""
        if key is None:
            return await self._carry_out(endpoint, ids, params, None, "", struck)
        print_of = hashlib.sha256(f"{endpoint.name} {ids} {encoded}".encode()).hexdigest()
        if key in self._in_flight:
            raise StripeError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that "
                f"probably means you submitted twice, and the other request is still going): {key}",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        stored = self.state.find_answer(key)
        if stored is not None:
            if stored["print"] != print_of:
                raise StripeError(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they "
                    f"were first used with. Try using a key other than '{key}' if you meant to "
                    "execute a different request.",
                    kind="idempotency_error",
                )
            headers["idempotent-replayed"] = "true"
            return stored["status"], stored["content"]
        self._in_flight.add(key)
        try:
            return await self._carry_out(endpoint, ids, params, key, print_of, struck)
        finally:
            self._in_flight.discard(key)

    async def _carry_out(
        self,
        endpoint: Endpoint,
        ids: tuple[str, ...],
        params: Json,
        key: str | None,
        print_of: str,
        struck: Armed | None,
    ) -> tuple[int, Json]:
        fault = struck and struck.fault
        with self.state.writing():
            if fault is Fault.ERROR_500_BEFORE:
                status, content, keep = 500, _FAILED, True
            else:
                status, content, keep = self._execute(endpoint, ids, params)
            if fault is Fault.ERROR_500_AFTER:
                status, content = 500, _FAILED
            if key is not None and keep:
                answer = {"print": print_of, "status": status, "content": content}
                self.state.keep_answer(key, answer)
        if fault is Fault.TIMEOUT_AFTER:
            await _keep_waiting(struck)
        return status, content

    def _execute(
        self, endpoint: Endpoint, ids: tuple[str, ...], params: Json
    ) -> tuple[int, Json, bool]:
        expand = params.get("expand") or []
        try:
            found = endpoint.answer(self.state, params, ids)
        except StripeError as error:
            return error.status, error.body, error.executed
        paths = [str(each) for each in expand] if isinstance(expand, list) else []
        return 200, render(found, self.state.find, paths), True


async def read_body(request: Request) -> str:
    """The body as text.

    Raises:
        StripeError: 413, more than 256 KB.
    """
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > _MAX_BODY:
            raise StripeError(413, "The request body is too large.")
    return chunks.decode("utf-8", errors="replace")


def _authenticate(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise StripeError(401, "You did not provide an API key.")
    if not key.startswith("sk_test_"):
        shown = key[:8] + "*" * 8
        raise StripeError(401, f"Invalid API Key provided: {shown}")


async def _keep_waiting(struck: Armed | None) -> None:
    await asyncio.sleep(struck.seconds if struck else 0)
