"""PaymentIntents: the state machine of docs.stripe.com/payments/paymentintents/lifecycle."""

from __future__ import annotations

from urllib.parse import urlencode

from payments.sandbox import balance, debits, disputes
from payments.sandbox.cards import card_of, decline, find_method, get_live_customer
from payments.sandbox.shapes import new_charge, new_payment_intent
from payments.sandbox.state import State
from payments.sandbox.wire import (
    Json,
    StripeError,
    integer,
    invalid,
    metadata,
    method_types,
    need,
    page,
    text,
)

SMALLEST_EUR = 50
"""docs.stripe.com/currencies: 0.50 € is the least Stripe charges."""
_CANCELLABLE = {
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
}


def _unexpected(intent: Json, message: str) -> StripeError:
    return StripeError(
        400,
        message,
        code="payment_intent_unexpected_state",
        executed=True,
        payment_intent={k: v for k, v in intent.items() if not k.startswith("_")},
    )


def get_intent(state: State, intent_id: str) -> Json:
    """A PaymentIntent as it is now: a hold past ``capture_before`` has lapsed."""
    intent = state.get("payment_intent", intent_id)
    if intent["status"] == "requires_capture":
        charge = state.get("charge", intent["latest_charge"])
        if state.now >= charge["payment_method_details"]["card"]["capture_before"]:
            _cancel(state, intent, "automatic")
    if intent["status"] == "processing" and state.now >= intent["_decides_at"]:
        debits.settle(state, intent)
    return intent


def create(state: State, params: Json) -> Json:
    """``POST /v1/payment_intents``."""
    if "payment_method_types" in params:
        raise invalid(
            "The payment_method_types parameter is no longer supported; use "
            "allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    need(params, "amount")
    amount = integer(params, "amount") or 0
    currency = need(params, "currency").lower()
    if len(currency) != 3 or not currency.isalpha():
        raise invalid(f"Invalid currency: {currency}", param="currency")
    if amount <= 0:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount < SMALLEST_EUR:
        raise invalid("Amount must be at least €0.50 eur", code="amount_too_small", param="amount")
    if amount > 99_999_999:
        raise invalid(
            "Amount must be no more than €999,999.99", code="amount_too_large", param="amount"
        )
    capture_method = text(params, "capture_method") or "automatic"
    if capture_method not in {"manual", "automatic", "automatic_async"}:
        raise invalid(f"Invalid capture_method: {capture_method}", param="capture_method")
    customer = text(params, "customer")
    if customer is not None:
        get_live_customer(state, customer)
    given = metadata(params)
    types = method_types(params)
    method = text(params, "payment_method")
    intent = new_payment_intent(state, amount, currency)
    intent.update(
        customer=customer,
        allowed_payment_method_types=types,
        payment_method_types=types,
        capture_method=capture_method,
        description=text(params, "description"),
        metadata=given,
        setup_future_usage=text(params, "setup_future_usage"),
    )
    if _card_option(params) == "manual":
        intent["payment_method_options"]["card"]["capture_method"] = "manual"
    if method is not None:
        _use(state, intent, method)
    state.put(intent)
    state.emit("payment_intent.created", intent)
    return confirm(state, params, intent["id"]) if params.get("confirm") == "true" else intent


def _card_option(params: Json) -> str | None:
    """``payment_method_options[card][capture_method]``, which goes before the general one."""
    options = params.get("payment_method_options") or {}
    card = options.get("card") if isinstance(options, dict) else None
    return text(card, "capture_method") if isinstance(card, dict) else None


def _use(state: State, intent: Json, given: str) -> None:
    method = find_method(state, given)
    owner = method["customer"]
    if method["_detached"] or (owner is not None and owner != intent["customer"]):
        raise invalid(
            f"The customer does not have a payment method with the ID {method['id']}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    if method["type"] not in intent["allowed_payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )
    if method["type"] == "sepa_debit" and intent["capture_method"] == "manual":
        raise invalid(
            "sepa_debit does not support manual capture.",
            code="payment_intent_incompatible_payment_method",
            param="capture_method",
        )
    intent["payment_method"] = method["id"]
    intent["status"] = "requires_confirmation"


def confirm(state: State, params: Json, intent_id: str) -> Json:
    """``POST /v1/payment_intents/{id}/confirm``."""
    intent = get_intent(state, intent_id)
    if intent["status"] not in {"requires_payment_method", "requires_confirmation"}:
        raise _unexpected(
            intent,
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
        )
    given = text(params, "payment_method")
    if given is not None:
        _use(state, intent, given)
    if intent["payment_method"] is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
        )
    method = state.get("payment_method", intent["payment_method"])
    intent["_return_url"] = text(params, "return_url") or intent["_return_url"]
    if method["type"] == "sepa_debit":
        return debits.begin(state, intent, method)
    card = card_of(method)
    if card.decline_code is not None:
        raise _declined(state, intent, method, decline(card))
    if not card.three_d_secure:
        return _authorise(state, intent, method)
    if params.get("off_session") == "true":
        refusal = StripeError(
            402,
            "Your card was declined. This transaction requires authentication.",
            kind="card_error",
            code="authentication_required",
            decline_code="authentication_required",
            executed=True,
        )
        raise _declined(state, intent, method, refusal)
    intent["status"] = "requires_action"
    intent["next_action"] = {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "return_url": intent["_return_url"],
            "url": f"{state.public_url}/pay/3ds/{intent['client_secret']}",
        },
    }
    state.put(intent)
    state.emit("payment_intent.requires_action", intent)
    return intent


