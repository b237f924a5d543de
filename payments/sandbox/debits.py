"""SEPA Direct Debit (docs.stripe.com/payments/sepa-debit): accounts, mandates, debits.

A debit is ``processing`` from the moment it is confirmed; days later it has succeeded or failed.
Here that is seconds: by the clock, as the test account says, or by command. What was debited is in
the balance from the start, pending, and a failure takes it out again. An account's holder may have
it returned weeks later, without being asked for a reason; nothing can be said against that.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments.sandbox import disputes
from payments.sandbox.shapes import new_balance_transaction, new_charge, new_mandate, new_method
from payments.sandbox.state import State
from payments.sandbox.wire import Json, StripeError

FEE = 35
"""stripe.com/de/pricing: 0.35 € a debit."""
SOON_S, DELAYED_S = 10, 180


@dataclass(frozen=True, slots=True)
class BankAccount:
    """How a test account behaves (docs.stripe.com/payments/sepa-debit/accept-a-payment)."""

    iban: str
    label: str
    failure_code: str | None = None
    returns: bool = False
    """Its holder takes every debit back at once."""
    decided_after_s: int = SOON_S


ACCOUNTS = {
    "pm_success_de": BankAccount("DE89370400440532013000", "Geld kommt an"),
    "pm_successDelayed_de": BankAccount(
        "DE08370400440532013003", "Geld kommt erst nach Minuten an", decided_after_s=DELAYED_S
    ),
    "pm_failed_de": BankAccount(
        "DE62370400440532013001", "Lastschrift scheitert", "generic_could_not_process"
    ),
    "pm_failedDelayed_de": BankAccount(
        "DE78370400440532013004",
        "Lastschrift scheitert erst nach Minuten",
        "generic_could_not_process",
        decided_after_s=DELAYED_S,
    ),
    "pm_insufficientFunds_de": BankAccount(
        "DE65370400440002222227", "Konto nicht gedeckt", "insufficient_funds"
    ),
    "pm_disputed_de": BankAccount("DE35370400440532013002", "bucht zurück", returns=True),
}


def make_account(state: State, token: str) -> Json:
    """A payment method of a test account, not yet saved."""
    iban = ACCOUNTS[token].iban
    details = {
        "bank_code": iban[4:12],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": f"sandbox{iban[-4:]}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }
    return state.put(new_method(state, token, "sepa_debit", details))


def accept_mandate(state: State, method: Json) -> Json:
    """The holder has read the mandate on the hosted page and agreed."""
    return state.put(new_mandate(state, method))


def end_mandates(state: State, method: Json) -> None:
    """Nothing more may be debited: the method was detached, or a debit was returned."""
    for mandate in state.list_all("mandate"):
        if mandate["payment_method"] == method["id"] and mandate["status"] == "active":
            mandate["status"] = "inactive"
            state.put(mandate)
            state.emit("mandate.updated", mandate)


def begin(state: State, intent: Json, method: Json) -> Json:
    """Send a debit on its way.

    Raises:
        StripeError: 400, its holder has agreed to no mandate, or no longer.
    """
    active = [
        each["id"]
        for each in state.list_all("mandate")
        if each["payment_method"] == method["id"] and each["status"] == "active"
    ]
    if not active:
        raise StripeError(
            400,
            "The provided mandate is invalid and can not be used for the payment intent.",
            code="payment_intent_mandate_invalid",
            executed=True,
        )
    charge = new_charge(state, intent, method)
    charge.update(paid=False, status="pending")
    charge["payment_method_details"]["sepa_debit"]["mandate"] = active[-1]
    amount = intent["amount"]
    line = new_balance_transaction(state, "payment", "charge", amount, FEE, charge)
    charge["balance_transaction"] = state.put({**line, "status": "pending"})["id"]
    state.put(charge)
    intent.update(
        status="processing",
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
        _decides_at=state.now
        + (state.debits_after_s or ACCOUNTS[method["_token"]].decided_after_s),
    )
    state.put(intent)
    state.emit("charge.pending", charge)
    state.emit("payment_intent.processing", intent)
    return intent


def settle_due(state: State) -> None:
    """Decide every debit whose time has come."""
    for intent in state.list_all("payment_intent"):
        if intent["status"] == "processing" and state.now >= intent["_decides_at"]:
            settle(state, intent)


def settle(state: State, intent: Json, *, succeeds: bool | None = None) -> Json:
    """The bank's word about a debit under way; by default what its test account stands for.

    Raises:
        StripeError: 400, it is not under way.
    """
    if intent["status"] != "processing":
        raise StripeError(400, f"{intent['id']} is {intent['status']}, not processing.")
    method = state.get("payment_method", intent["payment_method"])
    account = ACCOUNTS[method["_token"]]
    charge = state.get("charge", intent["latest_charge"])
    line = state.get("balance_transaction", charge["balance_transaction"])
    line.update(status="available", available_on=state.now)
    state.put(line)
    if account.failure_code is None if succeeds is None else succeeds:
        _succeed(state, intent, charge)
        if account.returns:
            give_back(state, intent)
    else:
        _fail(state, intent, charge, account.failure_code or "refer_to_customer")
    return intent


def _succeed(state: State, intent: Json, charge: Json) -> None:
    amount = charge["amount"]
    charge.update(paid=True, status="succeeded", captured=True, amount_captured=amount)
    intent.update(status="succeeded", amount_received=amount)
    state.put(charge)
    state.put(intent)
    state.emit("charge.succeeded", charge)
    state.emit("payment_intent.succeeded", intent)


def _fail(state: State, intent: Json, charge: Json, code: str) -> None:
    back = new_balance_transaction(
        state, "payment_failure_refund", "charge_failure", -charge["amount"], 0, charge
    )
    message = "The debit could not be carried out."
    charge.update(
        status="failed",
        failure_code=code,
        failure_message=message,
        failure_balance_transaction=state.put(back)["id"],
    )
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        last_payment_error={
            "type": "invalid_request_error",
            "code": "payment_intent_payment_attempt_failed",
            "message": message,
            "charge": charge["id"],
        },
    )
    state.put(charge)
    state.put(intent)
    state.emit("charge.failed", charge)
    state.emit("payment_intent.payment_failed", intent)


def give_back(state: State, intent: Json) -> Json:
    """The account's holder has a debit returned, for which there is no appeal.

    Raises:
        StripeError: 400, not a debit that succeeded, or it was returned before.
    """
    charge = state.find(intent["latest_charge"] or "")
    debited = charge is not None and charge["payment_method_details"]["type"] == "sepa_debit"
    if charge is None or not debited or intent["status"] != "succeeded" or charge["disputed"]:
        raise StripeError(400, f"{intent['id']} is no debit that can be returned.")
    end_mandates(state, state.get("payment_method", charge["payment_method"]))
    return disputes.open_dispute(state, charge, reason="general", final=True)


def command(state: State, intent_id: str, outcome: str) -> Json:
    """What a bank says: ``succeed`` or ``fail`` of a debit under way, ``return`` of one that came.

    Returns:
        The PaymentIntent's id and status.

    Raises:
        StripeError: 400, not possible as it stands; 404, there is none, or no such command.
    """
    intent = state.get("payment_intent", intent_id)
    if outcome == "return":
        give_back(state, intent)
    elif outcome in {"succeed", "fail"}:
        settle(state, intent, succeeds=outcome == "succeed")
    else:
        raise StripeError(404, f"{outcome} is none of succeed, fail, return.")
    return {"id": intent["id"], "status": intent["status"]}


def retrieve_mandate(state: State, _params: Json, mandate_id: str) -> Json:
    """``GET /v1/mandates/{id}``."""
    return state.get("mandate", mandate_id)
