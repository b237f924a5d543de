"""What can go wrong with money, as a tree.

PaymentError
├── DeclinedError             the card was refused; definite, no money moved
├── ActionRequiredError       the rider must visit a hosted page first
├── RefusedError              the processor refuses the request itself; definite, no money moved
├── UnreachableError          nothing was sent, or a read failed; try again later
├── OutcomeUnknownError       it was sent and may have happened; only reading can tell
├── PaymentStuckError         the processor refuses for good what is due; a person must look at it
├── MisconfiguredError        our key or set-up is wrong; trying again does not help
├── PaymentNotFoundError      no such payment
├── DebtNotFoundError         no such debt
├── PaymentConflictError      the payment's state or amount forbids it
├── WebhookRefusedError       a webhook is forged, too old, from the future, or malformed
└── LedgerError
    ├── UnbalancedJournalError    debits and credits differ
    ├── JournalConflictError      the key was used for another journal
    └── JournalNotFoundError      no such journal
"""

from __future__ import annotations


class PaymentError(Exception):
    """The root of everything this package raises on purpose."""


class DeclinedError(PaymentError):
    """The card was refused; definite, no money moved."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
        """The processor's decline code, such as ``insufficient_funds``."""


class ActionRequiredError(PaymentError):
    """The rider must visit a hosted page before the payment can go on."""

    def __init__(self, message: str, redirect_url: str) -> None:
        super().__init__(message)
        self.redirect_url = redirect_url


class RefusedError(PaymentError):
    """The processor refuses the request itself; definite, no money moved."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
        """The processor's error code, such as ``payment_intent_unexpected_state``."""


class UnreachableError(PaymentError):
    """Nothing was sent, or a read failed; try again later."""


class OutcomeUnknownError(PaymentError):
    """The request was sent and may have taken effect; only reading can tell."""

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered
        """Whether the processor ended the request with an error of its own.

        Such an answer is replayed for the same key, so the next attempt needs a new one.
        """


class PaymentStuckError(PaymentError):
    """The processor refuses for good what is due; a person must look at it."""


class MisconfiguredError(PaymentError):
    """Our key or set-up is wrong; trying again does not help."""


class PaymentNotFoundError(PaymentError):
    """There is no such payment."""


class DebtNotFoundError(PaymentError):
    """There is no such debt."""


class PaymentConflictError(PaymentError):
    """The payment's state or amount forbids what was asked."""


class WebhookRefusedError(PaymentError):
    """A webhook is not the processor's, too old, from the future, or malformed."""


class LedgerError(PaymentError):
    """The ledger refuses a journal."""


class UnbalancedJournalError(LedgerError):
    """A journal's debits and credits differ, or it has fewer than two lines."""


class JournalConflictError(LedgerError):
    """The idempotency key was used before for a journal with other content."""


class JournalNotFoundError(LedgerError):
    """There is no such journal."""
