"""Disputes (docs.stripe.com/disputes): the cardholder's bank takes a charge back, and may lose.

The money is withdrawn when the dispute is opened, with a fee that is not returned. In test mode
Stripe decides by what the evidence says: ``winning_evidence`` or ``losing_evidence``.
"""

from __future__ import annotations

from payments.sandbox.shapes import blank, new_balance_transaction
from payments.sandbox.state import State
from payments.sandbox.wire import Json, StripeError, page, text

FEE = 2000
"""stripe.com/de/pricing: 20 € a dispute about a card. A debit's fee is unknown: the same here."""
ANSWER_WITHIN_S = 7 * 24 * 3600
_CHARGEBACK = {
    "card": {
        "brand": "visa",
        "case_type": "chargeback",
        "network": "visa",
        "network_reason_code": "83",
    },
    "type": "card",
}
_OPEN = {"needs_response", "under_review"}
_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation "
    "duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy "
    "refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
)


def open_dispute(
    state: State,
    charge: Json,
    *,
    amount: int | None = None,
    reason: str = "fraudulent",
    final: bool = False,
) -> Json:
    """Take what was captured of a charge back from us; ``final``: nothing can be said against it.

    Stripe: "SEPA Direct Debit disputes are final and there is no process for appeal". ``amount``:
    another than that; it "is usually the amount of the charge, but it can differ".
    """
    taken: int = charge["amount_captured"] if amount is None else amount
    dispute = {
        "id": state.new_id("du"),
        "object": "dispute",
        "amount": taken,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": state.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**blank(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None if final else state.now + ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None if final else dict(_CHARGEBACK),
        "reason": reason,
        "status": "lost" if final else "needs_response",
    }
    charge["disputed"] = True
    state.put(charge)
    _move(state, dispute, "dispute", -taken, FEE)
    state.emit("charge.dispute.created", dispute)
    state.emit("charge.dispute.funds_withdrawn", dispute)
    if final:
        state.emit("charge.dispute.closed", dispute)
    return dispute


def _move(state: State, dispute: Json, category: str, amount: int, fee: int) -> None:
    line = new_balance_transaction(state, "adjustment", category, amount, fee, dispute)
    state.put(line)
    shown = {name: value for name, value in line.items() if not name.startswith("_")}
    dispute["balance_transactions"] = [*dispute["balance_transactions"], shown]
    state.put(dispute)


def update(state: State, params: Json, dispute_id: str) -> Json:
    """``POST /v1/disputes/{id}``: submit evidence."""
    dispute = _open_one(state, dispute_id)
    given = params.get("evidence") or {}
    dispute["evidence"].update(given)
    dispute["evidence_details"]["has_evidence"] = True
    if text(params, "submit") == "false":
        return state.put(dispute)
    dispute["evidence_details"]["submission_count"] += 1
    dispute["status"] = "under_review"
    state.put(dispute)
    state.emit("charge.dispute.updated", dispute)
    said = given.get("uncategorized_text")
    if said in {"winning_evidence", "losing_evidence"}:
        decide(state, dispute, won=said == "winning_evidence")
    return dispute


def close(state: State, _params: Json, dispute_id: str) -> Json:
    """``POST /v1/disputes/{id}/close``: accept that it is lost."""
    return decide(state, _open_one(state, dispute_id), won=False)


def decide(state: State, dispute: Json, *, won: bool) -> Json:
    """The bank's word; what was withdrawn comes back if we won, without the fee."""
    dispute["status"] = "won" if won else "lost"
    state.put(dispute)
    if won:
        _move(state, dispute, "dispute_reversal", dispute["amount"], 0)
        state.emit("charge.dispute.funds_reinstated", dispute)
    state.emit("charge.dispute.closed", dispute)
    return dispute


def _open_one(state: State, dispute_id: str) -> Json:
    dispute = state.get("dispute", dispute_id)
    if dispute["status"] not in _OPEN:
        raise StripeError(400, "This dispute is already closed", executed=True)
    return dispute


def retrieve(state: State, _params: Json, dispute_id: str) -> Json:
    """``GET /v1/disputes/{id}``."""
    return state.get("dispute", dispute_id)


def list_page(state: State, params: Json) -> Json:
    """``GET /v1/disputes``."""
    wanted = {name: text(params, name) for name in ("payment_intent", "charge")}
    found = [
        each
        for each in state.list_all("dispute")
        if all(value is None or each[name] == value for name, value in wanted.items())
    ]
    return page(found, params, "/v1/disputes")
