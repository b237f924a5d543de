"""A debit on its way is left by what is read of it alone, and nothing is charged beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.debt import Debt, DebtAct, DebtState, decide
from payments.errors import OutcomeUnknownError
from payments.methods import SavedAccount, SavedCard, SavedMethod
from payments.money import Money
from payments.operation import (
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
    OutcomeKind,
    state_after,
)
from payments.payment import Payment, PaymentState
from payments.stripe_wire import hold_of, mandate_of, saved_method_of

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NONE = Money(0)
ENDS = {
    OutcomeKind.DONE: OperationState.DONE,
    OutcomeKind.DECLINED: OperationState.DECLINED,
}
CHARGE = Payment(
    "pay-1", "bkg", PaymentState.PROCESSING, Money(300), NONE, NONE, NONE, NONE, NONE, "cus",
    "pi", None, None, None, "pay",
)  # fmt: skip
DEBT = Debt("pay", "pay", "bkg", DebtState.PROCESSING, Money(300), NONE, 1, None, NOON)


@given(st.lists(st.sampled_from(OutcomeKind)))
def test_the_first_end_that_is_read_decides_and_nothing_else(read: list[OutcomeKind]) -> None:
    state = OperationState.PROCESSING
    for outcome in read:
        state = state_after(state, outcome)
    ends = [ENDS[outcome] for outcome in read if outcome in ENDS]
    assert state == (ends[0] if ends else OperationState.PROCESSING)


@given(
    st.sampled_from([DebtState.COLLECTING, DebtState.PROCESSING]),
    st.sampled_from(PaymentState),
    st.lists(st.sampled_from(OPEN_STATES), max_size=1),
)
def test_a_debt_whose_debit_is_under_way_is_never_charged_anew(
    debt: DebtState, charge: PaymentState, under_way: list[OperationState]
) -> None:
    operations = [
        Operation(
            "pay-1.confirm", "pay-1", "bkg", OperationKind.CONFIRM, state, Money(300), 1, False,
            NOON, "cus", "pm", "url", "pi",
        )
        for state in under_way
    ]  # fmt: skip
    act = decide(replace(DEBT, state=debt), replace(CHARGE, state=charge), operations, NOON)
    assert act is not DebtAct.CHARGE
    if operations:
        assert act is DebtAct.CALL


CARD = {"brand": "visa", "last4": "4242", "exp_year": 2034, "exp_month": 8}
ACCOUNT = {"bank_code": "37040044", "country": "DE", "last4": "3000"}


@pytest.mark.parametrize(
    ("wallet", "label"),
    [
        ({"type": "apple_pay", "apple_pay": {}}, "Apple Pay, Visa •••• 4242"),
        ({"type": "google_pay"}, "Google Pay, Visa •••• 4242"),
        ({"type": "a_new_one"}, "Visa •••• 4242"),
        ({}, "Visa •••• 4242"),
        (None, "Visa •••• 4242"),
    ],
)
def test_a_card_in_a_wallet_is_shown_as_such(wallet: object, label: str) -> None:
    found = saved_method_of({"id": "pm_1", "type": "card", "card": {**CARD, "wallet": wallet}}, {})
    assert isinstance(found, SavedCard)
    assert (found.label, found.expires) == (label, "2034-08")


def test_an_account_is_known_by_its_end_its_bank_and_its_mandate() -> None:
    wire = {"id": "pm_1", "type": "sepa_debit", "sepa_debit": ACCOUNT}
    found = saved_method_of(wire, {"pm_1": "REF1"})
    assert found == SavedAccount("pm_1", "DE", "37040044", "3000", "REF1")
    assert found.label == "SEPA-Lastschrift, DE •••• 3000"
    assert saved_method_of({"id": "pm_1", "type": "paypal"}, {}) is None


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"id": "pm_1"},
        {"id": "pm_1", "type": "card"},
        {"id": "pm_1", "type": "card", "card": {**CARD, "exp_year": "soon"}},
        {"id": "pm_1", "type": "card", "card": {**CARD, "wallet": "apple_pay"}},
        {"id": "pm_1", "type": "sepa_debit", "sepa_debit": None},
        {"id": "pm_1", "type": "sepa_debit", "sepa_debit": {}},
    ],
)
def test_what_cannot_be_read_does_not_travel_on(wire: dict[str, object]) -> None:
    with pytest.raises(OutcomeUnknownError):
        saved_method_of(wire, {})


def test_only_a_mandate_to_debit_is_a_mandate_here() -> None:
    of_card = {"payment_method_details": {"type": "card", "card": {}}}
    debit = {"payment_method_details": {"type": "sepa_debit", "sepa_debit": {"reference": "R"}}}
    assert mandate_of({"payment_method": "pm_1", "mandate": debit}) == ("pm_1", "R")
    for setup in (
        {"payment_method": "pm_1", "mandate": of_card},
        {"payment_method": "pm_1", "mandate": "mandate_1"},
        {"payment_method": None, "mandate": debit},
        {},
    ):
        assert mandate_of(setup) is None


def test_why_a_debit_failed_is_what_the_bank_said_of_the_charge() -> None:
    hold = hold_of(
        {
            "id": "pi_1", "status": "requires_payment_method", "amount": 300, "currency": "eur",
            "amount_capturable": 0, "amount_received": 0,
            "last_payment_error": {"code": "payment_intent_payment_attempt_failed"},
            "latest_charge": {
                "id": "py_1", "failure_code": "insufficient_funds",
                "payment_method_details": {"type": "sepa_debit", "sepa_debit": ACCOUNT},
            },
        }
    )  # fmt: skip
    assert (hold.decline_code, hold.paid_with) == (
        "insufficient_funds",
        "SEPA-Lastschrift, DE •••• 3000",
    )


def test_each_saved_method_has_a_label() -> None:
    methods: list[SavedMethod] = [
        SavedCard("pm", "amex", "0005", "2030-01"),
        SavedCard("pm", "unknown", "1234", "2030-01", "apple_pay"),
        SavedAccount("pm", "", "", "3000"),
    ]
    assert [each.label for each in methods] == [
        "American Express •••• 0005",
        "Apple Pay, Karte •••• 1234",
        "SEPA-Lastschrift, •••• 3000",
    ]
