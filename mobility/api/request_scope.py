"""Around every request: its id, the line in the access log, its numbers, and the last resort.

Only the route's template is logged and counted, never the path or the query: a path may hold a
ticket, and where a foreign standard puts a position into the URL it ends here.
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mobility.api.errors import BY_STATUS, problem_response

HEADER = "X-Request-Id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_access = logging.getLogger("mobility.access")
_log = logging.getLogger("mobility.api")
_requests = Counter("mobility_http_requests", "Requests answered.", ("method", "route", "status"))
_seconds = Histogram(
    "mobility_http_request_seconds",
    "Time until an answer was complete.",
    ("method", "route"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def _route(scope: Scope) -> str:
    template = getattr(scope.get("route"), "path", None)
    return template if isinstance(template, str) else "unmatched"


class RequestScope:
    """ASGI middleware; must stand around all others but CORS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception:
            _log.exception("request %s on %s failed", request_id, _route(scope))
            if status:
                raise
            await problem_response(
                scope, BY_STATUS[500], detail="this is our fault; the instance names it in our log"
            )(scope, receive, send_named)
        finally:
            _record(scope, request_id, status, time.perf_counter() - started)


def _record(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    route = _route(scope)
    _requests.labels(method, route, str(status)).inc()
    _seconds.labels(method, route).observe(seconds)
    _access.info("%s %s %d %.1f ms %s", method, route, status, seconds * 1000, request_id)
