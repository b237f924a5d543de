"""What a carrier's guarantee gives a rider, in the books: accepted, paid out, paid by the carrier.

Nothing is advanced before. With the carrier's acceptance it owes us, and we owe the rider; either
is cleared by itself. The fare and its commission stay: the ride was ridden and paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from payments import ledger
from payments.accounts import Account, Role
from payments.money import Money
from payments.postings import Draft, JournalKind, Origin, Posting


class CarrierPays(StrEnum):
    """How a carrier pays what its guarantee cost us."""

    BANK = "bank"
    OFFSET = "offset"
    """Netted against what we owe it for the rides that we sold."""


@dataclass(frozen=True, slots=True)
class ClaimInBooks:
    """What the journals of a claim have in common."""

    id: str
    booking_id: str
    provider_id: str


def _draft(claim: ClaimInBooks, step: str, lines: Sequence[tuple[Account, Money]]) -> Draft:
    return Draft(
        JournalKind.CLAIM,
        f"{claim.id}:{step}",
        tuple(Posting(account, amount) for account, amount in lines),
        booking_id=claim.booking_id,
        memo=f"guarantee, {step}",
    )


def accepted(claim: ClaimInBooks, amount: Money) -> Draft:
    """The carrier accepted: it owes us, and we owe the rider."""
    return _draft(
        claim,
        "accepted",
        [
            (Account(Role.CARRIER_RECEIVABLE, amount.currency, claim.provider_id), amount),
            (Account(Role.CLAIM_PAYABLE, amount.currency), -amount),
        ],
    )


def compensated(origin: Origin, amount: Money, source: Role = Role.PROCESSOR) -> list[Draft]:
    """The rider got it back on what she had paid with."""
    lines = (
        Posting(Account(Role.CLAIM_PAYABLE, amount.currency), amount),
        Posting(Account(source, amount.currency), -amount),
    )
    return [
        Draft(
            JournalKind.CLAIM,
            f"{origin.operation_id}:refund",
            lines,
            booking_id=origin.booking_id,
            payment_id=origin.payment_id,
            operation_id=origin.operation_id,
            memo="guarantee, given back on the payment",
        )
    ]


def rebated(
    origin: Origin, amount: Money, role: Role, memo: str, source: Role = Role.PROCESSOR
) -> list[Draft]:
    """We gave something back at our own expense; the providers keep what their tariffs say."""
    lines = (
        Posting(Account(role, amount.currency), amount),
        Posting(Account(source, amount.currency), -amount),
    )
    return [
        Draft(
            JournalKind.REBATE,
            f"{origin.operation_id}:refund",
            lines,
            booking_id=origin.booking_id,
            payment_id=origin.payment_id,
            operation_id=origin.operation_id,
            memo=memo,
        )
    ]


def paid_by_hand(claim: ClaimInBooks, amount: Money) -> Draft:
    """What exceeds the payment was transferred to the rider."""
    return _draft(
        claim,
        "transferred",
        [
            (Account(Role.CLAIM_PAYABLE, amount.currency), amount),
            (Account(Role.BANK, amount.currency), -amount),
        ],
    )


def carrier_paid(claim: ClaimInBooks, amount: Money, how: CarrierPays) -> Draft:
    """The carrier paid what it owed."""
    paid_with = {
        CarrierPays.BANK: Account(Role.BANK, amount.currency),
        CarrierPays.OFFSET: Account(Role.PROVIDER_PAYABLE, amount.currency, claim.provider_id),
    }[how]
    return _draft(
        claim,
        "carrier paid",
        [
            (paid_with, amount),
            (Account(Role.CARRIER_RECEIVABLE, amount.currency, claim.provider_id), -amount),
        ],
    )


async def book(tx: AsyncConnection, draft: Draft, now: datetime) -> None:
    """Append a journal of a claim, once."""
    await ledger.append(tx, draft, event_at=now, now=now)
