"""Errors in the shape of the MOTIS API: ``{"error": "…"}``, JSON, with a status of its document.

These routes keep to the document that existing apps are made for, not to RFC 9457. What the
middleware around all routes refuses (429, 413) is a problem document here as everywhere.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from mobility.api.errors import find_problem, request_id

_log = logging.getLogger("mobility.api")
_KEPT_STATUS = frozenset({401, 403, 404, 429, 503})


class BadQueryError(Exception):
    """A parameter that cannot be used; the message says which, and what to write instead."""


class NotThereError(Exception):
    """What the query names does not exist; the message says where to find what does."""


def error_response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error document."""
    return JSONResponse({"error": message}, status, headers)


def answer(content: object) -> Response:
    """A JSON answer, made of plain values."""
    return Response(to_json(content), media_type="application/json")


class MotisRoute(APIRoute):
    """A route whose answers are never stored by anybody, and whose errors have the MOTIS shape.

    What was not foreseen is logged without its message, which could repeat a position.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors translated."""
        inner = super().get_route_handler()
        template = self.path

        async def handle(request: Request) -> Response:
            try:
                response = await inner(request)
            except Exception as error:  # noqa: BLE001, everything ends in the document's shape
                response = _response_to(error) or _unforeseen(request, template, error)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return handle


def _response_to(error: Exception) -> Response | None:
    if isinstance(error, BadQueryError):
        return error_response(400, str(error))
    if isinstance(error, NotThereError):
        return error_response(404, str(error))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return error_response(400, f"{where}: {first['msg']}")
    if isinstance(error, HTTPException):
        return error_response(error.status_code, str(error.detail), dict(error.headers or {}))
    problem = find_problem(error)
    if problem is None or problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if problem.status in _KEPT_STATUS:
        headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
        said = problem.title if problem.status == 503 else str(error) or problem.title
        return error_response(problem.status, said, headers)
    return error_response(400, str(error) or problem.title)


def _unforeseen(request: Request, template: str, error: Exception) -> Response:
    name = request_id(request.scope)
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("request %s on %s failed: %s\n%s", name, template, type(error).__name__, frames)
    return error_response(500, f"this is our fault; our log knows it as request {name}")
