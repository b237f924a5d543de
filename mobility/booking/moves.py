"""What a decision about a trip says: the effects to bring about, and where the booking stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mobility.booking.trip import Aim, Ask, AskState, BookingState, LegState, Trip, TripLeg

ADVANCE = "advance_booking"
"""The step that carries out what is next for a booking (``advance``)."""
RIDDEN = (LegState.ACTIVE, LegState.ENDED)
OVER = (BookingState.SETTLED, BookingState.CANCELLED, BookingState.FAILED)
TOO_LONG = "it took too long; try again"
"""What becomes of a wish to start that was not sent in time."""


class Act(StrEnum):
    """An effect on the outside, or a look at it."""

    LEG = "leg"
    LOOK = "look"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"
    OWE = "owe"
    """Book what was used and that nothing was authorised for."""


@dataclass(frozen=True, slots=True)
class Action:
    """One effect to bring about, for a leg with what to ask of its provider."""

    act: Act
    leg_id: str | None = None
    ask: Ask | None = None
    read_only: bool = False
    """Only find out whether it happened; do not ask again."""
    ours: bool = False
    """Asked because the leg's time is up."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a booking did not come about; ``type`` is the slug of the problem shown to the rider."""

    type: str
    detail: str


@dataclass(frozen=True, slots=True)
class Move:
    """The decision: where the booking stands, what to do now, when to look again."""

    state: BookingState
    aim: Aim
    actions: tuple[Action, ...] = ()
    wake_at: datetime | None = None
    failure: Failure | None = None
    ended_legs: tuple[str, ...] = ()
    """Legs on tickets whose journey is over by the clock."""
    dropped_legs: tuple[str, ...] = ()
    """Legs nothing was ever asked for, which need no call to be cancelled."""
    dropped_starts: tuple[str, ...] = ()
    """Legs whose wish to start is too old and certainly had no effect."""


def ask_all(legs: list[TripLeg], ask: Ask) -> tuple[Action, ...]:
    """The same ask for each of these legs."""
    return tuple(Action(Act.LEG, leg.id, ask) for leg in legs)


def after(trip: Trip, move: Move) -> Trip:
    """The trip as it reads once a move is written (``record_move``), so that nobody reads it."""
    legs = tuple(_leg_after(leg, move) for leg in trip.legs)
    return replace(trip, state=move.state, aim=move.aim, legs=legs)


def _leg_after(leg: TripLeg, move: Move) -> TripLeg:
    if leg.id in move.ended_legs:
        final = leg.quoted if leg.final is None else leg.final
        return replace(leg, state=LegState.ENDED, final=final)
    if leg.id in move.dropped_legs:
        return replace(leg, state=LegState.CANCELLED)
    if leg.id in move.dropped_starts:
        refused = replace(leg.asked[Ask.START], state=AskState.REFUSED, error=TOO_LONG)
        return replace(leg, asked={**leg.asked, Ask.START: refused})
    return leg
