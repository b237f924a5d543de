"""The one page we serve ourselves: where the processor sends a rider back to."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="de"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Zurück zur App</title>
<style>body{font:1.1rem/1.5 system-ui;margin:3rem auto;max-width:28rem;padding:0 1rem;color:#123}
h1{font-size:1.5rem}</style>
<h1>Danke, das war’s hier.</h1>
<p>Du kannst dieses Fenster schließen und in die App zurückkehren. Dort steht, ob die Zahlung
geklappt hat und deine Fahrt gebucht ist.</p></html>
"""


@router.get("/payment-done")
async def payment_done() -> HTMLResponse:
    """Tell the rider to go back to the app, which knows how the payment went."""
    return HTMLResponse(
        _PAGE,
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "Cache-Control": "no-store",
        },
    )
