"""A money operation: one effect on the processor, and what its outcome makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments.gateway import Hold, RefundReceipt
from payments.money import Money


class OperationKind(StrEnum):
    """One effect on the processor."""

    AUTHORISE = "authorise"
    """Create the hold, unconfirmed: no money is touched."""
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class OperationState(StrEnum):
    """Where an operation stands. ``UNKNOWN`` is left only by reading the processor."""

    PLANNED = "planned"
    SENT = "sent"
    """It may have been sent from the moment this was committed."""
    DONE = "done"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    """A debit is on its way for days; only what the processor says of it later ends that."""
    UNKNOWN = "unknown"


OPEN_STATES = (
    OperationState.PLANNED,
    OperationState.SENT,
    OperationState.REQUIRES_ACTION,
    OperationState.PROCESSING,
    OperationState.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """All that a call to the processor needs; no transaction is open while it is made."""

    id: str
    payment_id: str
    booking_id: str
    kind: OperationKind
    state: OperationState
    amount: Money
    attempt: int
    fresh: bool
    """Prepared in this very transaction, so certainly never sent; otherwise it is read first."""
    first_sent_at: datetime
    customer_ref: str
    method: str
    return_url: str
    hold_id: str | None
    off_session: bool = False
    """The rider is not there to confirm anything."""
    debt_id: str | None = None
    """The debt that its payment collects."""
    reason: str = ""
    psp_id: str | None = None
    """The processor's id of what came of it."""
    error_code: str | None = None
    decided_at: datetime | None = None

    @property
    def key(self) -> str:
        """The idempotency key of this attempt."""
        return f"{self.id}:{self.attempt}"

    @property
    def may_take_days(self) -> bool:
        """A debt may be paid by a debit; what is booked may not, as it is handed out at once."""
        return self.debt_id is not None


class OutcomeKind(StrEnum):
    """What a call taught us."""

    DONE = "done"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    """Read: a debit is on its way, and nothing is decided."""
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    """Nothing was sent and nothing read: try again later."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a call, to be recorded."""

    kind: OutcomeKind
    hold: Hold | None = None
    refund: RefundReceipt | None = None
    code: str | None = None
    message: str = ""
    answered: bool = False
    """For ``UNKNOWN``: the processor ended the request, and repeats that answer for the key."""


_ENDS = (OutcomeKind.DONE, OutcomeKind.DECLINED)


def state_after(state: OperationState, outcome: OutcomeKind) -> OperationState:
    """Where an outcome brings an operation; one that is decided stays as it is.

    ``UNREACHABLE`` taught nothing, so that what may have been sent before still may. A debit that
    is known to be on its way stays so until it is known to have come or failed.
    """
    if state is OperationState.PROCESSING and outcome not in _ENDS:
        return state
    if state not in OPEN_STATES or outcome is OutcomeKind.UNREACHABLE:
        return state
    return OperationState(outcome.value)
