"""Business events as balanced journals: pure functions, no database.

A positive amount is a debit, a negative one a credit. We sell as an agent: what a rider pays
belongs to the provider, less our commission, which alone is our revenue and carries our VAT. The
VAT of the fare itself is the provider's and is only noted on its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from payments.accounts import Account, Role
from payments.errors import UnbalancedJournalError
from payments.money import Money

COMMISSION_VAT_PERCENT = Decimal(19)
"""§ 12 Abs. 1 UStG; the commission is a service to the provider, whatever the fare's own rate."""


class JournalKind(StrEnum):
    """The business events the ledger knows."""

    CAPTURE = "capture"
    COMMISSION = "commission"
    REFUND = "refund"
    COLLECTION = "collection"
    """A receivable was paid."""
    WAIVER = "waiver"
    """A receivable was forgiven."""
    DISPUTE = "dispute"
    """A charge was taken back, or given back after all, or is lost and owed again."""
    CLAIM = "claim"
    """A carrier's guarantee: accepted, paid out to the rider, or paid by the carrier."""
    REBATE = "rebate"
    """Given back at our own expense."""
    REBUILT = "rebuilt"
    """Taken for a booking that a restore from a backup lost."""
    FEE = "fee"
    PAYOUT = "payout"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class Split:
    """One leg's part of what a rider pays. ``gross`` and ``commission`` include their VAT."""

    provider_id: str
    leg_id: str
    gross: Money
    vat_percent: Decimal
    commission: Money
    tariff_version: str

    def __post_init__(self) -> None:
        if not 0 <= self.commission.minor <= self.gross.minor:
            raise ValueError(f"leg {self.leg_id}: commission {self.commission} of {self.gross}")
        if self.commission.currency != self.gross.currency:
            raise ValueError(f"leg {self.leg_id}: {self.commission} and {self.gross}")


