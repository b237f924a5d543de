"""``/docs``: every operation to read and to try. All of it comes from here, nothing from a CDN."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse, HTMLResponse

router = APIRouter(prefix="/docs", include_in_schema=False)

_ASSETS = {
    name: Path(str(files("fastapi_offline") / "static" / name))
    for name in ("swagger-ui.css", "swagger-ui-bundle.js")
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Unified mobility booking: operations</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.get("")
async def show() -> HTMLResponse:
    """The page."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/start.js")
async def start() -> Response:
    """What starts it."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)


@router.get("/{name}")
async def asset(name: str) -> FileResponse:
    """Swagger UI, as ``fastapi-offline`` carries it."""
    if name not in _ASSETS:
        raise HTTPException(404)
    return FileResponse(_ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})
