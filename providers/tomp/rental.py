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
from payments.money import Money
from providers import tariff
from providers.errors import ExpiredError, OutcomeUnknownError, RefusedError, UnavailableError
from providers.http import Deadline
from providers.stanza import ProviderStanza
from providers.tomp.client import Booked, TompClient
from providers.tomp.v1_6 import Asset, AssetType, BookingState, Fare, Leg, LegState
from providers.tomp.v1_6 import Station as WireStation
from providers.values import (
    Availability,
    LegOrder,
    Mode,
    ProviderId,
    Quote,
    QuoteRequest,
    Reservation,
    ReservationRef,
    ReservationState,
    RideReport,
    Station,
    StationId,
    Usage,
    Vehicle,
    VehicleId,
    VehicleRef,
)

STATES = {
    BookingState.PENDING: ReservationState.HELD,
    BookingState.CONFIRMED: ReservationState.CONFIRMED,
    BookingState.STARTED: ReservationState.IN_USE,
    BookingState.FINISHED: ReservationState.ENDED,
    BookingState.CANCELLED: ReservationState.CANCELLED,
    BookingState.REJECTED: ReservationState.CANCELLED,
    BookingState.RELEASED: ReservationState.CANCELLED,
    BookingState.EXPIRED: ReservationState.EXPIRED,
}
"""NEW and CONDITIONAL_CONFIRMED are absent: nothing is settled in them, so they are no answer."""
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
        stations = {s.station_id: s for s in await self.client.list_stations(deadline)}
        kinds = await self.client.list_assets(deadline)
        places = {key: LatLon(s.coordinates.lat, s.coordinates.lng) for key, s in stations.items()}
        vehicles = (
            self._vehicle(kind, asset, places, now) for kind in kinds for asset in kind.assets
        )
        return Availability(
            vehicles=tuple(vehicle for vehicle in vehicles if vehicle is not None),
            stations=tuple(self._station(station, now) for station in stations.values()),
            as_of=now,
        )

    def quote(self, request: QuoteRequest) -> Quote:
        """Price the expected use by the plan of the vehicle's type.

        Raises:
            KeyError: no such vehicle type.
        """
        plan = self.stanza.get_plan(request.vehicle_type_id or "")
        return tariff.quote(plan, request.usage, self.stanza.vat_percent)

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
            return self._leg_reservation(order, ReservationState.ENDED, leg, changes=True)
        if leg is not None and leg.state is LegState.IN_USE and not finishing:
            return self._leg_reservation(order, ReservationState.IN_USE, leg, changes=True)
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
        state = STATES.get(booked.booking.state)
        if state is None:
            detail = f"a booking in state {booked.booking.state}, which settles nothing"
            raise self.client.http.garbled(detail, changes=changes)
        leg = booked.booking.legs[0] if booked.booking.legs else None
        if state is not ReservationState.HELD:
            return self._leg_reservation(order, state, leg, changes=changes)
        expires_at = booked.expires_at or now + timedelta(seconds=self.stanza.hold_seconds)
        return Reservation(order.key, ReservationRef(booked.booking.id), state, expires_at)

    def _leg_reservation(
        self, order: LegOrder, state: ReservationState, leg: Leg | None, *, changes: bool
    ) -> Reservation:
        data = leg.asset_access_data.token_data if leg and leg.asset_access_data else None
        ended = state is ReservationState.ENDED
        asset = leg.asset if leg and ended else None
        return Reservation(
            key=order.key,
            ref=ReservationRef(order.key),
            state=state,
            access_code=data.access_code if data and not ended else None,
            report=self._report(order, leg, changes=changes) if ended else None,
            next_vehicle_id=VehicleId(f"{self.id}:{asset.id}") if asset else None,
        )

    def _report(self, order: LegOrder, leg: Leg | None, *, changes: bool) -> RideReport:
        garbled = self.client.http.garbled
        started_at = leg.actual_departure_time if leg else None
        ended_at = leg.actual_arrival_time if leg else None
        if not leg or not leg.pricing or started_at is None or ended_at is None:
            raise garbled("an ended leg without times and a price", changes=changes)
        if ended_at < started_at:
            raise garbled("a ride that ends before it begins", changes=changes)
        usage = Usage(-((started_at - ended_at) // timedelta(minutes=1)), leg.distance or 0)
        plan = tariff.find_plan(self.stanza.pricing_plans(), order.tariff_version)
        return RideReport(
            started_at=started_at,
            ended_at=ended_at,
            usage=usage,
            price=self._price(leg.pricing, order.price.currency, changes=changes),
            end_station_id=StationId(leg.to.station_id) if leg.to and leg.to.station_id else None,
            expected=None if plan is None else tariff.price(plan, usage),
        )

    def _price(self, fare: Fare, currency: str, *, changes: bool) -> Money:
        parts = [part for part in fare.parts if part.type != "MAX"]
        if fare.estimated or not parts or any(part.type == "FLEX" for part in parts):
            raise self.client.http.garbled("a price that is not final", changes=changes)
        if any(part.currency_code not in {None, currency} for part in parts):
            raise self.client.http.garbled(f"a price not in {currency}", changes=changes)
        try:
            total = Money.total((Money.of_major(p.amount, currency) for p in parts), currency)
        except ValueError as error:
            raise self.client.http.garbled("fractions of a cent", changes=changes) from error
        if total.minor < 0:
            raise self.client.http.garbled("a negative price", changes=changes)
        return total

    def _vehicle(
        self, kind: AssetType, asset: Asset, places: dict[str, LatLon], now: datetime
    ) -> Vehicle | None:
        """The vehicle; None without a stable name, a place, or a type we sell."""
        own = asset.overridden_properties
        ref = own.meta.vehicle_ref if own and own.meta else None
        station_id = asset.station_id or kind.station_id
        position = places.get(station_id or "")
        if own and own.location:
            where = own.location.coordinates
            position = LatLon(where.lat, where.lng)
        if (
            ref is None
            or position is None
            or kind.id not in {t.id for t in self.stanza.vehicle_type}
        ):
            return None
        return Vehicle(
            provider_id=self.id,
            ref=VehicleRef(ref),
            id=VehicleId(f"{self.id}:{asset.id}"),
            type_id=kind.id,
            position=position,
            station_id=StationId(station_id) if station_id else None,
            reserved=asset.is_reserved,
            disabled=asset.is_disabled,
            range_m=None,
            as_of=now,
        )

    def _station(self, station: WireStation, now: datetime) -> Station:
        return Station(
            provider_id=self.id,
            id=StationId(station.station_id),
            name=station.name,
            position=LatLon(station.coordinates.lat, station.coordinates.lng),
            capacity=station.capacity,
            vehicles_available=station.assets_available,
            docks_available=station.docks_available,
            renting=station.is_renting and station.is_installed,
            returning=station.is_returning and station.is_installed,
            as_of=now,
        )


class _UnknownBookingError(RefusedError):
    """The operator never heard of the booking."""
