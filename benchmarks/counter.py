"""An operator and a payment processor in this process, which do at once what they are asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from payments.gateway import Hold, HoldState
from payments.money import Money
from providers.errors import UnavailableError
from providers.values import (
    LegOrder,
    ProviderId,
    Reservation,
    ReservationRef,
    ReservationState,
    RideReport,
    Usage,
)


@dataclass
class Operator:
    """Rents vehicles, one rider each, or sells tickets without end."""

    id: ProviderId
    scarce: bool
    reservations: dict[str, Reservation] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    """The order that has a vehicle."""

    async def hold(self, order: LegOrder, now: datetime) -> Reservation:
        """Let the order have the vehicle, unless another one has it."""
        vehicle = str(order.vehicle_ref)
        if self.holders.setdefault(vehicle, order.key) != order.key:
            raise UnavailableError(self.id, f"{vehicle} is taken")
        return self._put(order, ReservationState.HELD, expires_at=now + timedelta(minutes=10))

    async def confirm(self, order: LegOrder, _now: datetime) -> Reservation:
        """Make it binding."""
        return self._put(order, ReservationState.CONFIRMED, access_code="4711")

    async def cancel(self, order: LegOrder, _now: datetime) -> Reservation:
        """Give it back."""
        if self.holders.get(str(order.vehicle_ref)) == order.key:
            del self.holders[str(order.vehicle_ref)]
        return self._put(order, ReservationState.CANCELLED)

    async def start(self, order: LegOrder, _now: datetime) -> Reservation:
        """Unlock."""
        return self._put(order, ReservationState.IN_USE)

    async def finish(self, order: LegOrder, now: datetime) -> Reservation:
        """Lock, and report the ride at its quoted price."""
        self.holders.pop(str(order.vehicle_ref), None)
        report = RideReport(now - timedelta(minutes=10), now, Usage(10, 2000), order.price)
        return self._put(order, ReservationState.ENDED, report=report)

    async def find_reservation(self, order: LegOrder, _now: datetime) -> Reservation | None:
        """What there is."""
        return self.reservations.get(order.key)

    def _put(
        self,
        order: LegOrder,
        state: ReservationState,
        *,
        expires_at: datetime | None = None,
        access_code: str | None = None,
        report: RideReport | None = None,
    ) -> Reservation:
        made = Reservation(
            order.key, ReservationRef(order.key), state, expires_at, access_code, report=report
        )
        self.reservations[order.key] = made
        return made


class Processor:
    """Holds and takes what it is asked to; the part of the gateway that bookings use."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}
        self._numbers = count()

    async def create_hold(
        self, *, operation_id: str, booking_id: str, amount: Money, **_more: object
    ) -> Hold:
        """A hold that is not confirmed."""
        nothing = Money.zero(amount.currency)
        hold = Hold(
            f"pi_{next(self._numbers)}_{booking_id}"[:80], HoldState.UNCONFIRMED, amount, nothing,
            nothing, operation_id,
        )  # fmt: skip
        self._holds[hold.id] = hold
        return hold

    async def confirm_hold(self, hold_id: str, **_more: object | None) -> Hold:
        """Hold the money."""
        hold = self._holds[hold_id]
        return self._set(replace(hold, state=HoldState.HELD, capturable=hold.amount))

    async def capture_hold(self, hold_id: str, *, amount: Money, **_more: object) -> Hold:
        """Take it."""
        hold = self._holds[hold_id]
        nothing = Money.zero(amount.currency)
        taken = replace(hold, state=HoldState.CAPTURED, captured=amount, capturable=nothing)
        return self._set(taken)

    async def release_hold(self, hold_id: str, **_more: object) -> Hold:
        """Let it go."""
        hold = self._holds[hold_id]
        nothing = Money.zero(hold.amount.currency)
        return self._set(replace(hold, state=HoldState.RELEASED, capturable=nothing))

    async def get_hold(self, hold_id: str) -> Hold:
        """What there is."""
        return self._holds[hold_id]

    async def find_hold(self, operation_id: str, **_more: object) -> Hold | None:
        """The hold of an operation."""
        found = (hold for hold in self._holds.values() if hold.operation_id == operation_id)
        return next(found, None)

    def _set(self, hold: Hold) -> Hold:
        self._holds[hold.id] = hold
        return hold
