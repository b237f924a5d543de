"""Stripe's objects as our values: the only place that knows their fields.

What Stripe sends is taken apart here once; a missing or odd field raises ``OutcomeUnknownError``
rather than travelling on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from payments.errors import OutcomeUnknownError
from payments.gateway import (
    BalanceLine,
    Dispute,
    DisputeState,
    FoundHold,
    Hold,
    HoldState,
    LineCategory,
    Payout,
    RefundReceipt,
    RefundState,
    SetupSession,
)
from payments.methods import (
    WALLETS,
    SavedAccount,
    SavedCard,
    SavedMethod,
    account_label,
    card_label,
)
from payments.money import Money

Wire = Mapping[str, Any]
"""An object of Stripe's API as JSON."""
_T = TypeVar("_T")

_HOLD_STATES = {
    "requires_confirmation": HoldState.UNCONFIRMED,
    "requires_action": HoldState.REQUIRES_ACTION,
    "processing": HoldState.PROCESSING,
    "requires_capture": HoldState.HELD,
    "succeeded": HoldState.CAPTURED,
    "canceled": HoldState.RELEASED,
    "requires_payment_method": HoldState.DECLINED,
}
_REFUND_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.DONE,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
_CATEGORIES = {
    "charge": LineCategory.CHARGE,
    "charge_failure": LineCategory.CHARGE_FAILURE,
    "partial_capture_reversal": LineCategory.PARTIAL_CAPTURE_REVERSAL,
    "refund": LineCategory.REFUND,
    "refund_failure": LineCategory.REFUND_FAILURE,
    "payout": LineCategory.PAYOUT,
    "payout_reversal": LineCategory.PAYOUT,
    "fee": LineCategory.FEE,
    "network_cost": LineCategory.FEE,
    "dispute": LineCategory.DISPUTE,
    "dispute_reversal": LineCategory.DISPUTE,
}


