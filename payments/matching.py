"""Match the processor's lines with the ledger's movements: a pure function, to the cent.

A movement is what one of our operations did to the ledger's processor account. Lines are tied to
it by our operation's id in the metadata first, by the processor's own ids second, and by nothing
else: equal amounts prove nothing. What does not match exactly becomes a named case and stays as it
is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments.gateway import BalanceLine, LineCategory, Payout
from payments.money import Money


class CaseKind(StrEnum):
    """What can be wrong, by name."""

    MISSING_THEIRS = "missing_theirs"
    """We booked it; the processor has no line for it."""
    MISSING_OURS = "missing_ours"
    """The processor has a line; no operation of ours explains it."""
    STATUS = "status"
    """The processor has a line for an operation that is not done on our side."""
    AMOUNT = "amount"
    DUPLICATE = "duplicate"
    """The processor has a second line for an operation."""
    CURRENCY = "currency"
    FEE = "fee"
    """A line's net is not its amount less its fee."""
    PAYOUT = "payout"
    """A payout is not the sum of its lines, or is unknown."""
    DISPUTE = "dispute"
    REFUND_FAILED = "refund_failed"
    """A refund came back: the rider has not got her money."""
    UNKNOWN_TYPE = "unknown_type"
    LOST_BOOKING = "lost_booking"
    """Money was taken for a booking that a restore lost, and is not back with the rider."""
    LOST_RIDE = "lost_ride"
    """A provider keeps, or was owed for, a ride that no booking of ours names since a restore."""
    BALANCE = "balance"
    """Ledger and processor differ by more than the other cases explain."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One operation's effect on the ledger's processor account; a refund is negative."""

    operation_id: str
    payment_id: str
    booking_id: str
    hold_id: str | None
    psp_id: str | None
    is_refund: bool
    amount: Money
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """Something for a person to look at. ``difference`` is theirs less ours."""

    kind: CaseKind
    subject: str
    """The line or operation it is about."""
    difference: Money
    explanation: str
    booking_id: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A line that is explained. ``movement`` is None for payouts, disputes and separate fees."""

    line: BalanceLine
    movement: Movement | None
    by: str


@dataclass(frozen=True, slots=True)
class Matching:
    """All that a comparison found."""

    matches: tuple[Match, ...]
    cases: tuple[Case, ...]
    not_yet_theirs: tuple[Movement, ...]
    """Booked after the processor was read: the cut-off, no case."""


@dataclass(frozen=True, slots=True)
class Known:
    """What else we know, to tell one case from another."""

    unfinished_operations: frozenset[str]
    matched_operations: frozenset[str]
    payouts: tuple[Payout, ...]
    payout_nets: dict[str, Money]
    """The sum of the lines that the processor says are in a payout."""
    disputes: frozenset[str] = frozenset()
    refunds: frozenset[str] = frozenset()
    """The processor's refunds that an earlier run has matched."""
    refunds_in_vain: frozenset[str] = frozenset()
    """The processor's refunds that failed before we had booked them."""
    debits_under_way: frozenset[str] = frozenset()
    """The holds of debits that have neither come nor failed: their lines wait, and are no case."""


_SALES = frozenset({LineCategory.CHARGE, LineCategory.PARTIAL_CAPTURE_REVERSAL})


