"""Refunds, the balance and its transactions, payouts.

A partial capture makes two balance transactions, the whole amount and the reversal of what was not
taken (docs.stripe.com/reports/reporting-categories). Fees are 1.5 % and 25 cents of it.
"""

from __future__ import annotations

from payments.sandbox.shapes import new_balance_transaction, new_payout, new_refund
from payments.sandbox.state import State
from payments.sandbox.wire import (
    Json,
    StripeError,
    integer,
    invalid,
    metadata,
    missing,
    need,
    page,
    text,
)


def fee_of(amount: int) -> int:
    """What the processor keeps of a captured amount, in cents, rounded half up."""
    return (amount * 150 + 5000) // 10_000 + 25


def book_capture(state: State, charge: Json, amount: int) -> None:
    """The balance transactions of a capture."""
    line = state.put(
        new_balance_transaction(state, "charge", "charge", charge["amount"], fee_of(amount), charge)
    )
    charge["balance_transaction"] = line["id"]
    freed = charge["amount"] - amount
    if freed:
        state.put(
            new_balance_transaction(state, "refund", "partial_capture_reversal", -freed, 0, charge)
        )


def create_refund(state: State, params: Json) -> Json:
    """``POST /v1/refunds``: at most what was captured and not yet given back."""
    charge = _charge_to_refund(state, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    given = metadata(params)
    asked = integer(params, "amount")
    amount = left if asked is None else asked
    if left == 0:
        raise StripeError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
            executed=True,
        )
    if amount <= 0:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > left:
        raise StripeError(
            400,
            f"Refund amount ({_euros(amount)}) is greater than unrefunded amount on charge "
            f"({_euros(left)})",
            param="amount",
            executed=True,
        )
    refund = new_refund(state, charge, amount)
    refund.update(metadata=given, reason=text(params, "reason"))
    line = state.put(new_balance_transaction(state, "refund", "refund", -amount, 0, refund))
    refund["balance_transaction"] = line["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    state.put(charge)
    state.put(refund)
    state.emit("refund.created", refund)
    state.emit("charge.refunded", charge)
    return refund


def fail_refund(state: State, refund_id: str) -> Json:
    """A refund that succeeded comes back after days, from a card that is lost or expired, say.

    Its amount returns to the balance (docs.stripe.com/refunds, "Failed refunds").

    Raises:
        StripeError: there is none by that id, or it has failed already.
    """
    refund = state.get("refund", refund_id)
    if refund["status"] != "succeeded":
        raise StripeError(400, f"Refund {refund_id} is {refund['status']}.")
    line = new_balance_transaction(
        state, "refund_failure", "refund_failure", refund["amount"], 0, refund
    )
    refund.update(
        status="failed",
        failure_balance_transaction=state.put(line)["id"],
        failure_reason="expired_or_canceled_card",
    )
    charge = state.get("charge", refund["charge"])
    charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)
    state.put(charge)
    state.put(refund)
    state.emit("refund.updated", refund)
    state.emit("refund.failed", refund)
    return refund


def _charge_to_refund(state: State, params: Json) -> Json:
    charge_id = text(params, "charge")
    if charge_id is not None:
        charge = state.get("charge", charge_id, param="charge", status=400)
    else:
        intent_id = need(params, "payment_intent")
        intent = state.get("payment_intent", intent_id, param="payment_intent", status=400)
        found = intent["latest_charge"] and state.find(intent["latest_charge"])
        if not found or not found["captured"]:
            raise StripeError(
                400,
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                param="payment_intent",
                executed=True,
            )
        charge = found
    if not charge["captured"]:
        raise StripeError(
            400,
            f"Charge {charge['id']} has not been captured; cancel its PaymentIntent instead.",
            executed=True,
        )
    taken_back = [
        each
        for each in state.list_all("dispute")
        if each["charge"] == charge["id"] and each["status"] != "won"
    ]
    if taken_back:
        raise StripeError(
            400,
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            executed=True,
        )
    return charge


def _euros(minor: int) -> str:
    return f"€{minor // 100}.{minor % 100:02d}"


def retrieve_refund(state: State, _params: Json, refund_id: str) -> Json:
    """``GET /v1/refunds/{id}``."""
    return state.get("refund", refund_id)


def list_refunds(state: State, params: Json) -> Json:
    """``GET /v1/refunds``."""
    wanted = {name: text(params, name) for name in ("payment_intent", "charge")}
    found = [
        each
        for each in state.list_all("refund")
        if all(value is None or each[name] == value for name, value in wanted.items())
    ]
    return page(found, params, "/v1/refunds")