def _declined(state: State, intent: Json, method: Json, refusal: StripeError) -> StripeError:
    charge = new_charge(state, intent, method)
    error = refusal.body["error"]
    charge.update(
        paid=False, status="failed", failure_code=error["code"], failure_message=error["message"]
    )
    charge["outcome"].update(
        network_status="declined_by_network",
        reason=error.get("decline_code"),
        type="issuer_declined",
    )
    state.put(charge)
    shown = {k: v for k, v in method.items() if not k.startswith("_")}
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        last_payment_error={**error, "charge": charge["id"], "payment_method": shown},
        next_action=None,
    )
    state.put(intent)
    state.emit("charge.failed", charge)
    state.emit("payment_intent.payment_failed", intent)
    error["charge"] = charge["id"]
    error["payment_intent"] = {k: v for k, v in intent.items() if not k.startswith("_")}
    return refusal


def _authorise(state: State, intent: Json, method: Json) -> Json:
    charge = state.put(new_charge(state, intent, method))
    intent.update(
        status="requires_capture",
        amount_capturable=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
    )
    state.put(intent)
    state.emit("charge.succeeded", charge)
    options = intent["payment_method_options"]["card"]
    if "manual" in {intent["capture_method"], options.get("capture_method")}:
        state.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    return _take(state, intent, intent["amount"])


def capture(state: State, params: Json, intent_id: str) -> Json:
    """``POST /v1/payment_intents/{id}/capture``: once, at most what is held; the rest is freed."""
    intent = get_intent(state, intent_id)
    if intent["status"] == "succeeded":
        raise _unexpected(
            intent,
            "This PaymentIntent could not be captured because it has already been captured.",
        )
    if intent["status"] != "requires_capture":
        raise _unexpected(
            intent,
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
        )
    asked = integer(params, "amount_to_capture")
    amount = intent["amount_capturable"] if asked is None else asked
    if amount <= 0:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_to_capture",
        )
    if amount > intent["amount_capturable"]:
        raise StripeError(
            400,
            "The payment could not be captured because the requested capture amount is greater "
            "than the amount you can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
            executed=True,
        )
    intent["metadata"].update(metadata(params))
    return _take(state, intent, amount)


def _take(state: State, intent: Json, amount: int) -> Json:
    charge = state.get("charge", intent["latest_charge"])
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    charge.update(captured=True, amount_captured=amount)
    balance.book_capture(state, charge, amount)
    state.put(charge)
    state.put(intent)
    state.emit("charge.captured", charge)
    state.emit("payment_intent.succeeded", intent)
    if card_of(state.get("payment_method", intent["payment_method"])).disputes:
        disputes.open_dispute(state, charge)
    return intent


def cancel(state: State, params: Json, intent_id: str) -> Json:
    """``POST /v1/payment_intents/{id}/cancel``."""
    intent = get_intent(state, intent_id)
    if intent["status"] not in _CANCELLABLE:
        raise _unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
        )
    return _cancel(state, intent, text(params, "cancellation_reason"))


def _cancel(state: State, intent: Json, reason: str | None) -> Json:
    if intent["status"] == "requires_capture":
        charge = state.get("charge", intent["latest_charge"])
        charge.update(refunded=True, amount_refunded=charge["amount"])
        state.put(charge)
    intent.update(
        status="canceled",
        canceled_at=state.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    state.put(intent)
    state.emit("payment_intent.canceled", intent)
    return intent


def update(state: State, params: Json, intent_id: str) -> Json:
    """``POST /v1/payment_intents/{id}``: metadata and description."""
    intent = get_intent(state, intent_id)
    intent["metadata"].update(metadata(params))
    if "description" in params:
        intent["description"] = text(params, "description")
    return state.put(intent)


def retrieve(state: State, _params: Json, intent_id: str) -> Json:
    """``GET /v1/payment_intents/{id}``."""
    return get_intent(state, intent_id)


def list_page(state: State, params: Json) -> Json:
    """``GET /v1/payment_intents``."""
    debits.settle_due(state)
    customer = text(params, "customer")
    found = [
        each
        for each in state.list_all("payment_intent")
        if customer is None or each["customer"] == customer
    ]
    return page(found, params, "/v1/payment_intents")


def finish_challenge(state: State, intent: Json, *, accepted: bool) -> str | None:
    """The rider answered on the 3-D Secure page; returns where to send them, if anywhere.

    Raises:
        StripeError: the challenge is not open.
    """
    if intent["status"] != "requires_action":
        raise _unexpected(intent, "This PaymentIntent does not wait for the rider.")
    method = state.get("payment_method", intent["payment_method"])
    if accepted:
        _authorise(state, intent, method)
    else:
        message = (
            "The provided PaymentMethod has failed authentication. You can provide "
            "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
            "again."
        )
        refusal = StripeError(
            402,
            message,
            kind="card_error",
            code="payment_intent_authentication_failure",
            executed=True,
        )
        _declined(state, intent, method, refusal)
    if intent["_return_url"] is None:
        return None
    joint = "&" if "?" in intent["_return_url"] else "?"
    query = urlencode(
        {
            "payment_intent": intent["id"],
            "payment_intent_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if accepted else "failed",
        }
    )
    return f"{intent['_return_url']}{joint}{query}"