@dataclass(frozen=True, slots=True)
class RefundShare:
    """One leg's part of a refund, with the commission and its VAT that go back with it."""

    provider_id: str
    leg_id: str
    gross: Money
    vat_percent: Decimal
    commission: Money
    commission_vat: Money
    tariff_version: str


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a journal."""

    account: Account
    amount: Money
    leg_id: str | None = None
    vat_percent: Decimal | None = None
    tariff_version: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A journal to append: balanced, two lines or more, none of them zero."""

    kind: JournalKind
    key: str
    """One key, one journal, for ever."""
    postings: tuple[Posting, ...]
    booking_id: str | None = None
    payment_id: str | None = None
    operation_id: str | None = None
    memo: str = ""

    def __post_init__(self) -> None:
        if len(self.postings) < 2:
            raise UnbalancedJournalError(f"journal {self.key} has fewer than two lines")
        if any(not posting.amount for posting in self.postings):
            raise UnbalancedJournalError(f"journal {self.key} has a line of zero")
        totals: dict[str, int] = {}
        for posting in self.postings:
            currency = posting.amount.currency
            totals[currency] = totals.get(currency, 0) + posting.amount.minor
            if posting.account.currency != currency:
                raise UnbalancedJournalError(
                    f"journal {self.key}: {posting.amount} on {posting.account.code}"
                )
        if any(totals.values()):
            raise UnbalancedJournalError(f"journal {self.key} is unbalanced: {totals}")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a journal belongs to."""

    booking_id: str
    payment_id: str
    operation_id: str


def _draft(
    kind: JournalKind, key: str, postings: Iterable[Posting], origin: Origin | None, memo: str
) -> list[Draft]:
    lines = tuple(posting for posting in postings if posting.amount)
    if not lines:
        return []
    if origin is None:
        return [Draft(kind, key, lines, memo=memo)]
    return [
        Draft(
            kind,
            key,
            lines,
            booking_id=origin.booking_id,
            payment_id=origin.payment_id,
            operation_id=origin.operation_id,
            memo=memo,
        )
    ]


def _commission_lines(share: Split | RefundShare, vat: Money, sign: int) -> list[Posting]:
    currency = share.gross.currency
    parts = (
        (Account(Role.PROVIDER_PAYABLE, currency, share.provider_id), share.commission, None),
        (Account(Role.COMMISSION, currency), vat - share.commission, COMMISSION_VAT_PERCENT),
        (Account(Role.OUTPUT_VAT, currency), -vat, COMMISSION_VAT_PERCENT),
    )
    return [
        Posting(account, amount.times(sign), share.leg_id, percent, share.tariff_version)
        for account, amount, percent in parts
    ]


def captured(origin: Origin, taken: Money, splits: Sequence[Split]) -> list[Draft]:
    """A ride was paid: what was ``taken`` from the card; any rest is owed by the rider.

    Raises:
        ValueError: more taken than the splits add up to.
    """
    currency = taken.currency
    owed = Money.total((split.gross for split in splits), currency) - taken
    if owed.minor < 0 or taken.minor < 0:
        raise ValueError(f"captured {taken}, which is {-owed} more than the legs cost")
    sale = [
        Posting(Account(Role.PROCESSOR, currency), taken),
        Posting(Account(Role.RIDER_RECEIVABLE, currency), owed),
        *(
            Posting(
                Account(Role.PROVIDER_PAYABLE, currency, split.provider_id),
                -split.gross,
                leg_id=split.leg_id,
                vat_percent=split.vat_percent,
                tariff_version=split.tariff_version,
            )
            for split in splits
        ),
    ]
    commission = [
        line
        for split in splits
        for line in _commission_lines(
            split, split.commission.included_tax(COMMISSION_VAT_PERCENT), 1
        )
    ]
    key = origin.operation_id
    return [
        *_draft(JournalKind.CAPTURE, f"{key}:capture", sale, origin, "fare collected as agent"),
        *_draft(JournalKind.COMMISSION, f"{key}:commission", commission, origin, "our commission"),
    ]


def rebuilt(origin: Origin, splits: Sequence[Split]) -> list[Draft]:
    """What was taken for a booking that is lost: nothing of it is ours, and no VAT is known."""
    lines = [
        Posting(
            Account(Role.PROVIDER_PAYABLE, split.gross.currency, split.provider_id),
            -split.gross,
            leg_id=split.leg_id,
        )
        for split in splits
    ]
    taken = Money.total((split.gross for split in splits), splits[0].gross.currency)
    lines.append(Posting(Account(Role.PROCESSOR, taken.currency), taken))
    memo = "fare of a booking lost in a restore"
    return _draft(JournalKind.REBUILT, f"{origin.operation_id}:rebuilt", lines, origin, memo)


def collected(origin: Origin, taken: Money) -> list[Draft]:
    """A rider paid what she owed."""
    lines = [
        Posting(Account(Role.PROCESSOR, taken.currency), taken),
        Posting(Account(Role.RIDER_RECEIVABLE, taken.currency), -taken),
    ]
    key = f"{origin.operation_id}:collection"
    return _draft(JournalKind.COLLECTION, key, lines, origin, "receivable paid")


def refund_shares(
    amount: Money,
    splits: Sequence[Split],
    refunded: Sequence[RefundShare],
    legs: Collection[str] | None = None,
) -> tuple[RefundShare, ...]:
    """Each leg's part of a refund, in proportion to what is left of it after earlier refunds.

    With ``legs`` only those give something back. Parts sum to ``amount`` exactly, and no leg ever
    gives back more than it took: the commission and its VAT return to zero with the last cent.

    Raises:
        ValueError: more than is left.
    """
    splits = [split for split in splits if legs is None or split.leg_id in legs]
    left = [_left(split, refunded) for split in splits]
    if amount.minor <= 0 or amount.minor > sum(gross.minor for gross, _ in left):
        raise ValueError(f"cannot refund {amount} of {[str(gross) for gross, _ in left]}")
    parts = amount.split([gross.minor for gross, _ in left])
    shares = []
    for split, part, (gross, commission) in zip(splits, parts, left, strict=True):
        if not part:
            continue
        back = commission.times(Decimal(part.minor) / Decimal(gross.minor))
        vat = commission.included_tax(COMMISSION_VAT_PERCENT) - (commission - back).included_tax(
            COMMISSION_VAT_PERCENT
        )
        shares.append(
            RefundShare(
                split.provider_id,
                split.leg_id,
                part,
                split.vat_percent,
                back,
                vat,
                split.tariff_version,
            )
        )
    return tuple(shares)


def _left(split: Split, refunded: Sequence[RefundShare]) -> tuple[Money, Money]:
    currency = split.gross.currency
    mine = [share for share in refunded if share.leg_id == split.leg_id]
    return (
        split.gross - Money.total((share.gross for share in mine), currency),
        split.commission - Money.total((share.commission for share in mine), currency),
    )


_BACK_FROM = {
    Role.PROCESSOR: "fare given back",
    Role.BANK: "fare given back by hand",
    Role.DISPUTED: "fare taken back by a bank",
}


def refunded(
    origin: Origin, shares: Sequence[RefundShare], source: Role = Role.PROCESSOR
) -> list[Draft]:
    """Money went back to the rider: from the providers, and our commission back to them.

    It came from our balance at the processor, from our bank, or her own bank had taken it back.
    """
    account = Account(source, shares[0].gross.currency) if shares else None
    return _given_back(JournalKind.REFUND, origin, shares, account, _BACK_FROM[source])


def waived(origin: Origin, shares: Sequence[RefundShare]) -> list[Draft]:
    """What a rider owed is forgiven: by the providers, and our commission to them."""
    account = Account(Role.RIDER_RECEIVABLE, shares[0].gross.currency) if shares else None
    return _given_back(JournalKind.WAIVER, origin, shares, account, "receivable forgiven")


def _given_back(
    kind: JournalKind,
    origin: Origin,
    shares: Sequence[RefundShare],
    account: Account | None,
    memo: str,
) -> list[Draft]:
    if account is None:
        return []
    lines = [
        Posting(
            Account(Role.PROVIDER_PAYABLE, account.currency, share.provider_id),
            share.gross,
            leg_id=share.leg_id,
            vat_percent=share.vat_percent,
            tariff_version=share.tariff_version,
        )
        for share in shares
    ]
    total = Money.total((share.gross for share in shares), account.currency)
    lines.append(Posting(account, -total))
    commission = [
        line for share in shares for line in _commission_lines(share, share.commission_vat, -1)
    ]
    key = origin.operation_id
    return [
        *_draft(kind, f"{key}:{kind}", lines, origin, memo),
        *_draft(
            JournalKind.COMMISSION, f"{key}:commission", commission, origin, "commission given back"
        ),
    ]


def fee_charged(line_id: str, fee: Money, origin: Origin | None) -> list[Draft]:
    """The processor kept a fee on one of its balance lines; negative when it gave one back."""
    lines = [
        Posting(Account(Role.PROCESSOR_FEES, fee.currency), fee),
        Posting(Account(Role.PROCESSOR, fee.currency), -fee),
    ]
    return _draft(JournalKind.FEE, f"line:{line_id}:fee", lines, origin, f"fee on {line_id}")


def disputed(line_id: str, amount: Money, dispute_id: str) -> list[Draft]:
    """A cardholder's bank took a charge back (negative), or gave it back (positive)."""
    lines = [
        Posting(Account(Role.DISPUTED, amount.currency), -amount),
        Posting(Account(Role.PROCESSOR, amount.currency), amount),
    ]
    return _draft(JournalKind.DISPUTE, f"line:{line_id}:dispute", lines, None, dispute_id)


def dispute_lost(dispute_id: str, booking_id: str, payment_id: str, amount: Money) -> list[Draft]:
    """A dispute was decided for the cardholder: the rider owes the ride again."""
    lines = [
        Posting(Account(Role.RIDER_RECEIVABLE, amount.currency), amount),
        Posting(Account(Role.DISPUTED, amount.currency), -amount),
    ]
    origin = Origin(booking_id, payment_id, f"{payment_id}.{dispute_id}")
    return _draft(JournalKind.DISPUTE, lost_key(dispute_id), lines, origin, dispute_id)


def lost_key(dispute_id: str) -> str:
    """The key of that journal."""
    return f"dispute:{dispute_id}:lost"


def paid_out(line_id: str, payout_id: str, amount: Money) -> list[Draft]:
    """The processor sent ``amount`` on its way to the bank; negative when it took it back."""
    lines = [
        Posting(Account(Role.PAYOUT_TRANSIT, amount.currency), amount),
        Posting(Account(Role.PROCESSOR, amount.currency), -amount),
    ]
    return _draft(JournalKind.PAYOUT, f"line:{line_id}:payout", lines, None, f"payout {payout_id}")
