"""What can become of a claim: noticed → filed → accepted or rejected → paid; or lapsed. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from mobility.booking.errors import WrongStateError


class ClaimState(StrEnum):
    """Where a claim stands."""

    NOTICED = "noticed"
    """We saw that the guarantee may apply; the rider has not asked for it."""
    FILED = "filed"
    """The rider wants it; the carrier decides."""
    ACCEPTED = "accepted"
    """The carrier pays; the rider's money is on its way."""
    REJECTED = "rejected"
    PAID = "paid"
    """The rider has all of it."""
    LAPSED = "lapsed"
    """Not filed in time."""


class ClaimEvent(StrEnum):
    """What happens to a claim."""

    FILE = "file"
    ACCEPT = "accept"
    REJECT = "reject"
    PAY = "pay"


_AFTER = {
    (ClaimState.NOTICED, ClaimEvent.FILE): ClaimState.FILED,
    (ClaimState.FILED, ClaimEvent.ACCEPT): ClaimState.ACCEPTED,
    (ClaimState.FILED, ClaimEvent.REJECT): ClaimState.REJECTED,
    (ClaimState.ACCEPTED, ClaimEvent.PAY): ClaimState.PAID,
}


def standing(stored: ClaimState, file_by: datetime | None, now: datetime) -> ClaimState:
    """The state at a moment: what was not filed in time has lapsed; None is no known deadline."""
    late = file_by is not None and now >= file_by
    return ClaimState.LAPSED if stored is ClaimState.NOTICED and late else stored


def after(state: ClaimState, event: ClaimEvent) -> ClaimState:
    """The state after an event.

    Raises:
        WrongStateError: it cannot happen in that state.
    """
    following = _AFTER.get((state, event))
    if following is None:
        raise WrongStateError(f"the claim is {state}; one cannot {event} it")
    return following
