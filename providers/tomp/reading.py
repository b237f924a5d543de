"""TOMP 1.6 answers in our words: bookings and legs as reservations, assets as vehicles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gtfs.geo import LatLon
from payments.money import Money
from providers import tariff
from providers.tomp.client import Booked
from providers.tomp.v1_6 import Asset, AssetType, Booking, BookingState, Fare, Leg, Token
from providers.tomp.v1_6 import Station as WireStation
from providers.values import (
    AccessFormat,
    Kept,
    LegOrder,
    PricingPlan,
    ProviderId,
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

DEEPLINK = "tokenDeeplink"
"""``tokenType`` of a token whose ``url`` opens the vehicle; that of others leads to a document."""

A_YEAR = timedelta(days=366)
"""No ride is reported so far from when it was booked for."""


class NotTrustedError(ValueError):
    """A well-formed answer that cannot be true, or settles nothing; the message says why."""


def read_booking(
    order: LegOrder,
    booked: Booked,
    plans: Sequence[PricingPlan],
    default_hold: timedelta,
    now: datetime,
) -> Reservation:
    """The reservation that a booking amounts to.

    A hold for which the operator names no end lasts ``default_hold`` from now.

    Raises:
        NotTrustedError: see there.
    """
    state = STATES.get(booked.booking.state)
    if state is None:
        raise NotTrustedError(f"a booking in state {booked.booking.state}, which settles nothing")
    leg = booked.booking.legs[0] if booked.booking.legs else None
    if state is not ReservationState.HELD:
        return read_leg(order, state, leg, plans)
    expires_at = booked.expires_at or now + default_hold
    return Reservation(order.key, ReservationRef(order.key), state, expires_at)


def read_kept(booking: Booking, currency: str) -> Kept | None:
    """What is kept under the booking's id; None where nothing is settled.

    Raises:
        NotTrustedError: an ended ride without a final price.
    """
    state = STATES.get(booking.state)
    if state is None:
        return None
    if state is not ReservationState.ENDED:
        return Kept(booking.id, state)
    leg = booking.legs[0] if booking.legs else None
    if leg is None or leg.pricing is None:
        raise NotTrustedError("an ended leg without times and a price")
    return Kept(booking.id, state, _price(leg.pricing, currency))


def read_leg(
    order: LegOrder, state: ReservationState, leg: Leg | None, plans: Sequence[PricingPlan]
) -> Reservation:
    """The reservation of a leg in ``state``, with a report once it has ended.

    Raises:
        NotTrustedError: an ended leg without times or a final price that can be charged.
    """
    access = _access(leg.asset_access_data) if leg and leg.asset_access_data else None
    ended = state is ReservationState.ENDED
    asset = leg.asset if leg and ended else None
    return Reservation(
        key=order.key,
        ref=ReservationRef(order.key),
        state=state,
        access_code=access.code if access and not ended else None,
        access_format=access.format if access else AccessFormat.CODE,
        access_base64=bool(access and access.base64),
        report=_report(order, leg, plans) if ended else None,
        next_vehicle_id=_public_id(order.provider_id, asset) if asset else None,
    )


@dataclass(frozen=True, slots=True)
class _Access:
    code: str
    format: AccessFormat
    base64: bool = False


def _access(token: Token) -> _Access | None:
    """What the rider shows or opens, untouched; None for a kind of token that we cannot show."""
    data = token.token_data
    if data is None:
        return None
    if data.access_code is not None:
        try:
            kind = AccessFormat(data.access_method or AccessFormat.CODE)
        except ValueError:
            return None
        if kind is AccessFormat.TICKET:
            return None
        return _Access(data.access_code, kind, data.encoding == "base64")
    if data.base64 is not None:
        return _Access(data.base64, AccessFormat.QR, base64=True)
    if data.url is not None and token.token_type == DEEPLINK:
        return _Access(data.url, AccessFormat.DEEPLINK)
    return None


def read_vehicle(
    provider_id: ProviderId,
    kind: AssetType,
    asset: Asset,
    places: Mapping[str, LatLon],
    type_ids: Collection[str],
    now: datetime,
) -> Vehicle | None:
    """The vehicle; None without a stable name, a place, or a type we sell."""
    own = asset.overridden_properties
    ref = own.meta.vehicle_ref if own and own.meta else None
    station_id = asset.station_id or kind.station_id
    position = places.get(station_id or "")
    if own and own.location:
        position = LatLon(own.location.coordinates.lat, own.location.coordinates.lng)
    if ref is None or position is None or kind.id not in type_ids:
        return None
    return Vehicle(
        provider_id=provider_id,
        ref=VehicleRef(ref),
        id=_public_id(provider_id, asset),
        type_id=kind.id,
        position=position,
        station_id=StationId(station_id) if station_id else None,
        reserved=asset.is_reserved,
        disabled=asset.is_disabled,
        range_m=own.meta.range_m if own and own.meta else None,
        as_of=now,
    )


def read_station(provider_id: ProviderId, station: WireStation, now: datetime) -> Station:
    """The station."""
    return Station(
        provider_id=provider_id,
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


def _public_id(provider_id: ProviderId, asset: Asset) -> VehicleId:
    return VehicleId(f"{provider_id}:{asset.id}")


def _report(order: LegOrder, leg: Leg | None, plans: Sequence[PricingPlan]) -> RideReport:
    started_at = leg.actual_departure_time if leg else None
    ended_at = leg.actual_arrival_time if leg else None
    if not leg or not leg.pricing or started_at is None or ended_at is None:
        raise NotTrustedError("an ended leg without times and a price")
    if ended_at < started_at:
        raise NotTrustedError("a ride that ends before it begins")
    if max(abs(at - order.departs_at) for at in (started_at, ended_at)) > A_YEAR:
        raise NotTrustedError("a ride in another year than it was booked for")
    usage = Usage(-((started_at - ended_at) // timedelta(minutes=1)), leg.distance or 0)
    plan = tariff.find_plan(plans, order.tariff_version)
    priced = None if plan is None else tariff.explain(plan, usage)
    return RideReport(
        started_at=started_at,
        ended_at=ended_at,
        usage=usage,
        price=_price(leg.pricing, order.price.currency),
        end_station_id=StationId(leg.to.station_id) if leg.to and leg.to.station_id else None,
        expected=None if priced is None else priced.price,
        plan=plan,
        lines=() if priced is None else priced.lines,
    )


def _price(fare: Fare, currency: str) -> Money:
    parts = [part for part in fare.parts if part.type != "MAX"]
    if fare.estimated or not parts or any(part.type == "FLEX" for part in parts):
        raise NotTrustedError("a price that is not final")
    if any(part.currency_code not in {None, currency} for part in parts):
        raise NotTrustedError(f"a price not in {currency}")
    try:
        total = Money.total((Money.of_major(part.amount, currency) for part in parts), currency)
    except ValueError as error:
        raise NotTrustedError("a price with fractions of a cent") from error
    if total.minor < 0:
        raise NotTrustedError("a negative price")
    return total
