"""Blank objects with every field Stripe shows, in the state they are born in."""

from __future__ import annotations

from payments.sandbox.state import State
from payments.sandbox.wire import Json

HOLD_SECONDS = 7 * 24 * 3600
"""How long the pretended issuer keeps a hold; told in ``capture_before``, as Stripe does."""

_CHARGED_CARD_FIELDS = (
    *("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4"),
    *("regulated_status", "wallet"),
)


def blank(fields: str) -> Json:
    """The named fields, null."""
    return dict.fromkeys(fields.split())


def new_method(state: State, token: str, kind: str, details: Json) -> Json:
    """A PaymentMethod of a type, with that type's details, not saved with anybody."""
    return {
        "id": state.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": blank("city country line1 line2 postal_code state"),
            **blank("email name phone tax_id"),
        },
        kind: details,
        "created": state.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        "_token": token,
        "_detached": False,
    }


def new_mandate(state: State, method: Json) -> Json:
    """A Mandate that its holder accepted on the hosted page, for as many debits as come."""
    mandate_id = state.new_id("mandate")
    return {
        "id": mandate_id,
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": state.now,
            "online": {"ip_address": "127.0.0.1", "user_agent": "sandbox"},
            "type": "online",
        },
        "livemode": False,
        "multi_use": {},
        "payment_method": method["id"],
        "payment_method_details": {
            "sepa_debit": {
                "reference": mandate_id.rpartition("_")[2].upper(),
                "url": "",
            },
            "type": "sepa_debit",
        },
        "status": "active",
        "type": "multi_use",
    }


def _charged_card(state: State, card: Json, amount: int) -> Json:
    return {
        **{name: card[name] for name in _CHARGED_CARD_FIELDS},
        "amount_authorized": amount,
        "authorization_code": "012345",
        "capture_before": state.now + HOLD_SECONDS,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": None,
        "transaction_link_id": None,
    }


def _debited_account(account: Json) -> Json:
    names = ("bank_code", "branch_code", "country", "fingerprint", "last4")
    return {
        **{name: account[name] for name in names},
        "expected_debit_date": None,
        "mandate": None,
    }


def new_payment_intent(state: State, amount: int, currency: str) -> Json:
    """A PaymentIntent without a payment method."""
    intent_id = state.new_id("pi")
    return {
        **blank(
            "application application_fee_amount canceled_at cancellation_reason customer "
            "customer_account description excluded_payment_method_types last_payment_error "
            "latest_charge next_action on_behalf_of payment_method "
            "payment_method_configuration_details processing receipt_email review "
            "setup_future_usage shipping source statement_descriptor statement_descriptor_suffix "
            "transfer_data transfer_group"
        ),
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": ["card"],
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{state.seed}",
        "confirmation_method": "automatic",
        "created": state.now,
        "currency": currency,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "_return_url": None,
    }


def new_charge(state: State, intent: Json, method: Json) -> Json:
    """A Charge of a PaymentIntent: authorised, not captured."""
    amount = intent["amount"]
    kind = method["type"]
    details = method[kind]
    charged = _charged_card(state, details, amount) if kind == "card" else _debited_account(details)
    return {
        **blank(
            "application application_fee application_fee_amount balance_transaction "
            "calculated_statement_descriptor description failure_balance_transaction failure_code "
            "failure_message on_behalf_of receipt_email receipt_number receipt_url review shipping "
            "source source_transfer statement_descriptor statement_descriptor_suffix transfer_data "
            "transfer_group"
        ),
        "id": state.new_id("ch"),
        "object": "charge",
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": dict(method["billing_details"]),
        "captured": False,
        "created": state.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            kind: charged,
            "type": kind,
        },
        "refunded": False,
        "refunds": None,
        "status": "succeeded",
    }


def new_refund(state: State, charge: Json, amount: int) -> Json:
    """A Refund that succeeded."""
    kind = charge["payment_method_details"]["type"]
    return {
        **blank("customer_account receipt_number source_transfer_reversal transfer_reversal"),
        "id": state.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": state.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {kind: {"type": "refund"} if kind == "card" else {}, "type": kind},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "status": "succeeded",
    }


def new_balance_transaction(
    state: State, kind: str, category: str, amount: int, fee: int, source: Json
) -> Json:
    """A movement of the balance; available at once."""
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": source["currency"],
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": state.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": state.now,
        "balance_type": "payments",
        "created": state.now,
        "currency": source["currency"],
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fees if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source["id"],
        "status": "available",
        "type": kind,
        "_payout": None,
    }


def new_payout(state: State, amount: int, currency: str, *, automatic: bool) -> Json:
    """A Payout that reached the bank."""
    return {
        **blank(
            "application_fee application_fee_amount balance_transaction description "
            "failure_balance_transaction failure_code failure_message original_payout "
            "payout_method reversed_by statement_descriptor"
        ),
        "id": state.new_id("po"),
        "object": "payout",
        "amount": amount,
        "arrival_date": state.now + 24 * 3600,
        "automatic": automatic,
        "created": state.now,
        "currency": currency,
        "destination": f"ba_sbx{state.seed}",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "completed" if automatic else "not_applicable",
        "source_type": "card",
        "status": "paid",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def new_setup_intent(state: State, customer: str | None) -> Json:
    """A SetupIntent without a payment method."""
    intent_id = state.new_id("seti")
    return {
        **blank(
            "application cancellation_reason customer_account description "
            "excluded_payment_method_types flow_directions last_setup_error latest_attempt mandate "
            "next_action on_behalf_of payment_method payment_method_configuration_details "
            "single_use_mandate"
        ),
        "id": intent_id,
        "object": "setup_intent",
        "allowed_payment_method_types": ["card"],
        "automatic_payment_methods": None,
        "client_secret": f"{intent_id}_secret_{state.seed}",
        "created": state.now,
        "customer": customer,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": "off_session",
    }


def new_session(state: State, customer: str | None) -> Json:
    """A Checkout Session in setup mode, open."""
    return {
        **blank(
            "after_expiration allow_promotion_codes amount_subtotal amount_total "
            "billing_address_collection cancel_url client_reference_id client_secret "
            "collected_information consent consent_collection currency currency_conversion "
            "customer_account customer_creation customer_details customer_email discounts "
            "integration_identifier invoice invoice_creation locale origin_context payment_intent "
            "payment_link payment_method_configuration_details permissions recovered_from "
            "saved_payment_method_options shipping_address_collection shipping_cost submit_type "
            "subscription success_url total_details wallet_options"
        ),
        "id": state.new_id("cs_test"),
        "object": "checkout.session",
        "adaptive_pricing": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": state.now,
        "custom_fields": [],
        "custom_text": blank("after_submit shipping_address submit terms_of_service_acceptance"),
        "customer": customer,
        "expires_at": state.now + 24 * 3600,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "mode": "setup",
        "payment_method_collection": "always",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required",
        "phone_number_collection": {"enabled": False},
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted",
        "url": None,
    }