def retrieve_charge(state: State, _params: Json, charge_id: str) -> Json:
    """``GET /v1/charges/{id}``."""
    return state.get("charge", charge_id)


def list_charges(state: State, params: Json) -> Json:
    """``GET /v1/charges``."""
    wanted = {name: text(params, name) for name in ("payment_intent", "customer")}
    found = [
        each
        for each in state.list_all("charge")
        if all(value is None or each[name] == value for name, value in wanted.items())
    ]
    return page(found, params, "/v1/charges")


def retrieve_transaction(state: State, _params: Json, line_id: str) -> Json:
    """``GET /v1/balance_transactions/{id}``."""
    return state.get("balance_transaction", line_id)


def list_transactions(state: State, params: Json) -> Json:
    """``GET /v1/balance_transactions``."""
    wanted = {
        "source": text(params, "source"),
        "type": text(params, "type"),
        "currency": text(params, "currency"),
        "_payout": text(params, "payout"),
    }
    if wanted["_payout"] is not None and state.find(wanted["_payout"]) is None:
        raise missing("payout", wanted["_payout"], "payout", status=400)
    found = [
        each
        for each in state.list_all("balance_transaction")
        if all(value is None or each[name] == value for name, value in wanted.items())
    ]
    return page(found, params, "/v1/balance_transactions")


def _totals(state: State, status: str) -> dict[str, int]:
    totals: dict[str, int] = {"eur": 0}
    for line in state.list_all("balance_transaction"):
        if line["status"] == status:
            totals[line["currency"]] = totals.get(line["currency"], 0) + line["net"]
    return totals


def retrieve_balance(state: State, _params: Json) -> Json:
    """``GET /v1/balance``: all is available at once, but for debits that are on their way."""
    totals, pending = _totals(state, "available"), _totals(state, "pending")

    def part(currency: str, amount: int) -> Json:
        return {"amount": amount, "currency": currency, "source_types": {"card": amount}}

    return {
        "object": "balance",
        "available": [part(currency, amount) for currency, amount in sorted(totals.items())],
        "connect_reserved": [{"amount": 0, "currency": currency} for currency in sorted(totals)],
        "livemode": False,
        "pending": [part(currency, pending.get(currency, 0)) for currency in sorted(totals)],
    }


def pay_out(state: State, currency: str, amount: int | None) -> Json:
    """Send ``amount``, or as an automatic payout the whole balance, to the bank.

    Raises:
        StripeError: 400, not that much in the balance, or nothing.
    """
    left = _totals(state, "available").get(currency, 0)
    wanted = left if amount is None else amount
    if wanted <= 0 or wanted > left:
        raise StripeError(
            400,
            "You have insufficient funds in your Stripe account for this transfer.",
            code="balance_insufficient",
            executed=True,
        )
    payout = new_payout(state, wanted, currency, automatic=amount is None)
    line = new_balance_transaction(state, "payout", "payout", -wanted, 0, payout)
    if amount is None:
        for each in (*state.list_all("balance_transaction"), line):
            free = each["_payout"] is None and each["status"] == "available"
            if free and each["currency"] == currency:
                each["_payout"] = payout["id"]
                state.put(each)
    payout["balance_transaction"] = state.put(line)["id"]
    state.put(payout)
    state.emit("payout.created", payout)
    state.emit("payout.paid", payout)
    if amount is None:
        state.emit("payout.reconciliation_completed", payout)
    return payout


def create_payout(state: State, params: Json) -> Json:
    """``POST /v1/payouts``: a manual payout, which is not itemised."""
    need(params, "amount")
    return pay_out(state, need(params, "currency").lower(), integer(params, "amount") or 0)


def retrieve_payout(state: State, _params: Json, payout_id: str) -> Json:
    """``GET /v1/payouts/{id}``."""
    return state.get("payout", payout_id)


def list_payouts(state: State, params: Json) -> Json:
    """``GET /v1/payouts``."""
    return page(state.list_all("payout"), params, "/v1/payouts")


def retrieve_event(state: State, _params: Json, event_id: str) -> Json:
    """``GET /v1/events/{id}``."""
    return state.get("event", event_id)


def list_events(state: State, params: Json) -> Json:
    """``GET /v1/events``."""
    wanted = text(params, "type")
    found = [each for each in state.list_all("event") if wanted in {None, each["type"]}]
    return page(found, params, "/v1/events")