def match(
    lines: Sequence[BalanceLine],
    movements: Sequence[Movement],
    known: Known,
    *,
    currency: str,
    read_at: datetime,
) -> Matching:
    """Compare lines and movements that no earlier run has matched.

    ``read_at`` is when reading the processor began.
    """
    matches = _failed_debits(lines, currency) + _failed_refunds(lines, known, currency)
    cases: list[Case] = []
    of_operation: dict[str, list[tuple[BalanceLine, str]]] = {}
    index = _Index(movements)
    paired = {each.line.id for each in matches}
    for line in (each for each in lines if each.id not in paired):
        case = _flaw(line, currency)
        if case is not None:
            cases.append(case)
        elif line.category is LineCategory.PAYOUT:
            _match_payout(line, known, matches, cases)
        elif by := _explained_by(line, known):
            matches.append(Match(line, None, by))
        else:
            found = index.find(line)
            if found is None:
                cases += _unexplained(line, known)
            else:
                of_operation.setdefault(found[0].operation_id, []).append((line, found[1]))
    later: list[Movement] = []
    for movement in movements:
        tied = of_operation.get(movement.operation_id, [])
        if tied:
            _match_movement(movement, tied, matches, cases)
        elif movement.recorded_at > read_at:
            later.append(movement)
        else:
            cases.append(_missing_theirs(movement))
    return Matching(tuple(matches), tuple(cases), tuple(later))


def _failed_debits(lines: Sequence[BalanceLine], currency: str) -> list[Match]:
    """Debits that failed: the processor put them in the balance, pending, and took them out again.

    Such a pair is no movement of ours; only its fees are.
    """
    failures = {
        line.hold_id: line
        for line in lines
        if line.category is LineCategory.CHARGE_FAILURE and line.hold_id is not None
    }
    found = []
    for line in lines:
        failure = failures.get(line.hold_id or "")
        if line.category is not LineCategory.CHARGE or failure is None:
            continue
        sound = _flaw(line, currency) is None and _flaw(failure, currency) is None
        if sound and line.source_id == failure.source_id and line.amount == -failure.amount:
            by = LineCategory.CHARGE_FAILURE.value
            found += [Match(line, None, by), Match(failure, None, by)]
    return found


def _failed_refunds(lines: Sequence[BalanceLine], known: Known, currency: str) -> list[Match]:
    """Refunds that were never booked: the processor took them out and put them back again."""
    failures = {
        line.source_id: line for line in lines if line.category is LineCategory.REFUND_FAILURE
    }
    found = []
    for line in lines:
        failure = failures.get(line.source_id)
        if line.category is not LineCategory.REFUND or failure is None:
            continue
        sound = _flaw(line, currency) is None and _flaw(failure, currency) is None
        in_vain = line.source_id in known.refunds_in_vain
        if sound and in_vain and line.amount == -failure.amount:
            by = LineCategory.REFUND_FAILURE.value
            found += [Match(line, None, by), Match(failure, None, by)]
    return found


def _explained_by(line: BalanceLine, known: Known) -> str | None:
    """What explains a line that no movement of ours stands for."""
    explains = {
        LineCategory.FEE: True,
        LineCategory.DISPUTE: line.source_id in known.disputes,
        LineCategory.REFUND_FAILURE: line.source_id in known.refunds,
    }
    return line.category.value if explains.get(line.category) else None


class _Index:
    """Movements by every id that a line may carry."""

    def __init__(self, movements: Iterable[Movement]) -> None:
        self._refunds: dict[str, tuple[Movement, str]] = {}
        self._sales: dict[str, tuple[Movement, str]] = {}
        for movement in movements:
            if movement.is_refund:
                self._refunds[movement.operation_id] = (movement, "operation")
                if movement.psp_id is not None:
                    self._refunds.setdefault(movement.psp_id, (movement, "source"))
            else:
                self._sales[movement.payment_id] = (movement, "operation")
                if movement.hold_id is not None:
                    self._sales.setdefault(movement.hold_id, (movement, "source"))

    def find(self, line: BalanceLine) -> tuple[Movement, str] | None:
        if line.category is LineCategory.REFUND:
            return self._refunds.get(line.operation_id or "") or self._refunds.get(
                line.source_id or ""
            )
        if line.category in _SALES:
            payment_id = (line.operation_id or "").partition(".")[0]
            return self._sales.get(payment_id) or self._sales.get(line.hold_id or "")
        return None


