"""The one face every provider shows to the rest of the code.

Every call may raise ``RefusedError``, ``UnreachableError`` or ``OutcomeUnknownError``
(``providers.errors``). A call repeated with the same ``key`` has one effect.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from providers.values import (
    Availability,
    Kept,
    LegOrder,
    ProviderId,
    Quote,
    QuoteRequest,
    Reservation,
    ReservationState,
)


class Provider(Protocol):
    """A transport operator we can sell legs of."""

    @property
    def id(self) -> ProviderId:
        """The provider's id in the city's ``providers.toml``."""
        ...

    @property
    def scarce(self) -> bool:
        """Whether a leg is held before payment (a vehicle) or issued last (a ticket)."""
        ...

    async def availability(self, now: datetime) -> Availability:
        """What can be had now; empty for a scheduled service."""
        ...

    def quote(self, request: QuoteRequest) -> Quote:
        """Price a leg from the provider's published tariff, without asking it."""
        ...

    async def hold(self, order: LegOrder, now: datetime) -> Reservation:
        """Reserve the leg until ``expires_at``. State ``held``."""
        ...

    async def extend(self, order: LegOrder, now: datetime) -> Reservation:
        """Hold for longer before the hold is confirmed. State ``held``, with a later end.

        Refused where the provider holds for one time only.
        """
        ...

    async def confirm(self, order: LegOrder, now: datetime) -> Reservation:
        """Make the held leg binding; for a ticket: issue it. State ``confirmed``."""
        ...

    async def cancel(self, order: LegOrder, now: datetime) -> Reservation:
        """Release a held or confirmed leg. State ``cancelled``, also when it was never held.

        A cancelled key stays cancelled: a hold that arrives late under it must not revive it.
        """
        ...

    async def start(self, order: LegOrder, now: datetime) -> Reservation:
        """Unlock the vehicle, or validate the ticket. State ``in_use``."""
        ...

    async def finish(self, order: LegOrder, now: datetime) -> Reservation:
        """Lock the vehicle and end the ride. State ``ended``, with a report."""
        ...

    async def find_reservation(self, order: LegOrder, now: datetime) -> Reservation | None:
        """Read what the provider holds under ``order.key``; None if it never heard of it."""
        ...

    async def list_kept(self, since: datetime) -> tuple[Kept, ...]:
        """All that the provider keeps for us and that was not over at ``since``.

        Empty where nothing is kept on the other side. Refused where it offers no list.
        """
        ...

    async def let_go(self, key: str) -> ReservationState:
        """Cancel what is kept under a key of which no more is known; returns how it stands then."""
        ...
