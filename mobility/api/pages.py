"""The pages we serve ourselves: what this is, and where the processor sends a rider back to."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from mobility.api.dependencies import WiringDep

router = APIRouter(include_in_schema=False)

_STYLE = """body{font:1.1rem/1.5 system-ui;margin:3rem auto;max-width:32rem;padding:0 1rem;
color:#123;background:#fff}h1{font-size:1.5rem}small{color:#456}
@media(prefers-color-scheme:dark){body{color:#e8eef4;background:#10161d}a{color:#8ab4f8}
small{color:#a6b4c2}}"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_BACK = "Du kannst dieses Fenster schließen und in die App zurückkehren."
_REFUSED = (
    "Die Zahlung ist nicht freigegeben.",
    f"Deine Bank hat abgelehnt, es wird nichts abgebucht. {_BACK} Dort kannst du neu buchen.",
)
_APPROVED = (
    "Danke, deine Bank hat die Zahlung freigegeben.",
    f"{_BACK} Dort steht, ob deine Fahrt gebucht ist.",
)
_CARD = (
    "Danke, das war’s hier.",
    f"{_BACK} Wenn du eine Karte gespeichert hast, steht sie dort bei deinen Zahlungsmitteln.",
)
_UNKNOWN = (
    "Danke, das war’s hier.",
    f"{_BACK} Dort steht, ob die Zahlung geklappt hat und deine Fahrt gebucht ist.",
)


def _page(title: str, body: str) -> HTMLResponse:
    html = (
        '<!doctype html><html lang="de"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(html, headers=_HEADERS)


@router.get("/")
async def home(wiring: WiringDep) -> HTMLResponse:
    """What this is, and where to go on."""
    city = wiring.city
    sources = "; ".join(
        f'<a href="{escape(str(source.url))}">{escape(source.text)}</a>, {escape(source.licence)}'
        for source in city.attributions
    )
    return _page(
        f"Mobilität in {city.title}",
        "<p>Das ist die Schnittstelle, die Wege mit Bus, Fähre, Rad und Auto sucht, alle "
        "Abschnitte als eine Fahrt bucht und einmal bargeldlos bezahlt. Für Menschen gibt es hier "
        'nur die <a href="docs">Dokumentation mit Beispielen</a> (englisch) und den '
        '<a href="healthz">Zustand</a> des Dienstes; Programme lesen die '
        '<a href="openapi.json">OpenAPI-Beschreibung</a>.</p>'
        f"<p><small>Daten: {sources}</small></p>",
    )


@router.get("/payment-done")
async def payment_done(redirect_status: str = "", setup: str | None = None) -> HTMLResponse:
    """Tell the rider to go back to the app, which alone knows how it went.

    ``setup`` is ours, for a visit to save a card. ``redirect_status`` is the processor's, after
    3-D Secure. Whoever types an address can set both, so nothing is decided by them.
    """
    told = _UNKNOWN
    if setup is not None:
        told = _CARD
    elif redirect_status:
        told = _APPROVED if redirect_status == "succeeded" else _REFUSED
    title, text = told
    return _page(title, f"<p>{escape(text)}</p>")
