"""What one client may ask of us: how often, how much at once, and from which web pages."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from fastapi import FastAPI, HTTPException
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mobility.api.errors import BY_STATUS, domain_response, find_problem, problem_response
from mobility.api.request_scope import HEADER, RequestScope
from mobility.identity.errors import NotSignedInError, TooManyAttemptsError
from mobility.identity.secrets import Secrets
from mobility.identity.tokens import read_access_token
from mobility.settings import Settings
from mobility.wiring import Wiring

BODY_LIMIT_BYTES = 1_000_000
LARGER_BODIES: Mapping[str, int] = {
    "/v1/provider/": 5_000_000,
    "/v1/finance/imports": 20_000_000,
}
"""Path prefixes whose senders are authenticated and send whole snapshots or statements."""
COUNT_WITHIN_S = 2.0
LINGER_S = 2.0
_CLOSING = {"Connection": "close"}
UNCOUNTED = ("/livez", "/readyz", "/healthz", "/metrics", "/webhooks/")
_log = logging.getLogger("mobility.api")

_TAKE = """
local tat = tonumber(redis.call('GET', KEYS[1]) or '0')
local now = tonumber(ARGV[1])
local interval = tonumber(ARGV[2])
local burst = tonumber(ARGV[3])
if tat < now then tat = now end
local wait = tat + interval - interval * burst - now
if wait > 0.001 then return math.ceil(wait) end
tat = tat + interval
redis.call('SET', KEYS[1], string.format('%.3f', tat), 'PX', math.max(1, math.ceil(tat - now)))
return 0
"""


async def take(redis: Redis, key: str, *, limit: int, period: timedelta, now: datetime) -> int:
    """Count one use of ``key`` among all API processes; 0, or the seconds to wait.

    A leaky bucket (the generic cell rate algorithm, ITU-T I.371): ``limit`` at once, refilled
    evenly over ``period``. A refused use does not count. A limit of 0 or less means none.

    Raises:
        redis.exceptions.RedisError: it could not be counted.
    """
    if limit <= 0:
        return 0
    now_ms = now.timestamp() * 1000
    interval_ms = period.total_seconds() * 1000 / limit
    try:
        async with asyncio.timeout(COUNT_WITHIN_S):
            wait_ms = await redis.eval(
                _TAKE, 1, key, f"{now_ms:.3f}", f"{interval_ms:.6f}", str(limit)
            )
    except TimeoutError as error:
        raise RedisTimeoutError(f"not counted within {COUNT_WITHIN_S} s") from error
    return -(-int(wait_ms) // 1000)


def client_key(scope: Scope, secrets: Secrets) -> str:
    """The client's address, hidden; of an IPv6 address the network, as a client has all of it."""
    return _hidden(scope["client"][0] if scope.get("client") else "", secrets.client_key)


@lru_cache(maxsize=4096)
def _hidden(host: str, key: bytes) -> str:
    try:
        address = ipaddress.ip_address(host)
        if address.version == 6:
            host = str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        host = host or "unknown"
    return hmac.new(key, host.encode(), hashlib.sha256).hexdigest()[:24]


async def take_or_refuse(
    wiring: Wiring, name: str, *, limit: int, period: timedelta, now: datetime, detail: str
) -> None:
    """Count one use of a named limit.

    Raises:
        TooManyAttemptsError: the limit is reached.
    """
    key = f"{wiring.settings.redis_prefix}limit:{name}"
    wait_s = await take(wiring.redis, key, limit=limit, period=period, now=now)
    if wait_s:
        raise TooManyAttemptsError(detail, retry_after_s=wait_s)


class RateLimit:
    """ASGI middleware: requests a minute by rider, else by address.

    When Redis cannot be reached requests pass uncounted: searches must not fail with it. The
    limits of sign-in (``api.auth``) hold then nevertheless, by refusing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            await self._app(scope, receive, send)
            return
        try:
            await _count(scope)
        except TooManyAttemptsError as error:
            problem = find_problem(error)
            assert problem is not None
            await domain_response(scope, error, problem)(scope, receive, send)
            return
        except RedisError as error:
            _log.warning("requests are not counted: %s", type(error).__name__)
        await self._app(scope, receive, send)


async def _count(scope: Scope) -> None:
    wiring: Wiring = scope["app"].state.wiring
    now = wiring.clock()
    await take_or_refuse(
        wiring,
        _who(scope, wiring.secrets, now),
        limit=wiring.settings.rate_limit_per_minute,
        period=timedelta(minutes=1),
        now=now,
        detail="slow down; Retry-After says when the next request is answered",
    )


def _who(scope: Scope, secrets: Secrets, now: datetime) -> str:
    kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        try:
            return read_access_token(secrets.token_signing_key, token.strip(), now).rider_id
        except NotSignedInError:
            pass
    return client_key(scope, secrets)


class BodyLimit:
    """ASGI middleware: refuses a body when its length is told or as soon as it has grown too far.

    The connection is closed then. Before that, what a client goes on sending is thrown away for a
    moment: closed at once, many clients would find a reset connection instead of the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next(
            (size for prefix, size in LARGER_BODIES.items() if scope["path"].startswith(prefix)),
            BODY_LIMIT_BYTES,
        )
        detail = f"at most {limit} bytes are read here"
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise HTTPException(413, detail, _CLOSING)
            return message

        async def send_lingering(message: Message) -> None:
            over = received > limit and message["type"] == "http.response.body"
            if over and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await _throw_away(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        told = Headers(scope=scope).get("content-length", "")
        if told.isascii() and told.isdigit() and (len(told) > 18 or int(told) > limit):
            received = limit + 1
            response = problem_response(scope, BY_STATUS[413], detail=detail, headers=_CLOSING)
            await response(scope, receive, send_lingering)
            return
        await self._app(scope, receive_counted, send_lingering)


async def _throw_away(receive: Receive) -> None:
    """Read and forget until the client stops or ``LINGER_S`` are over."""
    clock = asyncio.get_running_loop().time
    end = clock() + LINGER_S
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(end):
            while clock() < end:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


def install_limits(app: FastAPI, settings: Settings) -> None:
    """Put the middleware around an application: CORS, request scope, rate, body, from outside in.

    ``app.state.wiring`` must be set before the first request.
    """
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimit)
    app.add_middleware(RequestScope)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=[HEADER, "Location", "Retry-After", "WWW-Authenticate"],
            max_age=600,
        )
