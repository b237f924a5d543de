"""The least that a web server of ours can do: a bare Starlette route with a ready body."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = "BENCHMARK_BODY"
"""The variable that names the file with the body."""


def create_app() -> Starlette:
    """The application; answers POST / with the body."""
    body = Path(os.environ[BODY]).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])
