"""The payment processor in our words.

A *hold* is an authorised amount on a rider's card (Stripe: a PaymentIntent with manual capture);
of an account, a debit that comes after days or fails.
It is created without being confirmed, so that its id can be stored before any money is touched;
from then on every effect names the hold, and the hold's own state makes repetition harmless.

Calls that change something raise ``DeclinedError``, ``RefusedError``, ``UnreachableError``
(certainly not sent), ``OutcomeUnknownError`` or ``MisconfiguredError`` of ``payments.errors``;
calls that read raise ``RefusedError``, ``UnreachableError`` or ``MisconfiguredError``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from payments.methods import SavedMethod
from payments.money import Money


class HoldState(StrEnum):
    """Where a hold stands at the processor."""

    UNCONFIRMED = "unconfirmed"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Hold:
    """What the processor says of a hold."""

    id: str
    state: HoldState
    amount: Money
    capturable: Money
    captured: Money
    operation_id: str | None = None
    """Our authorise operation, from the hold's metadata."""
    redirect_url: str | None = None
    capture_before: datetime | None = None
    """When the issuer lets the hold lapse; read, never computed."""
    charge_id: str | None = None
    decline_code: str | None = None
    paid_with: str | None = None
    """What was charged, as the rider reads it; known once there is a charge."""


class RefundState(StrEnum):
    """Where a refund stands at the processor."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundReceipt:
    """What the processor says of a refund."""

    id: str
    state: RefundState
    amount: Money
    operation_id: str | None = None


@dataclass(frozen=True, slots=True)
class FoundHold:
    """A hold of ours as a list of the processor shows it, with what we wrote on it."""

    hold: Hold
    operation_id: str
    booking_id: str
    customer_ref: str
    method: str
    created_at: datetime

    @property
    def payment_id(self) -> str:
        """The payment whose hold it is."""
        return self.operation_id.rpartition(".")[0]


class LineCategory(StrEnum):
    """What moved the processor's balance; Stripe's reporting categories, reduced."""

    CHARGE = "charge"
    CHARGE_FAILURE = "charge_failure"
    """A debit that was in the balance, pending, has failed."""
    PARTIAL_CAPTURE_REVERSAL = "partial_capture_reversal"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    """A refund came back, days after it had been made."""
    PAYOUT = "payout"
    FEE = "fee"
    DISPUTE = "dispute"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """One movement of our balance at the processor (Stripe: a balance transaction).

    ``net == amount - fee`` when the processor is consistent, which reconciliation checks.
    """

    id: str
    category: LineCategory
    wire_type: str
    amount: Money
    fee: Money
    net: Money
    source_id: str | None
    hold_id: str | None
    operation_id: str | None
    """Our refund's operation, or the authorise operation of the hold behind a charge."""
    created_at: datetime
    available_at: datetime


@dataclass(frozen=True, slots=True)
class Payout:
    """A transfer of our balance to the bank. ``amount`` is positive when money reaches the bank."""

    id: str
    amount: Money
    state: str
    automatic: bool
    created_at: datetime
    arrives_at: datetime


class DisputeState(StrEnum):
    """Where a dispute stands at the processor."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A cardholder's bank took a charge back; until it is decided the money is not ours."""

    id: str
    hold_id: str | None
    state: DisputeState
    amount: Money
    reason: str
    created_at: datetime
    answer_by: datetime | None
    """Until when evidence is taken."""


@dataclass(frozen=True, slots=True)
class SetupSession:
    """A visit to the hosted page that saves a card or an account."""

    id: str
    url: str | None
    complete: bool


class Gateway(Protocol):
    """The one face a payment processor shows to the rest of the code."""

    async def create_customer(self, pseudonym: str) -> str:
        """The processor's id of a new customer known by a pseudonym only."""
        ...

    async def delete_customer(self, customer_ref: str) -> None:
        """Forget a customer and the cards saved with it; also when already forgotten."""
        ...

    async def create_setup_session(
        self, customer_ref: str, *, return_url: str, key: str
    ) -> SetupSession:
        """Open the hosted page on which the rider enters a card or account to save."""
        ...

    async def get_setup_session(self, session_id: str) -> SetupSession:
        """Whether the visit to the hosted page is over."""
        ...

    async def list_methods(self, customer_ref: str) -> Sequence[SavedMethod]:
        """The rider's saved cards and accounts, newest first."""
        ...

    async def detach_method(self, method_id: str) -> None:
        """Remove a saved card or account; also when already removed."""
        ...

    async def create_hold(
        self,
        *,
        key: str,
        operation_id: str,
        booking_id: str,
        amount: Money,
        customer_ref: str,
        method: str,
        debit: bool = False,
    ) -> Hold:
        """Create a hold without confirming it: no money is touched.

        With ``debit`` the method may be an account. Then nothing is held: once confirmed it is
        ``PROCESSING`` for days, and then ``CAPTURED`` or ``DECLINED``.
        """
        ...

    async def confirm_hold(self, hold_id: str, *, key: str, return_url: str | None) -> Hold:
        """Ask for the money: ``HELD``, or ``REQUIRES_ACTION`` with a page to visit.

        Without ``return_url`` the rider is not there, and a card that wants her declines.
        """
        ...

    async def capture_hold(self, hold_id: str, *, key: str, amount: Money) -> Hold:
        """Take ``amount``, at most what is held; the rest is released."""
        ...

    async def release_hold(self, hold_id: str, *, key: str) -> Hold:
        """Give up the hold, confirmed or not."""
        ...

    async def get_hold(self, hold_id: str) -> Hold:
        """Read a hold."""
        ...

    async def find_hold(
        self, operation_id: str, *, customer_ref: str, since: datetime
    ) -> Hold | None:
        """The customer's hold that carries our operation's id, created at or after ``since``."""
        ...

    async def list_holds(self, *, since: datetime) -> Sequence[FoundHold]:
        """Every hold of ours created at or after ``since``, oldest first."""
        ...

    async def refund_hold(
        self, hold_id: str, *, key: str, operation_id: str, amount: Money
    ) -> RefundReceipt:
        """Give captured money back."""
        ...

    async def find_refund(self, hold_id: str, operation_id: str) -> RefundReceipt | None:
        """The hold's refund that carries our operation's id."""
        ...

    async def list_refunds(self, hold_id: str) -> Sequence[RefundReceipt]:
        """Every refund of a hold, oldest first."""
        ...

    async def get_balance(self) -> Mapping[str, Money]:
        """What the processor owes us per currency, available and pending together."""
        ...

    async def list_balance_lines(
        self, *, since: datetime, payout_id: str | None = None
    ) -> Sequence[BalanceLine]:
        """Every movement created at or after ``since``, oldest first; of one payout if named."""
        ...

    async def list_payouts(self, *, since: datetime) -> Sequence[Payout]:
        """Every payout created at or after ``since``, oldest first."""
        ...

    async def list_disputes(self, *, since: datetime) -> Sequence[Dispute]:
        """Every dispute opened at or after ``since`` that took money, oldest first."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
