"""The test cards (docs.stripe.com/testing), customers, and saving a card or account with one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payments.sandbox.debits import ACCOUNTS, end_mandates, make_account
from payments.sandbox.shapes import new_method
from payments.sandbox.state import State
from payments.sandbox.wire import Json, StripeError, invalid, metadata, missing, need, page, text


@dataclass(frozen=True, slots=True)
class Card:
    """How a test card behaves."""

    last4: str
    label: str
    decline_code: str | None = None
    declines_when_saved: bool = False
    three_d_secure: bool = False
    brand: str = "visa"
    disputes: bool = False
    """Its holder takes every charge back."""
    wallet: str | None = None
    """``apple_pay`` or ``google_pay``. Stripe has no test tokens with one; these are ours."""


CARDS = {
    "pm_card_visa": Card("4242", "Visa, wird angenommen"),
    "pm_card_mastercard": Card("4444", "Mastercard, wird angenommen", brand="mastercard"),
    "pm_card_applePay": Card("4242", "Apple Pay, Visa", wallet="apple_pay"),
    "pm_card_googlePay": Card(
        "4444", "Google Pay, Mastercard", brand="mastercard", wallet="google_pay"
    ),
    "pm_card_threeDSecure2Required": Card("3220", "Visa, verlangt 3-D Secure", three_d_secure=True),
    "pm_card_chargeCustomerFail": Card(
        "0341", "Visa, lässt sich speichern und wird dann abgelehnt", "generic_decline"
    ),
    "pm_card_createDispute": Card("0259", "Visa, bucht zurück", disputes=True),
    "pm_card_chargeDeclined": Card(
        "0002", "Visa, wird abgelehnt", "generic_decline", declines_when_saved=True
    ),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        "9995", "Visa, nicht gedeckt", "insufficient_funds", declines_when_saved=True
    ),
}


def card_of(method: Json) -> Card:
    """The behaviour behind a payment method."""
    return CARDS[method["_token"]]


def refuses_to_save(method: Json) -> Card | None:
    """The card behind a payment method, if its bank does not let it be saved."""
    card = CARDS.get(method["_token"])
    return card if card is not None and card.declines_when_saved else None


def decline(card: Card) -> StripeError:
    """402, as Stripe words it."""
    if card.decline_code == "insufficient_funds":
        message = "Your card has insufficient funds."
    else:
        message = "Your card was declined."
    return StripeError(
        402,
        message,
        kind="card_error",
        code="card_declined",
        decline_code=card.decline_code or "generic_decline",
        executed=True,
    )


def create_customer(state: State, params: Json) -> Json:
    """``POST /v1/customers``."""
    customer = state.put(
        {
            "id": state.new_id("cus"),
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": state.now,
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": text(params, "description"),
            "discount": None,
            "email": text(params, "email"),
            "invoice_prefix": f"SBX{len(state.list_all('customer')):05d}",
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": metadata(params),
            "name": text(params, "name"),
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
    )
    state.emit("customer.created", customer)
    return customer


def get_live_customer(state: State, customer_id: str, param: str = "customer") -> Json:
    """A customer that was not deleted."""
    customer = state.get("customer", customer_id, param=param, status=400)
    if customer.get("deleted"):
        raise missing("customer", customer_id, param, status=400)
    return customer


def update_customer(state: State, params: Json, customer_id: str) -> Json:
    """``POST /v1/customers/{id}``."""
    customer = get_live_customer(state, customer_id, "id")
    customer["metadata"].update(metadata(params))
    for name in ("description", "email", "name"):
        if name in params:
            customer[name] = text(params, name)
    return state.put(customer)


def retrieve_customer(state: State, _params: Json, customer_id: str) -> Json:
    """``GET /v1/customers/{id}``."""
    return state.get("customer", customer_id)


def list_customers(state: State, params: Json) -> Json:
    """``GET /v1/customers``."""
    live = [each for each in state.list_all("customer") if not each.get("deleted")]
    return page(live, params, "/v1/customers")


def delete_customer(state: State, _params: Json, customer_id: str) -> Json:
    """``DELETE /v1/customers/{id}``: what is left is a stub; its methods are detached."""
    state.get("customer", customer_id)
    for method in state.list_all("payment_method"):
        if method["customer"] == customer_id:
            _let_go(state, method)
    return state.put({"id": customer_id, "object": "customer", "deleted": True})


def make_method(state: State, token: str) -> Json:
    """A payment method of a test card, not yet saved."""
    return state.put(new_method(state, token, "card", _card_details(CARDS[token])))


def _card_details(card: Card) -> Json:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "DE",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{card.last4}",
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": card.wallet
        and {"type": card.wallet, card.wallet: {}, "dynamic_last4": card.last4},
    }


def find_method(state: State, given: str, *, param: str = "payment_method") -> Json:
    """A payment method by id, or a fresh one of a test card's or account's token."""
    if given in CARDS:
        return make_method(state, given)
    if given in ACCOUNTS:
        return make_account(state, given)
    return state.get("payment_method", given, param=param, status=400)


def attach(state: State, method: Json, customer_id: str) -> Json:
    """Save a card or an account with a customer.

    Raises:
        StripeError: 402, a card that the bank refuses to save.
    """
    card = refuses_to_save(method)
    if card is not None:
        raise decline(card)
    if method["_detached"]:
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again."
        )
    method["customer"] = customer_id
    state.put(method)
    state.emit("payment_method.attached", method)
    return method


def create_method(state: State, params: Json) -> Json:
    """``POST /v1/payment_methods``: only ``card[token]``, as raw numbers are refused."""
    card: Any = params.get("card") or {}
    token = str(card.get("token", "")) if isinstance(card, dict) else ""
    if need(params, "type") != "card" or token.replace("tok_", "pm_card_") not in CARDS:
        raise invalid(
            "Sending credit card numbers directly is unsafe; use a test token such as tok_visa.",
            param="card",
        )
    return make_method(state, token.replace("tok_", "pm_card_"))


def attach_method(state: State, params: Json, method_id: str) -> Json:
    """``POST /v1/payment_methods/{id}/attach``."""
    customer = get_live_customer(state, need(params, "customer"))
    return attach(state, find_method(state, method_id, param="id"), customer["id"])


def detach_method(state: State, _params: Json, method_id: str) -> Json:
    """``POST /v1/payment_methods/{id}/detach``."""
    method = state.get("payment_method", method_id)
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    _let_go(state, method)
    state.emit("payment_method.detached", method)
    return method


def _let_go(state: State, method: Json) -> None:
    method["customer"] = None
    method["_detached"] = True
    state.put(method)
    end_mandates(state, method)


def retrieve_method(state: State, _params: Json, method_id: str) -> Json:
    """``GET /v1/payment_methods/{id}``."""
    return state.get("payment_method", method_id)


def list_methods(state: State, params: Json, customer_id: str | None = None) -> Json:
    """``GET /v1/payment_methods`` and ``GET /v1/customers/{id}/payment_methods``."""
    wanted = customer_id or need(params, "customer")
    get_live_customer(state, wanted)
    kind = text(params, "type")
    mine = [
        each
        for each in state.list_all("payment_method")
        if each["customer"] == wanted and kind in {None, each["type"]}
    ]
    return page(mine, params, "/v1/payment_methods")
