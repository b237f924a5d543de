"""Cancel a booking: what has not been ridden is given back, what has been ridden is paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.asks import ask_for
from mobility.booking.covered import list_covered
from mobility.booking.errors import WrongStateError
from mobility.booking.rebooked import take_no_place
from mobility.booking.trip import (
    GONE,
    Aim,
    Ask,
    BookingState,
    LegState,
    PaymentView,
    Trip,
    TripLeg,
)
from mobility.booking.trips import get_trip, set_undo_aim
from payments.money import Money

CANCELLABLE = (
    BookingState.HELD,
    BookingState.AWAITING_PAYMENT,
    BookingState.CONFIRMED,
    BookingState.ACTIVE,
    BookingState.NEEDS_ATTENTION,
)


class Hindrance(Enum):
    """Why a booking cannot be cancelled: for clients, and in German for the rider."""

    OVER = "it is over, or being cancelled", "Die Buchung ist abgeschlossen oder wird storniert."
    OWED = (
        "its price could not be taken and is being collected apart; ask the service",
        "Der Preis wird getrennt eingefordert; wende dich bitte an den Service.",
    )
    LOCKING = (
        "a vehicle is being unlocked or locked; ask again in a moment",
        "Ein Fahrzeug wird gerade auf- oder abgeschlossen; versuche es gleich noch einmal.",
    )
    RIDING = (
        "a vehicle is being ridden; finish it first",
        "Du fährst gerade; beende erst die Fahrt.",
    )
    USED = "every leg has been used", "Alle Teile der Reise sind schon genutzt."

    @property
    def told(self) -> str:
        """In German."""
        return self.value[1]

    def __str__(self) -> str:
        return self.value[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationTerms:
    """What cancelling now would mean."""

    why_not: Hindrance | None = None
    """Why it is not possible; None when it is."""
    refund: Money
    """What comes back to the rider: of money taken, or of the amount held."""
    kept: Money
    """What remains to be paid for what was ridden."""


def preview(trip: Trip, now: datetime) -> CancellationTerms:
    """What the rider would get back; the same rule that ``ask_to_cancel`` acts on."""
    nothing = Money.zero(trip.price.currency)
    if trip.aim is not Aim.TRAVEL or trip.state not in CANCELLABLE:
        return CancellationTerms(why_not=Hindrance.OVER, refund=nothing, kept=nothing)
    if trip.owed:
        return CancellationTerms(why_not=Hindrance.OWED, refund=nothing, kept=nothing)
    if any(leg.pending(ask) for leg in trip.provided for ask in (Ask.START, Ask.FINISH)):
        return CancellationTerms(why_not=Hindrance.LOCKING, refund=nothing, kept=nothing)
    if any(leg.scarce and leg.state is LegState.ACTIVE for leg in trip.provided):
        return CancellationTerms(why_not=Hindrance.RIDING, refund=nothing, kept=nothing)
    kept = Money.total(_cost(leg) for leg in trip.provided if _used(trip, leg, now))
    if not list_unused(trip, now):
        return CancellationTerms(why_not=Hindrance.USED, refund=nothing, kept=kept)
    secured = (PaymentView.AUTHORISED, PaymentView.OPEN)
    held = trip.ceiling if trip.payment in secured else nothing
    return CancellationTerms(refund=max(nothing, trip.kept + held - kept), kept=kept)


def _cost(leg: TripLeg) -> Money:
    return leg.quoted if leg.final is None else leg.final


def _used(trip: Trip, leg: TripLeg, now: datetime) -> bool:
    """Begun, or the ticket of a ride that was begun."""
    if leg.state in GONE:
        return False
    return any(_begun(each, now) for each in (leg, *list_covered(trip.tickets, leg.id)))


def _begun(leg: TripLeg, now: datetime) -> bool:
    """Ridden, or on a ticket that has become valid and may have been shown."""
    return leg.ridden or (leg.issued and leg.departs_at <= now)


def list_unused(trip: Trip, now: datetime) -> list[str]:
    """The legs that can still be given back."""
    left = (leg for leg in trip.provided if leg.state not in GONE)
    return [leg.id for leg in left if not _used(trip, leg, now)]


async def ask_to_cancel(tx: AsyncConnection, booking_id: str, now: datetime) -> bool:
    """Record that the rider cancels; False when that had been asked before.

    Before any leg is used the booking as a whole is cancelled and nothing is paid. After that
    only the legs not yet used are given back, and the trip is settled for the rest.

    Raises:
        WrongStateError: a leg is being ridden, or the trip is over.
    """
    trip = await get_trip(tx, booking_id, lock=True)
    if trip.aim is Aim.CANCEL:
        return False
    terms = preview(trip, now)
    if terms.why_not is not None:
        raise WrongStateError(f"booking {booking_id} cannot be cancelled: {terms.why_not}")
    if any(_used(trip, leg, now) for leg in trip.provided):
        for leg_id in list_unused(trip, now):
            await ask_for(tx, booking_id, leg_id, Ask.CANCEL, now)
    else:
        await set_undo_aim(tx, booking_id, Aim.CANCEL, now)
        await take_no_place(tx, trip)
    await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=now)
    return True