_DISPUTE_STATES = {
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
"""docs.stripe.com/api/disputes/object#dispute_object-status."""


def _parsing(parse: Callable[[Wire], _T]) -> Callable[[Wire], _T]:
    @wraps(parse)
    def parsed(wire: Wire) -> _T:
        try:
            return parse(wire)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise OutcomeUnknownError(
                f"Stripe answered an object we cannot read: {type(error).__name__} {error}",
                answered=True,
            ) from error

    return parsed


def instant(seconds: int) -> datetime:
    """An aware UTC instant of Stripe's seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def money(minor: int, currency: str) -> Money:
    """Stripe's amount and lower-case currency."""
    return Money(minor, currency.upper())


def _id(value: str | Wire | None) -> str | None:
    """The id of a field that is an id, or the whole object when expanded, or null."""
    if value is None or isinstance(value, str):
        return value
    found: str = value["id"]
    return found


def _metadata(wire: Wire, name: str) -> str | None:
    metadata: Mapping[str, str] = wire.get("metadata") or {}
    return metadata.get(name)


def _wallet(card: Wire) -> str | None:
    found: str | None = (card.get("wallet") or {}).get("type")
    return found if found in WALLETS else None


def _paid_with(details: Wire) -> str | None:
    """A charge's ``payment_method_details`` as the rider reads them; None of another type."""
    if details.get("type") == "card":
        card = details["card"]
        return card_label(card["brand"] or "unknown", card["last4"] or "", _wallet(card))
    if details.get("type") == "sepa_debit":
        account = details["sepa_debit"]
        return account_label(account.get("country") or "", account.get("last4") or "")
    return None


@_parsing
def hold_of(intent: Wire) -> Hold:
    """A PaymentIntent; ``capture_before`` needs ``latest_charge`` expanded."""
    currency: str = intent["currency"]
    charge = intent.get("latest_charge")
    action = intent.get("next_action") or {}
    problem = intent.get("last_payment_error") or {}
    capture_before: int | None = None
    failure: str | None = None
    paid_with: str | None = None
    if charge is not None and not isinstance(charge, str):
        details = charge.get("payment_method_details") or {}
        capture_before = (details.get("card") or {}).get("capture_before")
        failure = charge.get("failure_code") if details.get("type") == "sepa_debit" else None
        paid_with = _paid_with(details)
    return Hold(
        id=intent["id"],
        state=_HOLD_STATES[intent["status"]],
        amount=money(intent["amount"], currency),
        capturable=money(intent["amount_capturable"], currency),
        captured=money(intent["amount_received"], currency),
        operation_id=_metadata(intent, "money_op"),
        redirect_url=(action.get("redirect_to_url") or {}).get("url"),
        capture_before=None if capture_before is None else instant(capture_before),
        charge_id=_id(charge),
        decline_code=failure or problem.get("decline_code") or problem.get("code"),
        paid_with=paid_with,
    )


@_parsing
def found_hold_of(intent: Wire) -> FoundHold | None:
    """A PaymentIntent in a list; None for one that is not ours."""
    operation_id, booking_id = _metadata(intent, "money_op"), _metadata(intent, "booking")
    customer_ref, method = _id(intent.get("customer")), _id(intent.get("payment_method"))
    if operation_id is None or booking_id is None or customer_ref is None:
        return None
    problem = intent.get("last_payment_error") or {}
    return FoundHold(
        hold=hold_of(intent),
        operation_id=operation_id,
        booking_id=booking_id,
        customer_ref=customer_ref,
        method=method or _id(problem.get("payment_method")) or "",
        created_at=instant(intent["created"]),
    )


@_parsing
def refund_of(refund: Wire) -> RefundReceipt:
    """A Refund."""
    return RefundReceipt(
        id=refund["id"],
        state=_REFUND_STATES[refund["status"]],
        amount=money(refund["amount"], refund["currency"]),
        operation_id=_metadata(refund, "money_op"),
    )


@_parsing
def balance_line_of(line: Wire) -> BalanceLine:
    """A BalanceTransaction with ``source`` expanded."""
    currency: str = line["currency"]
    source = line.get("source")
    origin: Wire = source if isinstance(source, dict) else {}
    return BalanceLine(
        id=line["id"],
        category=_CATEGORIES.get(line["reporting_category"], LineCategory.OTHER),
        wire_type=line["reporting_category"],
        amount=money(line["amount"], currency),
        fee=money(line["fee"], currency),
        net=money(line["net"], currency),
        source_id=_id(source),
        hold_id=_id(origin.get("payment_intent")),
        operation_id=_metadata(origin, "money_op"),
        created_at=instant(line["created"]),
        available_at=instant(line["available_on"]),
    )


@_parsing
def balance_of(balance: Wire) -> dict[str, Money]:
    """A Balance: what is owed to us per currency, available and pending together."""
    totals: dict[str, Money] = {}
    for part in (*balance["available"], *balance["pending"]):
        amount = money(part["amount"], part["currency"])
        totals[amount.currency] = totals.get(amount.currency, money(0, part["currency"])) + amount
    return totals


@_parsing
def payout_of(payout: Wire) -> Payout:
    """A Payout."""
    return Payout(
        id=payout["id"],
        amount=money(payout["amount"], payout["currency"]),
        state=payout["status"],
        automatic=payout["automatic"],
        created_at=instant(payout["created"]),
        arrives_at=instant(payout["arrival_date"]),
    )


@_parsing
def dispute_of(dispute: Wire) -> Dispute | None:
    """A Dispute; None for an inquiry, which takes no money."""
    status: str = dispute["status"]
    if status.startswith("warning_") or status == "prevented":
        return None
    due_by: int | None = dispute["evidence_details"].get("due_by")
    return Dispute(
        id=dispute["id"],
        hold_id=_id(dispute.get("payment_intent")),
        state=_DISPUTE_STATES[status],
        amount=money(dispute["amount"], dispute["currency"]),
        reason=dispute["reason"],
        created_at=instant(dispute["created"]),
        answer_by=None if due_by is None else instant(due_by),
    )


def saved_method_of(method: Wire, mandates: Mapping[str, str]) -> SavedMethod | None:
    """A PaymentMethod of type card or sepa_debit; None for any other.

    ``mandates`` has the references of accounts' mandates, by the PaymentMethod's id.
    """

    @_parsing
    def parse(method: Wire) -> SavedMethod | None:
        if method["type"] == "card":
            card = method["card"]
            return SavedCard(
                id=method["id"],
                brand=card["brand"],
                last4=card["last4"],
                expires=f"{card['exp_year']:04d}-{card['exp_month']:02d}",
                wallet=_wallet(card),
            )
        if method["type"] == "sepa_debit":
            account = method["sepa_debit"]
            return SavedAccount(
                id=method["id"],
                country=account.get("country") or "",
                bank_code=account.get("bank_code") or "",
                last4=account["last4"],
                mandate=mandates.get(method["id"]),
            )
        return None

    return parse(method)


@_parsing
def mandate_of(setup: Wire) -> tuple[str, str] | None:
    """The PaymentMethod and mandate reference of a SetupIntent with ``mandate`` expanded."""
    mandate = setup.get("mandate")
    method = _id(setup.get("payment_method"))
    if method is None or mandate is None or isinstance(mandate, str):
        return None
    debit = mandate["payment_method_details"].get("sepa_debit")
    return None if debit is None else (method, debit["reference"])


@_parsing
def setup_session_of(session: Wire) -> SetupSession:
    """A Checkout Session in setup mode."""
    return SetupSession(session["id"], session.get("url"), session["status"] == "complete")
