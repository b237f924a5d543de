"""One bill shared by several people: who bears how much of it, to the cent, with its tax.

Only a document. What was paid stays one payment, and nobody else is charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mobility.booking.errors import SplitRefusedError, WrongStateError
from mobility.booking.receipt import Receipt
from payments.money import Money


@dataclass(frozen=True, slots=True)
class Taxed:
    """A gross amount at one rate of tax, with the tax in it."""

    vat_percent: Decimal
    gross: Money
    vat: Money


@dataclass(frozen=True, slots=True)
class BillShare:
    """What one person bears; the rates add up to ``amount``."""

    label: str
    amount: Money
    rates: tuple[Taxed, ...]


def split_equally(receipt: Receipt, labels: Sequence[str]) -> tuple[BillShare, ...]:
    """Shares that differ by a cent at most; the first ones bear the cents that do not divide.

    Raises:
        WrongStateError: nothing was charged, or something of it is not paid yet.
    """
    _check_paid(receipt)
    return _shares(receipt, labels, receipt.paid.split([1] * len(labels)))


def split_by_amounts(
    receipt: Receipt, wanted: Sequence[tuple[str, Money]]
) -> tuple[BillShare, ...]:
    """Shares of these amounts.

    Raises:
        WrongStateError: nothing was charged, or something of it is not paid yet.
        SplitRefusedError: they do not add up to what was paid for the trip.
    """
    _check_paid(receipt)
    total = sum(amount.minor for _, amount in wanted)
    currencies = {amount.currency for _, amount in wanted}
    if currencies != {receipt.paid.currency} or total != receipt.paid.minor:
        given = Money(total, receipt.paid.currency)
        raise SplitRefusedError(f"the shares add up to {given}, the trip cost {receipt.paid}")
    return _shares(receipt, [label for label, _ in wanted], [amount for _, amount in wanted])


def _check_paid(receipt: Receipt) -> None:
    due = receipt.outstanding - receipt.too_little
    if due:
        raise WrongStateError(f"{due} of the trip are not paid yet")
    if not receipt.paid:
        raise WrongStateError("the trip cost nothing; there is nothing to share")


def _shares(
    receipt: Receipt, labels: Sequence[str], amounts: Sequence[Money]
) -> tuple[BillShare, ...]:
    """Rate by rate: each takes of what is left of every share, so that rows and columns add up."""
    left = list(amounts)
    taxed: list[list[Taxed]] = [[] for _ in labels]
    for percent, gross, vat in _by_rate(receipt):
        parts = gross.split([amount.minor for amount in left])
        taxes = vat.split([part.minor for part in parts])
        for index, (part, tax) in enumerate(zip(parts, taxes, strict=True)):
            left[index] -= part
            if part:
                taxed[index].append(Taxed(percent, part, tax))
    return tuple(
        BillShare(label, amount, tuple(rates))
        for label, amount, rates in zip(labels, amounts, taxed, strict=True)
    )


def _by_rate(receipt: Receipt) -> list[tuple[Decimal, Money, Money]]:
    """What was paid at each rate, and the tax in it.

    Goodwill lowers the rate of its leg; what else we bore, or is too little to be charged, lowers
    each by its part.
    """
    currency = receipt.total.currency
    lines = [line for line in receipt.lines if line.gross]
    percents = sorted({line.vat_percent for line in lines})
    kept = {line.leg_id: line.gross for line in lines}
    for movement in receipt.movements:
        if movement.leg_id in kept:
            kept[movement.leg_id] -= movement.amount
    full = [
        Money.total((kept[x.leg_id] for x in lines if x.vat_percent == percent), currency)
        for percent in percents
    ]
    rebate = Money.total(full, currency) - receipt.paid
    parts = rebate.split([gross.minor for gross in full])
    found = []
    for percent, gross, part in zip(percents, full, parts, strict=True):
        of_rate = [x for x in lines if x.vat_percent == percent]
        left = gross - part
        if left == Money.total((x.gross for x in of_rate), currency):
            found.append((percent, left, Money.total((x.vat for x in of_rate), currency)))
        elif left:
            found.append((percent, left, left.included_tax(percent)))
    return found
