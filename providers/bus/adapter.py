"""Bus and ferry tickets that we issue ourselves by the published tariff; see MAPPING.md.

A seat on a bus is not scarce and no system on the other side keeps it: a reservation follows from
its order alone. ``confirm`` derives from the order what the ticket says, so that a repetition gives
the very same; it is signed for a device when it is shown. What was issued and what was cancelled is
the booking's to remember.
"""

# ruff: noqa: ARG002 - the port passes the time to every step; a ticket needs it in one

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from providers.bus import ticket
from providers.bus.fare_table import FareTable
from providers.bus.fares import FareUnknownError, price_product
from providers.errors import RefusedError
from providers.stanza import ProviderStanza
from providers.values import (
    AccessFormat,
    Availability,
    Kept,
    LegOrder,
    ProviderId,
    Quote,
    QuoteRequest,
    Reservation,
    ReservationRef,
    ReservationState,
    RideReport,
    Usage,
)

TICKET_ID_CHARACTERS = 20
LEAST_AFTER_ARRIVAL = timedelta(minutes=30)
"""A late bus does not turn its riders into fare dodgers."""


@dataclass(frozen=True, slots=True)
class TicketOffice:
    """A ``providers.port.Provider`` that sells the tickets of one bus or ferry operator."""

    stanza: ProviderStanza
    fares: FareTable

    @property
    def id(self) -> ProviderId:
        """The stanza's id."""
        return self.stanza.provider_id

    @property
    def scarce(self) -> bool:
        """Nothing to hold: issued last."""
        return False

    async def availability(self, now: datetime) -> Availability:
        """Nothing: a scheduled service has a timetable instead."""
        return Availability((), (), now)

    def quote(self, request: QuoteRequest) -> Quote:
        """The price of ``request.product`` on the day of departure, in the city's time zone.

        Raises:
            FareUnknownError: no such product, or no price for it on that day.
        """
        on = request.departs_at.astimezone(self.fares.zone).date()
        return price_product(self.fares, request.product or "", on, request.passengers)

    async def hold(self, order: LegOrder, now: datetime) -> Reservation:
        """Nothing happens; ``held`` says that the ticket can be issued."""
        self._claims(order)
        return self._reservation(order, ReservationState.HELD)

    async def extend(self, order: LegOrder, now: datetime) -> Reservation:
        """Nothing happens: a ticket that can be issued can be issued later."""
        return await self.hold(order, now)

    async def confirm(self, order: LegOrder, now: datetime) -> Reservation:
        """Issue the ticket; what it says is the access code.

        Raises:
            RefusedError: the product is not sold, the tariff asks another price for it, or it would
                have to be valid for longer than a day.
        """
        return self._issued(order, ReservationState.CONFIRMED)

    async def cancel(self, order: LegOrder, now: datetime) -> Reservation:
        """Take back an order or a ticket, before the ticket becomes valid.

        Raises:
            RefusedError: the ticket is valid already and may have been used.
        """
        if now >= order.departs_at:
            raise RefusedError(self.id, f"{order.key}: valid since {order.departs_at.isoformat()}")
        return self._reservation(order, ReservationState.CANCELLED)

    async def start(self, order: LegOrder, now: datetime) -> Reservation:
        """The rider boards; the ticket stays what it is."""
        return self._issued(order, ReservationState.IN_USE)

    async def finish(self, order: LegOrder, now: datetime) -> Reservation:
        """The rider has alighted; the price is the ticket's."""
        minutes = -((order.departs_at - order.arrives_at) // timedelta(minutes=1))
        report = RideReport(
            started_at=order.departs_at,
            ended_at=order.arrives_at,
            usage=Usage(max(0, minutes), 0),
            price=order.price,
            expected=self._claims(order).price,
        )
        return self._reservation(order, ReservationState.ENDED, report=report)

    async def find_reservation(self, order: LegOrder, now: datetime) -> Reservation | None:
        """Always ``held``: whatever was issued before, it can be issued again, and is the same."""
        return self._reservation(order, ReservationState.HELD)

    async def list_kept(self, since: datetime) -> tuple[Kept, ...]:
        """Nothing: no system on the other side keeps a ticket."""
        return ()

    async def let_go(self, key: str) -> ReservationState:
        """Nothing happens, as nothing is kept."""
        return ReservationState.CANCELLED

    def _issued(self, order: LegOrder, state: ReservationState) -> Reservation:
        claims = self._claims(order)
        reservation = self._reservation(order, state, access_code=ticket.write_claims(claims))
        return replace(reservation, expires_at=claims.valid_until)

    def _claims(self, order: LegOrder) -> ticket.Ticket:
        on = order.departs_at.astimezone(self.fares.zone).date()
        try:
            quote = price_product(self.fares, order.product or "", on, order.passengers)
        except (FareUnknownError, ValueError) as error:
            raise RefusedError(self.id, f"{order.key}: {error}") from error
        if quote.price != order.price:
            detail = f"{order.key}: {order.product} costs {quote.price}, not {order.price}"
            raise RefusedError(self.id, detail)
        lasts = timedelta(minutes=self.stanza.ticket_minutes or 0)
        valid_from = order.departs_at.astimezone(UTC).replace(microsecond=0)
        valid_until = max(valid_from + lasts, order.arrives_at + LEAST_AFTER_ARRIVAL)
        if valid_until > valid_from + ticket.LONGEST:
            raise RefusedError(self.id, f"{order.key}: no ticket is valid for longer than a day")
        return ticket.Ticket(
            id=_ticket_id(order),
            issuer=self.id,
            product=order.product or "",
            passengers=order.passengers,
            price=order.price,
            tariff_version=quote.tariff_version,
            valid_from=valid_from,
            valid_until=valid_until,
        )

    def _reservation(
        self,
        order: LegOrder,
        state: ReservationState,
        *,
        access_code: str | None = None,
        report: RideReport | None = None,
    ) -> Reservation:
        ref = ReservationRef(_ticket_id(order))
        return Reservation(
            order.key,
            ref,
            state,
            access_code=access_code,
            access_format=AccessFormat.TICKET,
            report=report,
        )


def _ticket_id(order: LegOrder) -> str:
    return hashlib.sha256(order.key.encode()).hexdigest()[:TICKET_ID_CHARACTERS]
