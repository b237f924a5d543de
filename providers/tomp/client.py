"""The TOMP-API 1.6 calls we make, each a request and its parsed answer.

TOMP 1.6 has neither an idempotency key nor a name for a booking that the caller chooses. By
agreement with the operator the planning request carries ``extraInfo.bookingId``: the one option it
returns, and so the booking, bears that id, and everything sent under it again has one effect.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import quote

from httpx import codes
from pydantic import TypeAdapter, ValidationError

from gtfs.geo import LatLon
from providers.http import Answer, Deadline, OperatorHttp
from providers.tomp.v1_6 import (
    API_VERSION,
    AssetType,
    Booking,
    BookingState,
    Leg,
    Planning,
    Station,
)
from providers.values import LegOrder

_PLANNING = TypeAdapter(Planning)
_BOOKING = TypeAdapter(Booking)
_BOOKINGS = TypeAdapter(tuple[Booking, ...])
_LEG = TypeAdapter(Leg)
_ASSET_TYPE = TypeAdapter(AssetType)
_STATION = TypeAdapter(Station)
_T = TypeVar("_T")
BookingEvent = Literal["COMMIT", "CANCEL", "EXTEND_EXPIRY_TIME"]
LegEvent = Literal["SET_IN_USE", "FINISH"]


def tomp_headers(maas_id: str, token: str | None) -> tuple[tuple[str, str], ...]:
    """The headers that every call carries; ``token`` is the bearer token the operator gave us."""
    headers = [
        ("Accept-Language", "de"),
        ("Api", "TOMP"),
        ("Api-Version", API_VERSION),
        ("maas-id", maas_id),
    ]
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    return tuple(headers)


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking as the operator has it, and until when it is held."""

    booking: Booking
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TompClient:
    """An operator that speaks TOMP 1.6. Errors are those of ``OperatorHttp``."""

    http: OperatorHttp

    async def plan(self, order: LegOrder, traveler: dict[str, object], deadline: Deadline) -> bool:
        """POST /planning/offers: whether the leg is on offer. Changes nothing."""
        body = {
            "from": _place(order.origin, order.origin_name, order.station_id),
            "to": _place(order.destination, order.destination_name, None),
            "departureTime": order.departs_at.isoformat(),
            "arrivalTime": order.arrives_at.isoformat(),
            "nrOfTravelers": order.passengers,
            "travelers": [traveler],
            "extraInfo": {"bookingId": order.key},
        }
        if order.vehicle_ref is not None:
            body["useAssets"] = [order.vehicle_ref]
        answer = await self.http.ask("/planning/offers", body, deadline)
        planning = self._parse(_PLANNING, answer, changes=False)
        return any(option.id == order.key for option in planning.options)

    async def book(self, order: LegOrder, deadline: Deadline) -> Booked:
        """POST /bookings under ``order.key``, which holds the vehicle."""
        body = {
            "id": order.key,
            "from": _place(order.origin, order.origin_name, order.station_id),
            "to": _place(order.destination, order.destination_name, None),
            "customer": {"externalId": order.rider},
        }
        return self._booked(await self.http.change("/bookings", body, deadline), order.key)

    async def booking_event(self, key: str, event: BookingEvent, deadline: Deadline) -> Booked:
        """POST /bookings/{id}/events."""
        path = f"/bookings/{quote(key, safe='')}/events"
        body = {"operation": event, "origin": "MP"}
        if event == "EXTEND_EXPIRY_TIME":
            body["extendReason"] = "PAYMENT_PENDING"
        return self._booked(await self.http.change(path, body, deadline), key)

    async def leg_event(
        self, key: str, event: LegEvent, now: datetime, deadline: Deadline
    ) -> Leg | None:
        """POST /legs/{id}/events; the leg of a booking with one leg bears the booking's id.

        None when the operator accepts the event without telling the leg (204).
        """
        path = f"/legs/{quote(key, safe='')}/events"
        body = {"event": event, "time": now.isoformat()}
        answer = await self.http.change(path, body, deadline)
        return None if answer.body is None else self._parse(_LEG, answer, changes=True)

    async def find_booking(self, key: str, deadline: Deadline) -> Booked | None:
        """GET /bookings/{id}; None when the operator does not know it, expired when it is gone."""
        path = f"/bookings/{quote(key, safe='')}"
        answer = await self.http.read(path, deadline, absent_is_none=True)
        if answer.status == codes.NOT_FOUND:
            return None
        if answer.status == codes.GONE:
            return Booked(Booking(id=key, state=BookingState.EXPIRED), None)
        return self._booked(answer, key, changes=False)

    async def list_bookings(self, since: datetime, deadline: Deadline) -> tuple[Booking, ...]:
        """GET /bookings of all that last beyond ``since``; one that cannot be read spoils all."""
        window = quote(since.isoformat(), safe="")
        answer = await self.http.read(f"/bookings?min-time={window}", deadline)
        return self._parse(_BOOKINGS, answer, changes=False)

    async def list_assets(self, deadline: Deadline) -> tuple[AssetType, ...]:
        """GET /operator/available-assets; items that cannot be read are left out."""
        answer = await self.http.read("/operator/available-assets", deadline)
        return self._readable(_ASSET_TYPE, answer)

    async def list_stations(self, deadline: Deadline) -> tuple[Station, ...]:
        """GET /operator/stations; items that cannot be read are left out."""
        answer = await self.http.read("/operator/stations", deadline)
        return self._readable(_STATION, answer)

    def _readable(self, shape: TypeAdapter[_T], answer: Answer) -> tuple[_T, ...]:
        if not isinstance(answer.body, list):
            raise self.http.garbled("something that is not a list", changes=False)
        items = []
        for raw in answer.body:
            with contextlib.suppress(ValidationError):
                items.append(shape.validate_python(raw))
        return tuple(items)

    def _booked(self, answer: Answer, key: str, *, changes: bool = True) -> Booked:
        booking = self._parse(_BOOKING, answer, changes=changes)
        if booking.id != key:
            raise self.http.garbled(f"booking {booking.id} instead of {key}", changes=changes)
        return Booked(booking, answer.expires_at)

    def _parse(self, shape: TypeAdapter[_T], answer: Answer, *, changes: bool) -> _T:
        try:
            return shape.validate_python(answer.body)
        except (ValidationError, RecursionError) as error:
            reason = "a shape that TOMP 1.6 does not have"
            if isinstance(error, ValidationError):
                first = error.errors(include_input=False, include_url=False)[0]
                reason += f" at {'.'.join(str(p) for p in first['loc'])}: {first['msg']}"
            raise self.http.garbled(reason, changes=changes) from error


def _place(position: LatLon, name: str, station_id: str | None) -> dict[str, object]:
    place: dict[str, object] = {
        "name": name,
        "coordinates": {"lat": position.lat, "lng": position.lon},
    }
    if station_id is not None:
        place["stationId"] = station_id
    return place
