"""The hosted pages: saving a card or an account, 3-D Secure. Plain HTML in German, no script."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse

from payments.sandbox.cards import CARDS
from payments.sandbox.debits import ACCOUNTS
from payments.sandbox.wire import Json

_STYLE = """
:root{color-scheme:light dark;font:17px/1.5 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#eef2f6;color:#16202b}
main{background:#fff;border-radius:14px;padding:2rem;width:min(26rem,calc(100vw - 2rem));
box-sizing:border-box;box-shadow:0 8px 30px #0b254519}
h1{font-size:1.25rem;margin:0 0 .5rem}p{margin:.4rem 0 1rem}
.sum{font-size:2rem;font-weight:700;margin:.2rem 0 1rem}
label{display:flex;gap:.7rem;align-items:center;padding:.7rem;border:1px solid #b9c6d3;
border-radius:9px;margin:.5rem 0;cursor:pointer}
label:focus-within{outline:3px solid #1b62d6;outline-offset:2px}
button,.quiet{display:block;width:100%;box-sizing:border-box;padding:.8rem;margin-top:.7rem;
border-radius:9px;border:1px solid #1b62d6;font:inherit;text-align:center;cursor:pointer}
button{background:#1b62d6;color:#fff;font-weight:600}
button.quiet,.quiet{background:none;color:#1b62d6;text-decoration:none;font-weight:400}
button:focus-visible,a:focus-visible{outline:3px solid #0b2545;outline-offset:2px}
.bad{background:#fdecea;color:#8c1d13;border-radius:9px;padding:.7rem}
small{color:#51606f;display:block;margin-top:1.2rem}
@media(prefers-color-scheme:dark){body{background:#10161d;color:#e8eef4}main{background:#1a232d}
label{border-color:#435261}button.quiet,.quiet{color:#8ab4f8;border-color:#8ab4f8}
small{color:#a6b4c2}.bad{background:#4a1a15;color:#ffdad5}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


_MANDATE = (
    "Wer ein Konto wählt, erteilt ein SEPA-Lastschriftmandat: Er ermächtigt den Verkehrsdienst, "
    "Zahlungen von seinem Konto durch Lastschrift einzuziehen, und weist seine Bank an, sie "
    "einzulösen. Innerhalb von acht Wochen ab der Belastung kann er die Erstattung verlangen."
)


def _origin(url: str | None) -> str:
    parts = urlsplit(url or "")
    return f" {parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""


def _page(title: str, body: str, *, leads_to: str | None = None, status: int = 200) -> HTMLResponse:
    """A page. Browsers hold ``form-action`` against redirects too, so it names the way back."""
    html = (
        f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}"
        "<small>Demo-Zahlungsdienst: Es fließt kein echtes Geld.</small></main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        f"form-action 'self'{_origin(leads_to)}; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return HTMLResponse(html, status, headers)


def sum_in_german(amount: int, currency: str) -> str:
    """``12,50 €``."""
    sign = "€" if currency == "eur" else currency.upper()
    return f"{amount // 100:,}".replace(",", ".") + f",{amount % 100:02d} {sign}"


def setup_page(session: Json, problem: str | None = None) -> HTMLResponse:
    """Choose a test card to save or, where debits are allowed, a test account."""
    methods = [(token, f"•••• {card.last4} – {card.label}") for token, card in CARDS.items()]
    mandate = ""
    if "sepa_debit" in session["payment_method_types"]:
        methods += [
            (token, f"{each.iban[:2]} •••• {each.iban[-4:]} – {each.label}")
            for token, each in ACCOUNTS.items()
        ]
        mandate = f"<p><small>{_MANDATE}</small></p>"
    choices = "".join(
        f'<label><input type="radio" name="method" value="{escape(token)}" required'
        f"{' checked' if index == 0 else ''}> {escape(label)}</label>"
        for index, (token, label) in enumerate(methods)
    )
    notice = f'<p class="bad" role="alert">{escape(problem)}</p>' if problem else ""
    back = session["cancel_url"]
    leave = f'<a class="quiet" href="{escape(back)}">Abbrechen</a>' if _origin(back) else ""
    body = (
        f"{notice}<p>Wähle eine Testkarte{' oder ein Testkonto' if mandate else ''}.</p>"
        f'<form method="post">{choices}{mandate}<button>Speichern</button></form>{leave}'
    )
    status = 402 if problem else 200
    return _page("Zahlungsmittel hinterlegen", body, leads_to=session["success_url"], status=status)


def challenge_page(intent: Json) -> HTMLResponse:
    """The bank asks whether this payment is really meant."""
    body = (
        "<p>Deine Bank bittet dich, diese Zahlung freizugeben.</p>"
        f'<p class="sum">{escape(sum_in_german(intent["amount"], intent["currency"]))}</p>'
        '<form method="post"><button name="answer" value="accept">Zahlung freigeben</button>'
        '<button class="quiet" name="answer" value="refuse">Ablehnen</button></form>'
    )
    return _page("Zahlung bestätigen", body, leads_to=intent["_return_url"])


def notice_page(title: str, message: str, *, status: int = 200) -> HTMLResponse:
    """A page that only says something."""
    return _page(title, f"<p>{escape(message)}</p>", status=status)
