"""The hosted pages as routes: what the rider sees, and what their answer does."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from payments.sandbox import intents, pages, setup
from payments.sandbox.cards import CARDS
from payments.sandbox.debits import ACCOUNTS
from payments.sandbox.processor import read_body
from payments.sandbox.state import State
from payments.sandbox.wire import Json, StripeError


class HostedPages:
    """Saving a card or an account, and 3-D Secure."""

    def __init__(self, state: State) -> None:
        self._state = state

    def install(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/pay/3ds/{secret}", self.show_challenge, methods=["GET"])
        app.add_api_route("/pay/3ds/{secret}", self.answer_challenge, methods=["POST"])
        app.add_api_route("/pay/setup/{session_id}", self.show_setup, methods=["GET"])
        app.add_api_route("/pay/setup/{session_id}", self.answer_setup, methods=["POST"])

    def _find_challenge(self, secret: str) -> Json | None:
        intent = self._state.find(secret.partition("_secret_")[0])
        if intent is None or intent["object"] != "payment_intent":
            return None
        waits = intent["client_secret"] == secret and intent["status"] == "requires_action"
        return intent if waits else None

    def _find_session(self, session_id: str) -> Json | None:
        try:
            session = setup.get_session(self._state, session_id)
        except StripeError:
            return None
        return session if session["status"] == "open" else None

    async def show_challenge(self, secret: str) -> Response:
        """The bank's question."""
        intent = self._find_challenge(secret)
        return pages.challenge_page(intent) if intent else _gone()

    async def answer_challenge(self, secret: str, request: Request) -> Response:
        """The rider's answer; then back to the merchant."""
        given = parse_qs(await read_body(request)).get("answer", [""])[0]
        intent = self._find_challenge(secret)
        if intent is None:
            return _gone()
        if given not in {"accept", "refuse"}:
            return pages.challenge_page(intent)
        with self._state.writing():
            target = intents.finish_challenge(self._state, intent, accepted=given == "accept")
        if target is None:
            return pages.notice_page("Erledigt", "Du kannst dieses Fenster schließen.")
        return RedirectResponse(target, 303)

    async def show_setup(self, session_id: str) -> Response:
        """The choice of cards and, where they are allowed, of accounts."""
        session = self._find_session(session_id)
        return pages.setup_page(session) if session else _gone()

    async def answer_setup(self, session_id: str, request: Request) -> Response:
        """What was chosen; then back to the merchant."""
        token = parse_qs(await read_body(request)).get("method", [""])[0]
        session = self._find_session(session_id)
        if session is None:
            return _gone()
        debit = "sepa_debit" in session["payment_method_types"] and token in ACCOUNTS
        if token not in CARDS and not debit:
            return pages.setup_page(session, "Bitte wähle eine Karte oder ein Konto.")
        try:
            with self._state.writing():
                target = setup.complete_session(self._state, session, token)
        except StripeError:
            return pages.setup_page(session, "Die Bank hat diese Karte abgelehnt.")
        return RedirectResponse(target, 303)


def _gone() -> Response:
    message = "Diese Seite ist abgelaufen oder wurde schon benutzt."
    return pages.notice_page("Nicht mehr gültig", message, status=404)
