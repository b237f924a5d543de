"""Business events as journals: they balance, and refunds undo captures to the cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Money
from payments.postings import (
    Draft,
    Origin,
    RefundShare,
    Split,
    captured,
    fee_charged,
    paid_out,
    refund_shares,
    refunded,
)
from payments.shares import shares_of_json, shares_to_json, splits_of_json, splits_to_json
from tests.payments.world import split

ORIGIN = Origin("bkg_1", "pay_1", "pay_1.capture")


@st.composite
def trips(draw: st.DrawFn) -> list[Split]:
    legs = draw(st.integers(1, 5))
    found = []
    for number in range(legs):
        gross = draw(st.integers(1, 20_000))
        found.append(
            Split(
                draw(st.sampled_from(["bus", "bike", "car"])),
                f"leg_{number}",
                Money(gross),
                Decimal(draw(st.sampled_from(["7", "19"]))),
                Money(draw(st.integers(0, gross))),
                "v1",
            )
        )
    return found


def totals(drafts: Iterable[Draft]) -> Counter[str]:
    found: Counter[str] = Counter()
    for draft in drafts:
        for posting in draft.postings:
            found[posting.account.code] += posting.amount.minor
    return found


def test_ten_euros_by_bus_with_fifty_cents_of_commission():
    drafts = captured(ORIGIN, Money(1000), [split(1000, commission=50)])
    assert [
        (draft.key, [(line.account.code, line.amount.minor) for line in draft.postings])
        for draft in drafts
    ] == [
        ("pay_1.capture:capture", [("processor:EUR", 1000), ("provider_payable:bus:EUR", -1000)]),
        (
            "pay_1.capture:commission",
            [("provider_payable:bus:EUR", 50), ("commission:EUR", -42), ("output_vat:EUR", -8)],
        ),
    ]


@given(trips(), st.data())
def test_a_capture_splits_what_was_taken_and_names_what_is_owed(
    splits: list[Split], data: st.DataObject
):
    cost = sum(each.gross.minor for each in splits)
    taken = data.draw(st.integers(0, cost))
    found = totals(captured(ORIGIN, Money(taken), splits))
    assert found["processor:EUR"] == taken
    assert found["rider_receivable:EUR"] == cost - taken
    commission = sum(each.commission.minor for each in splits)
    assert found["commission:EUR"] + found["output_vat:EUR"] == -commission
    payable = sum(found[f"provider_payable:{each}:EUR"] for each in ("bus", "bike", "car"))
    assert payable == commission - cost


@given(trips(), st.data())
def test_refunds_in_any_parts_undo_a_capture(splits: list[Split], data: st.DataObject):
    left = sum(each.gross.minor for each in splits)
    drafts = captured(ORIGIN, Money(left), splits)
    earlier: list[RefundShare] = []
    while left:
        amount = data.draw(st.integers(1, left)) if len(earlier) < 30 else left
        shares = refund_shares(Money(amount), splits, earlier)
        assert sum(share.gross.minor for share in shares) == amount
        for share in shares:
            assert 0 <= share.commission_vat.minor <= share.commission.minor <= share.gross.minor
        drafts += refunded(Origin("bkg_1", "pay_1", f"r{left}"), shares)
        earlier += shares
        left -= amount
    assert set(totals(drafts).values()) == {0}
    with pytest.raises(ValueError, match="cannot refund"):
        refund_shares(Money(1), splits, earlier)


def test_a_leg_that_was_not_ridden_is_refunded_by_its_own_provider():
    bus, ferry = (
        split(360, provider="bus", leg="leg_bus"),
        split(210, provider="ferry", leg="leg_f"),
    )
    (share,) = refund_shares(Money(210), [bus, ferry], [], {"leg_f"})
    assert (share.provider_id, share.leg_id, share.gross) == ("ferry", "leg_f", Money(210))
    with pytest.raises(ValueError, match="cannot refund"):
        refund_shares(Money(211), [bus, ferry], [], {"leg_f"})


@given(st.integers(-10_000, 10_000))
def test_fees_and_payouts_leave_the_processor(minor: int):
    assert totals(fee_charged("txn_1", Money(minor), None))["processor:EUR"] == -minor
    assert totals(paid_out("txn_1", "po_1", Money(minor)))["payout_transit:EUR"] == minor


@given(trips())
def test_what_is_stored_comes_back(splits: list[Split]):
    assert list(splits_of_json(splits_to_json(splits), "EUR")) == splits
    total = sum(each.gross.minor for each in splits)
    shares = refund_shares(Money(total), splits, [])
    assert shares_of_json(shares_to_json(shares), "EUR") == shares


def test_more_than_the_legs_cost_is_not_posted():
    with pytest.raises(ValueError, match="more than the legs cost"):
        captured(ORIGIN, Money(1001), [split(1000)])


def test_a_commission_is_part_of_its_fare():
    with pytest.raises(ValueError, match="commission"):
        split(100, commission=101)