def _flaw(line: BalanceLine, currency: str) -> Case | None:
    if line.amount.currency != currency:
        return Case(
            CaseKind.CURRENCY,
            line.id,
            line.net,
            f"a line in {line.amount.currency}, we sell in {currency}",
        )
    if line.net != line.amount - line.fee:
        return Case(
            CaseKind.FEE,
            line.id,
            line.net - (line.amount - line.fee),
            f"net {line.net} is not {line.amount} less fee {line.fee}",
        )
    return None


def _unexplained(line: BalanceLine, known: Known) -> list[Case]:
    if line.category is LineCategory.CHARGE and line.hold_id in known.debits_under_way:
        return []
    return [_case_of(line, known)]


def _case_of(line: BalanceLine, known: Known) -> Case:
    if line.category is LineCategory.DISPUTE:
        return Case(
            CaseKind.DISPUTE, line.id, line.net, f"{line.source_id}: a dispute we do not know"
        )
    if line.category is LineCategory.REFUND_FAILURE:
        told = f"refund {line.source_id} came back; it is booked when the refund is matched"
        return Case(CaseKind.REFUND_FAILED, line.id, line.net, told)
    if line.category is LineCategory.OTHER:
        return Case(CaseKind.UNKNOWN_TYPE, line.id, line.net, f"a line of type {line.wire_type}")
    operation_id = line.operation_id or ""
    wanted = operation_id.replace(".authorise", ".capture")
    if wanted in known.matched_operations:
        return Case(
            CaseKind.DUPLICATE, line.id, line.net, f"a further line for {wanted}, already matched"
        )
    if wanted in known.unfinished_operations:
        return Case(
            CaseKind.STATUS,
            line.id,
            line.net,
            f"{wanted} is not done on our side, but is on theirs",
        )
    return Case(
        CaseKind.MISSING_OURS,
        line.id,
        line.net,
        f"{line.category} {line.source_id}: none of our operations explains it",
    )


def _missing_theirs(movement: Movement) -> Case:
    return Case(
        CaseKind.MISSING_THEIRS,
        movement.operation_id,
        -movement.amount,
        f"we booked {movement.amount}; the processor has no line for it",
        movement.booking_id,
    )


def _match_movement(
    movement: Movement,
    tied: Sequence[tuple[BalanceLine, str]],
    matches: list[Match],
    cases: list[Case],
) -> None:
    """One main line (charge or refund), for a partial capture with its reversals."""
    main = [pair for pair in tied if pair[0].category is not LineCategory.PARTIAL_CAPTURE_REVERSAL]
    reversals = [pair for pair in tied if pair[0].category is LineCategory.PARTIAL_CAPTURE_REVERSAL]
    first, further = [*main[:1], *reversals], main[1:]
    theirs = Money.total((line.amount for line, _ in first), movement.amount.currency)
    for line, _ in further:
        cases.append(
            Case(
                CaseKind.DUPLICATE,
                line.id,
                line.net,
                f"a further line for {movement.operation_id}",
                movement.booking_id,
            )
        )
    if theirs == movement.amount:
        matches.extend(Match(line, movement, by) for line, by in first)
    else:
        cases.append(
            Case(
                CaseKind.AMOUNT,
                movement.operation_id,
                theirs - movement.amount,
                f"we booked {movement.amount}, the processor {theirs}",
                movement.booking_id,
            )
        )


def _match_payout(line: BalanceLine, known: Known, matches: list[Match], cases: list[Case]) -> None:
    payout = next((each for each in known.payouts if each.id == line.source_id), None)
    if payout is None or payout.amount != -line.amount:
        stated = "unknown" if payout is None else str(payout.amount)
        cases.append(
            Case(
                CaseKind.PAYOUT,
                line.id,
                line.net,
                f"the balance moved by {line.amount}, payout {line.source_id} is {stated}",
            )
        )
        return
    matches.append(Match(line, None, "payout"))
    items = known.payout_nets.get(payout.id)
    if payout.automatic and items is not None and items != payout.amount:
        cases.append(
            Case(
                CaseKind.PAYOUT,
                payout.id,
                items - payout.amount,
                f"payout {payout.id} of {payout.amount} has lines of {items}",
            )
        )
