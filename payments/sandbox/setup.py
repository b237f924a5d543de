"""Saving a card or an account: SetupIntents, and Checkout Sessions in setup mode."""

from __future__ import annotations

from payments.sandbox.cards import attach, decline, find_method, get_live_customer, refuses_to_save
from payments.sandbox.debits import accept_mandate
from payments.sandbox.shapes import new_session, new_setup_intent
from payments.sandbox.state import State
from payments.sandbox.wire import (
    Json,
    StripeError,
    invalid,
    metadata,
    method_types,
    need,
    page,
    text,
)


def create_setup_intent(state: State, params: Json) -> Json:
    """``POST /v1/setup_intents``."""
    customer = text(params, "customer")
    if customer is not None:
        get_live_customer(state, customer)
    intent = new_setup_intent(state, customer)
    intent["metadata"] = metadata(params)
    intent["usage"] = text(params, "usage") or "off_session"
    _allow(intent, params)
    method = text(params, "payment_method")
    if method is not None:
        intent.update(
            payment_method=find_method(state, method)["id"], status="requires_confirmation"
        )
    state.put(intent)
    state.emit("setup_intent.created", intent)
    if params.get("confirm") == "true":
        return confirm_setup_intent(state, params, intent["id"])
    return intent


def _allow(intent: Json, params: Json) -> None:
    types = method_types(params)
    intent.update(allowed_payment_method_types=types, payment_method_types=types)


def confirm_setup_intent(state: State, params: Json, intent_id: str) -> Json:
    """``POST /v1/setup_intents/{id}/confirm``: checked and saved with the customer."""
    intent = state.get("setup_intent", intent_id)
    if intent["status"] not in {"requires_payment_method", "requires_confirmation"}:
        raise StripeError(
            400,
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
            executed=True,
        )
    given = text(params, "payment_method") or intent["payment_method"]
    if given is None:
        raise invalid("Missing required param: payment_method.", param="payment_method")
    method = find_method(state, given)
    if method["type"] not in intent["allowed_payment_method_types"]:
        raise invalid(f"{method['type']} is not allowed here.", param="payment_method")
    card = refuses_to_save(method)
    if card is not None:
        refusal = decline(card)
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            last_setup_error=dict(refusal.body["error"]),
        )
        state.put(intent)
        state.emit("setup_intent.setup_failed", intent)
        raise refusal
    if intent["customer"] is not None:
        attach(state, method, intent["customer"])
    if method["type"] == "sepa_debit":
        intent["mandate"] = accept_mandate(state, method)["id"]
    intent.update(status="succeeded", payment_method=method["id"], last_setup_error=None)
    state.put(intent)
    state.emit("setup_intent.succeeded", intent)
    return intent


def cancel_setup_intent(state: State, params: Json, intent_id: str) -> Json:
    """``POST /v1/setup_intents/{id}/cancel``."""
    intent = state.get("setup_intent", intent_id)
    if intent["status"] in {"succeeded", "canceled"}:
        raise StripeError(
            400,
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
            executed=True,
        )
    intent.update(status="canceled", cancellation_reason=text(params, "cancellation_reason"))
    return state.put(intent)


def retrieve_setup_intent(state: State, _params: Json, intent_id: str) -> Json:
    """``GET /v1/setup_intents/{id}``."""
    return state.get("setup_intent", intent_id)


def list_setup_intents(state: State, params: Json) -> Json:
    """``GET /v1/setup_intents``: which mandate belongs to which method."""
    wanted = {name: text(params, name) for name in ("customer", "payment_method")}
    found = [
        each
        for each in state.list_all("setup_intent")
        if all(value is None or each[name] == value for name, value in wanted.items())
    ]
    return page(found, params, "/v1/setup_intents")


def create_session(state: State, params: Json) -> Json:
    """``POST /v1/checkout/sessions``, in setup mode only."""
    if need(params, "mode") != "setup":
        raise invalid("This sandbox has Checkout Sessions in setup mode only.", param="mode")
    if "payment_method_types" in params:
        raise invalid(
            "The payment_method_types parameter is no longer supported; use "
            "allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    if "currency" not in params and "allowed_payment_method_types" not in params:
        raise invalid(
            "Missing required param: currency.", code="parameter_missing", param="currency"
        )
    customer = text(params, "customer")
    if customer is not None:
        get_live_customer(state, customer)
    success_url = need(params, "success_url")
    session = new_session(state, customer)
    intent = new_setup_intent(state, customer)
    _allow(intent, params)
    state.put(intent)
    session.update(
        payment_method_types=intent["payment_method_types"],
        success_url=success_url,
        cancel_url=text(params, "cancel_url"),
        client_reference_id=text(params, "client_reference_id"),
        currency=text(params, "currency"),
        locale=text(params, "locale"),
        metadata=metadata(params),
        setup_intent=intent["id"],
        url=f"{state.public_url}/pay/setup/{session['id']}",
    )
    return state.put(session)


def get_session(state: State, session_id: str) -> Json:
    """A Checkout Session as it is now: it expires after a day."""
    session = state.get("checkout.session", session_id)
    if session["status"] == "open" and state.now >= session["expires_at"]:
        _expire(state, session)
    return session


def retrieve_session(state: State, _params: Json, session_id: str) -> Json:
    """``GET /v1/checkout/sessions/{id}``."""
    return get_session(state, session_id)


def list_sessions(state: State, params: Json) -> Json:
    """``GET /v1/checkout/sessions``."""
    customer = text(params, "customer")
    found = [
        each for each in state.list_all("checkout.session") if customer in {None, each["customer"]}
    ]
    return page(found, params, "/v1/checkout/sessions")


def expire_session(state: State, _params: Json, session_id: str) -> Json:
    """``POST /v1/checkout/sessions/{id}/expire``."""
    session = get_session(state, session_id)
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}."
        )
    return _expire(state, session)


def _expire(state: State, session: Json) -> Json:
    session.update(status="expired", url=None)
    state.put(session)
    state.emit("checkout.session.expired", session)
    return session


def complete_session(state: State, session: Json, token: str) -> str:
    """The rider chose on the hosted page; returns where to send them.

    Raises:
        StripeError: the session is over, or the bank refuses.
    """
    if session["status"] != "open":
        raise invalid(f"This Checkout Session has a status of {session['status']}.")
    confirm_setup_intent(state, {"payment_method": token}, session["setup_intent"])
    session.update(status="complete", url=None)
    state.put(session)
    state.emit("checkout.session.completed", session)
    target: str = session["success_url"]
    return target.replace("{CHECKOUT_SESSION_ID}", session["id"])
