"""Every kind of case by a small example: the processor's lines first, then our movements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from payments.gateway import BalanceLine, LineCategory, Payout
from payments.matching import CaseKind, Known, Matching, Movement, match
from payments.money import Money

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)


def line(
    number: int,
    amount: int,
    category: LineCategory = LineCategory.CHARGE,
    *,
    operation: str | None = "pay_1.authorise",
    hold: str | None = "pi_1",
    source: str = "ch_1",
    fee: int = 0,
) -> BalanceLine:
    return BalanceLine(
        f"txn_{number}",
        category,
        category.value,
        Money(amount),
        Money(fee),
        Money(amount - fee),
        source,
        hold,
        operation,
        BEFORE,
        BEFORE,
    )


def capture(amount: int, pay: str = "pay_1", hold: str = "pi_1") -> Movement:
    bkg = pay.replace("pay", "bkg")
    return Movement(f"{pay}.capture", pay, bkg, hold, hold, False, Money(amount), BEFORE)


def refund(amount: int) -> Movement:
    return Movement(
        "pay_1.refund.a", "pay_1", "bkg_1", "pi_1", "re_1", True, Money(-amount), BEFORE
    )


REVERSAL, REFUND, PAYOUT = (
    LineCategory.PARTIAL_CAPTURE_REVERSAL,
    LineCategory.REFUND,
    LineCategory.PAYOUT,
)
NOTHING = Known(frozenset(), frozenset(), (), {})


def compare(
    lines: list[BalanceLine], movements: list[Movement], known: Known = NOTHING
) -> Matching:
    return match(lines, movements, known, currency="EUR", read_at=NOW)


def matched(found: Matching) -> list[tuple[str, str | None, str]]:
    return [
        (each.line.id, each.movement and each.movement.operation_id, each.by)
        for each in found.matches
    ]


def cases(found: Matching) -> list[tuple[CaseKind, str, int]]:
    return [(each.kind, each.subject, each.difference.minor) for each in found.cases]


def test_a_charge_is_matched_by_our_operation():
    found = compare([line(1, 1000, fee=40)], [capture(1000)])
    assert (matched(found), cases(found)) == ([("txn_1", "pay_1.capture", "operation")], [])


def test_without_metadata_it_is_matched_by_the_hold():
    found = compare([line(1, 1000, operation=None)], [capture(1000)])
    assert matched(found) == [("txn_1", "pay_1.capture", "source")]


def test_a_partial_capture_is_a_pair_of_lines():
    found = compare([line(1, 1000), line(2, -300, REVERSAL)], [capture(700)])
    assert [each[:2] for each in matched(found)] == [
        ("txn_1", "pay_1.capture"),
        ("txn_2", "pay_1.capture"),
    ]
    assert cases(found) == []


@pytest.mark.parametrize(
    "theirs",
    [
        line(1, -200, REFUND, operation="pay_1.refund.a", source="re_9"),
        line(1, -200, REFUND, operation=None, source="re_1"),
    ],
)
def test_a_refund_is_matched_by_operation_or_by_its_id(theirs: BalanceLine):
    found = compare([theirs], [refund(200)])
    assert (len(found.matches), cases(found)) == (1, [])


def test_equal_amounts_alone_prove_nothing():
    stranger = line(1, 1000, operation=None, hold="pi_9")
    assert cases(compare([stranger], [capture(1000)])) == [
        (CaseKind.MISSING_OURS, "txn_1", 1000),
        (CaseKind.MISSING_THEIRS, "pay_1.capture", -1000),
    ]


def test_missing_theirs():
    assert cases(compare([], [capture(1000)])) == [
        (CaseKind.MISSING_THEIRS, "pay_1.capture", -1000)
    ]


def test_what_we_booked_after_reading_is_no_case_yet():
    late = replace(capture(1000), recorded_at=NOW + timedelta(seconds=1))
    found = compare([], [late])
    assert (cases(found), found.not_yet_theirs) == ([], (late,))


def test_status_ours_is_not_done():
    known = replace(NOTHING, unfinished_operations=frozenset({"pay_1.capture"}))
    assert cases(compare([line(1, 1000)], [], known)) == [(CaseKind.STATUS, "txn_1", 1000)]


def test_one_cent_is_a_case():
    found = compare([line(1, 1001)], [capture(1000)])
    assert (matched(found), cases(found)) == ([], [(CaseKind.AMOUNT, "pay_1.capture", 1)])


def test_the_half_of_a_pair_is_a_case():
    assert cases(compare([line(1, 1000)], [capture(700)])) == [
        (CaseKind.AMOUNT, "pay_1.capture", 300)
    ]


def test_a_second_charge_is_a_duplicate_and_the_first_still_matches():
    found = compare([line(1, 1000), line(2, 1000, source="ch_2")], [capture(1000)])
    assert [each[0] for each in matched(found)] == ["txn_1"]
    assert cases(found) == [(CaseKind.DUPLICATE, "txn_2", 1000)]


def test_a_duplicate_in_a_later_run():
    known = replace(NOTHING, matched_operations=frozenset({"pay_1.capture"}))
    assert cases(compare([line(2, 1000)], [], known)) == [(CaseKind.DUPLICATE, "txn_2", 1000)]


def test_currency():
    foreign = replace(
        line(1, 0), amount=Money(10, "USD"), fee=Money(0, "USD"), net=Money(10, "USD")
    )
    assert cases(compare([foreign], [])) == [(CaseKind.CURRENCY, "txn_1", 10)]


def test_fee_that_does_not_add_up():
    odd = replace(line(1, 1000, fee=40), net=Money(959))
    assert [each[:2] for each in cases(compare([odd], []))] == [(CaseKind.FEE, "txn_1")]


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        (LineCategory.DISPUTE, CaseKind.DISPUTE),
        (LineCategory.OTHER, CaseKind.UNKNOWN_TYPE),
    ],
)
def test_what_we_do_not_book_by_ourselves(category: LineCategory, kind: CaseKind):
    assert cases(compare([line(1, -500, category)], [])) == [(kind, "txn_1", -500)]


def test_a_separate_fee_needs_no_operation():
    found = compare([line(1, -200, LineCategory.FEE, operation=None)], [])
    assert (matched(found), cases(found)) == ([("txn_1", None, "fee")], [])


def payout(amount: int) -> Payout:
    return Payout("po_1", Money(amount), "paid", automatic=True, created_at=NOW, arrives_at=NOW)


@pytest.mark.parametrize(
    ("stated", "items", "expected"),
    [
        (960, 960, []),
        (960, None, []),
        (959, 959, [(CaseKind.PAYOUT, "txn_1", -960)]),
        (960, 950, [(CaseKind.PAYOUT, "po_1", -10)]),
        (None, None, [(CaseKind.PAYOUT, "txn_1", -960)]),
    ],
)
def test_payouts(stated: int | None, items: int | None, expected: list[tuple[CaseKind, str, int]]):
    known = replace(
        NOTHING,
        payouts=() if stated is None else (payout(stated),),
        payout_nets={} if items is None else {"po_1": Money(items)},
    )
    theirs = line(1, -960, PAYOUT, operation=None, source="po_1")
    assert cases(compare([theirs], [], known)) == expected


FAILURE = LineCategory.CHARGE_FAILURE


def test_the_line_of_a_debit_on_its_way_waits_and_is_no_case():
    under_way = replace(NOTHING, debits_under_way=frozenset({"pi_1"}))
    assert compare([line(1, 300, fee=35)], [], under_way) == Matching((), (), ())
    came = compare([line(1, 300, fee=35)], [capture(300)], under_way)
    assert (matched(came), cases(came)) == ([("txn_1", "pay_1.capture", "operation")], [])


def test_a_debit_that_failed_is_a_pair_that_explains_itself():
    found = compare([line(1, 300, fee=35), line(2, -300, FAILURE)], [])
    pair = [("txn_1", None, "charge_failure"), ("txn_2", None, "charge_failure")]
    assert (matched(found), cases(found)) == (pair, [])


@pytest.mark.parametrize(
    "failure",
    [
        line(2, -200, FAILURE),
        line(2, -300, FAILURE, source="ch_2"),
        line(2, -300, FAILURE, hold=None),
        replace(line(2, -300, FAILURE), net=Money(-299)),
    ],
)
def test_a_failure_that_does_not_fit_its_charge_is_for_a_person(failure: BalanceLine):
    found = compare([line(1, 300), failure], [])
    assert matched(found) == []
    assert sorted(subject for _, subject, _ in cases(found)) == ["txn_1", "txn_2"]
