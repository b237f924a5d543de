"""Renting a vehicle of an operator that speaks TOMP 1.6; bikes and cars differ in a few lines.

Every step is one event, sent under the order's key. An operator that answers a repetition with a
refusal (TOMP: "if the booking is in state COMMITTED … a commit will result a 403") is asked what
it has: if the step is done there, the repetition succeeded.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from gtfs.geo import LatLon
from providers import tariff
from providers.errors import ExpiredError, OutcomeUnknownError, RefusedError, UnavailableError
from providers.http import Deadline
from providers.stanza import ProviderStanza
from providers.tomp.client import Booked, TompClient
from providers.tomp.reading import (
    STATES,
    NotTrustedError,
    read_booking,
    read_kept,
    read_leg,
    read_station,
    read_vehicle,
)
from providers.tomp.v1_6 import Leg, LegState
from providers.values import (
    Availability,
    Kept,
    LegOrder,
    Mode,
    ProviderId,
    Quote,
    QuoteRequest,
    Reservation,
    ReservationRef,
    ReservationState,
)

CONFIRMED = frozenset({ReservationState.CONFIRMED, ReservationState.IN_USE, ReservationState.ENDED})
STARTED = frozenset({ReservationState.IN_USE, ReservationState.ENDED})
ENDED = frozenset({ReservationState.ENDED})
GONE = frozenset({ReservationState.CANCELLED, ReservationState.EXPIRED})


@dataclass(frozen=True, slots=True)
class TompRental:
    """A ``providers.port.Provider`` over TOMP 1.6."""

    stanza: ProviderStanza
    client: TompClient
    modes: ClassVar[frozenset[Mode]] = frozenset()

    @property
    def id(self) -> ProviderId:
        """The stanza's id."""
        return self.stanza.provider_id

    @property
    def scarce(self) -> bool:
        """A vehicle is one rider's at a time: held before payment."""
        return True

    def traveler(self, order: LegOrder) -> dict[str, object]:
        """What the operator is told of the rider: nothing that identifies one."""
        return {"referenceNumber": order.rider}

    async def availability(self, now: datetime) -> Availability:
        """What the operator lists now, by two reads; unreadable items are left out."""
        deadline = Deadline()
        stations = await self.client.list_stations(deadline)
        kinds = await self.client.list_assets(deadline)
        places = {s.station_id: LatLon(s.coordinates.lat, s.coordinates.lng) for s in stations}
        type_ids = {kind.id for kind in self.stanza.vehicle_type}
        vehicles = (
            read_vehicle(self.id, kind, asset, places, type_ids, now)
            for kind in kinds
            for asset in kind.assets
        )
        return Availability(
            vehicles=tuple(vehicle for vehicle in vehicles if vehicle is not None),
            stations=tuple(read_station(self.id, station, now) for station in stations),
            as_of=now,
        )

    def quote(self, request: QuoteRequest) -> Quote:
        """Price the expected use by the plan of the vehicle's type.

        Raises:
            KeyError: no such vehicle type.
        """
        plan = self.stanza.get_plan(request.vehicle_type_id or "")
        return tariff.quote(plan, request.usage, self.stanza.vat_percent, request.paid)

    async def hold(self, order: LegOrder, now: datetime) -> Reservation:
        """Reserve the vehicle: one planning under our key, then the booking it offers."""
        if order.vehicle_ref is None or order.mode not in self.modes:
            raise RefusedError(self.id, f"{order.key}: a {order.mode} leg needs a vehicle to hold")
        deadline = Deadline()
        if not await self.client.plan(order, self.traveler(order), deadline):
            raise UnavailableError(self.id, f"{order.key}: the vehicle is not on offer")
        booked = await self.client.book(order, deadline)
        held = self._reservation(order, booked, now, changes=True)
        if held.state in GONE:
            raise ExpiredError(self.id, f"{order.key}: the hold is {held.state} already")
        if held.state is ReservationState.HELD and held.expires_at and held.expires_at <= now:
            raise ExpiredError(self.id, f"{order.key}: held only until {held.expires_at}")
        return held

    async def extend(self, order: LegOrder, now: datetime) -> Reservation:
        """EXTEND_EXPIRY_TIME: of an operator that offers it; it says until when it then holds."""
        if not self.stanza.extends_hold:
            raise RefusedError(self.id, f"{order.key}: it holds for one time only")
        deadline = Deadline()
        booked = await self.client.booking_event(order.key, "EXTEND_EXPIRY_TIME", deadline)
        extended = self._reservation(order, booked, now, changes=True)
        if extended.state is not ReservationState.HELD or booked.expires_at is None:
            raise OutcomeUnknownError(self.id, f"{order.key}: accepted, yet without a new end")
        return extended

    async def confirm(self, order: LegOrder, now: datetime) -> Reservation:
        """COMMIT: the held vehicle is ours."""
        deadline = Deadline()
        event = self.client.booking_event(order.key, "COMMIT", deadline)
        return await self._booking_step(order, event, CONFIRMED, now, deadline)

    async def cancel(self, order: LegOrder, now: datetime) -> Reservation:
        """CANCEL: also where the operator does not know the booking, so that none arrives late.

        An operator that answers 404 keeps no such tombstone; a hold that arrives there after all
        is never committed and runs out by itself.
        """
        deadline = Deadline()
        event = self.client.booking_event(order.key, "CANCEL", deadline)
        try:
            return await self._booking_step(order, event, GONE, now, deadline)
        except _UnknownBookingError:
            return self._cancelled(order)

    async def start(self, order: LegOrder, now: datetime) -> Reservation:
        """SET_IN_USE: unlock."""
        return await self._leg_step(order, STARTED, now)

    async def finish(self, order: LegOrder, now: datetime) -> Reservation:
        """FINISH: lock, and read the meters."""
        return await self._leg_step(order, ENDED, now)

    async def find_reservation(self, order: LegOrder, now: datetime) -> Reservation | None:
        """What the operator has under our key; raises ``UnreachableError`` if it cannot tell."""
        booked = await self.client.find_booking(order.key, Deadline())
        return None if booked is None else self._reservation(order, booked, now, changes=False)

    async def list_kept(self, since: datetime) -> tuple[Kept, ...]:
        """What the operator lists, which in TOMP is optional."""
        bookings = await self.client.list_bookings(since, Deadline())
        currency = self.stanza.pricing_plans()[0].currency
        try:
            found = [read_kept(booking, currency) for booking in bookings]
        except NotTrustedError as error:
            raise self.client.http.garbled(str(error), changes=False) from error
        return tuple(kept for kept in found if kept is not None)

    async def let_go(self, key: str) -> ReservationState:
        """CANCEL; of a booking that is refused to be cancelled, how it stands."""
        deadline = Deadline()
        try:
            booked: Booked | None = await self.client.booking_event(key, "CANCEL", deadline)
        except RefusedError:
            booked = await self.client.find_booking(key, deadline)
        if booked is None:
            return ReservationState.CANCELLED
        state = STATES.get(booked.booking.state)
        if state is None:
            detail = f"{key}: accepted, yet the booking is {booked.booking.state}"
            raise OutcomeUnknownError(self.id, detail)
        return state

    async def _booking_step(
        self,
        order: LegOrder,
        event: Awaitable[Booked],
        done: frozenset[ReservationState],
        now: datetime,
        deadline: Deadline,
    ) -> Reservation:
        try:
            booked = await event
        except RefusedError as refusal:
            return await self._done_before(order, refusal, done, now, deadline)
        reservation = self._reservation(order, booked, now, changes=True)
        if reservation.state not in done:
            detail = f"{order.key}: accepted, yet the booking is {booked.booking.state}"
            raise OutcomeUnknownError(self.id, detail)
        return self._cancelled(order) if done is GONE else reservation

    async def _leg_step(
        self, order: LegOrder, done: frozenset[ReservationState], now: datetime
    ) -> Reservation:
        deadline = Deadline()
        finishing = done is ENDED
        try:
            leg = await self.client.leg_event(
                order.key, "FINISH" if finishing else "SET_IN_USE", now, deadline
            )
        except RefusedError as refusal:
            return await self._done_before(order, refusal, done, now, deadline)
        if leg is not None and leg.state is LegState.FINISHED:
            return self._leg_reservation(order, ReservationState.ENDED, leg)
        if leg is not None and leg.state is LegState.IN_USE and not finishing:
            return self._leg_reservation(order, ReservationState.IN_USE, leg)
        reservation = await self.find_reservation(order, now)
        if reservation is None or reservation.state not in done:
            raise OutcomeUnknownError(self.id, f"{order.key}: accepted, yet the leg has not moved")
        return reservation

    async def _done_before(
        self,
        order: LegOrder,
        refusal: RefusedError,
        done: frozenset[ReservationState],
        now: datetime,
        deadline: Deadline,
    ) -> Reservation:
        """The reservation if the refused step is done already, else the refusal."""
        booked = await self.client.find_booking(order.key, deadline)
        if booked is None:
            raise _UnknownBookingError(self.id, refusal.detail) from refusal
        reservation = self._reservation(order, booked, now, changes=False)
        if reservation.state in done:
            return self._cancelled(order) if done is GONE else reservation
        if reservation.state is ReservationState.EXPIRED:
            raise ExpiredError(self.id, refusal.detail) from refusal
        raise refusal

    def _cancelled(self, order: LegOrder) -> Reservation:
        return Reservation(order.key, ReservationRef(order.key), ReservationState.CANCELLED)

    def _reservation(
        self, order: LegOrder, booked: Booked, now: datetime, *, changes: bool
    ) -> Reservation:
        default_hold = timedelta(seconds=self.stanza.hold_seconds)
        try:
            return read_booking(order, booked, self.stanza.pricing_plans(), default_hold, now)
        except NotTrustedError as error:
            raise self.client.http.garbled(str(error), changes=changes) from error

    def _leg_reservation(self, order: LegOrder, state: ReservationState, leg: Leg) -> Reservation:
        try:
            return read_leg(order, state, leg, self.stanza.pricing_plans())
        except NotTrustedError as error:
            raise self.client.http.garbled(str(error), changes=True) from error


class _UnknownBookingError(RefusedError):
    """The operator never heard of the booking."""
