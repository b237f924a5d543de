"""What happens next to a trip: a pure function from what is recorded to what is to be done.

Order on the way in (Enterprise Integration Patterns, "tentative operation": most likely to fail
first, hardest to revert last): hold the scarce legs, authorise the total, confirm the scarce legs,
issue tickets. On the way out the legs are cancelled in reverse and the money is released.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mobility.booking.trip import (
    Aim,
    Ask,
    AskState,
    BookingState,
    LegState,
    PaymentView,
    Trip,
    TripLeg,
)

HOLD_DEADLINE = timedelta(seconds=8)
"""How long after booking a hold may stay undecided; the API answers within 10 s."""
NO_SHOW_AFTER = timedelta(minutes=20)
"""How long after departure a vehicle that nobody unlocked is read again and given back."""
GIVE_UP_AFTER = 12
"""Attempts at cancelling a leg before a person must look at it."""
BOARDING = timedelta(minutes=1)
"""How long after departure a ticket is still issued."""
TICKET_ENDS_AFTER = timedelta(minutes=15)
"""How long after its planned arrival a leg on a ticket counts as ridden."""


class Act(StrEnum):
    """An effect on the outside."""

    LEG = "leg"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Action:
    """One effect to bring about, for a leg with what to ask of its provider."""

    act: Act
    leg_id: str | None = None
    ask: Ask | None = None


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


def decide(trip: Trip, now: datetime) -> Move:
    """The next move of a trip; the same trip and time always give the same move."""
    if trip.aim is Aim.TRAVEL:
        return _travel(trip, now)
    return _undo(trip)


def _asks(legs: tuple[TripLeg, ...] | list[TripLeg], ask: Ask) -> tuple[Action, ...]:
    return tuple(Action(Act.LEG, leg.id, ask) for leg in legs)


def _pending(leg: TripLeg, ask: Ask) -> bool:
    asked = leg.asked.get(ask)
    return asked is not None and asked.state in (AskState.PLANNED, AskState.SENT)


def _fail(trip: Trip, failure: Failure) -> Move:
    return Move(trip.state, Aim.FAIL, failure=failure)


def _failed_leg(trip: Trip) -> Failure | None:
    for leg in trip.provided:
        for ask in (Ask.HOLD, Ask.CONFIRM):
            asked = leg.asked.get(ask)
            if asked is not None and asked.state is AskState.REFUSED:
                slug = "vehicle-taken" if leg.scarce else "provider-refused"
                return Failure(slug, f"{leg.provider_id}: {asked.error or 'refused'}")
    return None


def _travel(trip: Trip, now: datetime) -> Move:
    if failure := _failed_leg(trip):
        return _fail(trip, failure)
    unheld = [leg for leg in trip.provided if leg.scarce and leg.state is LegState.PLANNED]
    if unheld:
        if now > trip.created_at + HOLD_DEADLINE:
            names = ", ".join(sorted({str(leg.provider_id) for leg in unheld}))
            return _fail(trip, Failure("provider-not-answering", f"no answer from {names}"))
        return Move(BookingState.HELD, Aim.TRAVEL, _asks(unheld, Ask.HOLD))
    if not _secured(trip):
        return _pay(trip, now)
    return _carry_out(trip, now)


def _secured(trip: Trip) -> bool:
    """Whether the money is authorised or taken, or none is due (any more)."""
    if not trip.ceiling or trip.state is BookingState.COMPLETED:
        return True
    return trip.payment in (PaymentView.AUTHORISED, PaymentView.CAPTURED)


def _pay(trip: Trip, now: datetime) -> Move:
    match trip.payment:
        case PaymentView.DECLINED:
            return _fail(trip, Failure("payment-declined", "the payment method was declined"))
        case PaymentView.RELEASED | PaymentView.REFUNDED:
            return _fail(trip, Failure("payment-released", "the payment was released"))
        case PaymentView.REQUIRES_ACTION:
            if now >= trip.expires_at:
                return _fail(trip, Failure("payment-abandoned", "the payment was not approved"))
            return Move(BookingState.AWAITING_PAYMENT, Aim.TRAVEL, (Action(Act.AUTHORISE),))
        case PaymentView.NONE if now >= trip.expires_at:
            return _fail(trip, Failure("hold-expired", "the hold ran out before it was paid"))
        case _:
            return Move(BookingState.HELD, Aim.TRAVEL, (Action(Act.AUTHORISE),))


def _carry_out(trip: Trip, now: datetime) -> Move:
    held = [leg for leg in trip.provided if leg.state is LegState.HELD]
    tickets = [leg for leg in trip.provided if not leg.scarce and leg.state is LegState.PLANNED]
    late = [leg for leg in tickets if now > leg.departs_at + BOARDING]
    if late:
        return _fail(trip, Failure("too-late", f"the {late[0].mode} has left meanwhile"))
    for legs in (held, tickets):
        if legs:
            if now >= trip.expires_at:
                return _fail(
                    trip, Failure("provider-not-answering", "not confirmed before the hold ran out")
                )
            return Move(trip.state, Aim.TRAVEL, _asks(legs, Ask.CONFIRM))
    for ask in (Ask.START, Ask.FINISH, Ask.CANCEL):
        asked = [leg for leg in trip.provided if _pending(leg, ask)]
        if asked:
            return Move(_riding_state(trip), Aim.TRAVEL, _asks(asked, ask))
    over = tuple(leg.id for leg in trip.provided if _ridden(leg, now))
    if over:
        return Move(_riding_state(trip), Aim.TRAVEL, ended_legs=over)
    unused = [leg for leg in trip.provided if _no_show(leg, now)]
    if unused:
        return Move(_riding_state(trip), Aim.TRAVEL, _asks(unused, Ask.CANCEL))
    return _settle(trip)


def _ridden(leg: TripLeg, now: datetime) -> bool:
    return (
        not leg.scarce
        and leg.state in (LegState.CONFIRMED, LegState.ACTIVE)
        and now >= leg.arrives_at + TICKET_ENDS_AFTER
    )


def _no_show(leg: TripLeg, now: datetime) -> bool:
    return (
        leg.scarce
        and leg.state is LegState.CONFIRMED
        and now >= leg.departs_at + NO_SHOW_AFTER
        and Ask.CANCEL not in leg.asked
    )


def _riding_state(trip: Trip) -> BookingState:
    used = (LegState.ACTIVE, LegState.ENDED)
    if any(leg.state in used for leg in trip.provided):
        return BookingState.ACTIVE
    return BookingState.CONFIRMED


def _settle(trip: Trip) -> Move:
    """Take the money when the price is final: for fixed prices at once, else after the last leg."""
    open_legs = [leg for leg in trip.provided if leg.state in (LegState.CONFIRMED, LegState.ACTIVE)]
    state = _riding_state(trip)
    if any(_given_up(leg) for leg in open_legs):
        return Move(BookingState.NEEDS_ATTENTION, Aim.TRAVEL)
    if open_legs:
        if not trip.metered and trip.payment is PaymentView.AUTHORISED:
            return Move(state, Aim.TRAVEL, (Action(Act.CAPTURE),))
        return Move(state, Aim.TRAVEL, wake_at=_next_look(open_legs))
    if all(leg.state is not LegState.ENDED for leg in trip.provided):
        return Move(trip.state, Aim.CANCEL)
    if trip.payment is PaymentView.AUTHORISED:
        act = Act.CAPTURE if trip.final else Act.RELEASE
        return Move(BookingState.COMPLETED, Aim.TRAVEL, (Action(act),))
    if trip.payment is PaymentView.CAPTURED and trip.kept > trip.final:
        return Move(BookingState.COMPLETED, Aim.TRAVEL, (Action(Act.REFUND),))
    return Move(BookingState.SETTLED, Aim.TRAVEL)


def _next_look(legs: list[TripLeg]) -> datetime | None:
    looks = [
        leg.departs_at + NO_SHOW_AFTER if leg.scarce else leg.arrives_at + TICKET_ENDS_AFTER
        for leg in legs
        if not (leg.scarce and leg.state is LegState.ACTIVE)
    ]
    return min(looks, default=None)


def _undo(trip: Trip) -> Move:
    """Cancel what providers may still hold, last first, then let go of the money."""
    ending = BookingState.CANCELLED if trip.aim is Aim.CANCEL else BookingState.FAILED
    untouched = tuple(
        leg.id for leg in trip.provided if leg.state is LegState.PLANNED and not leg.open
    )
    if untouched:
        return Move(trip.state, trip.aim, dropped_legs=untouched)
    open_legs = [leg for leg in reversed(trip.provided) if leg.open]
    ridden = [leg for leg in trip.provided if leg.state is LegState.ACTIVE]
    stuck = [leg for leg in open_legs if _given_up(leg)]
    to_cancel = [leg for leg in open_legs if leg not in stuck]
    money = {
        PaymentView.CAPTURED: (Action(Act.REFUND),),
        PaymentView.AUTHORISED: (Action(Act.RELEASE),),
        PaymentView.REQUIRES_ACTION: (Action(Act.RELEASE),),
        PaymentView.OPEN: (Action(Act.RELEASE),),
    }.get(trip.payment, ())
    actions = _asks(to_cancel, Ask.CANCEL) + money
    if actions:
        return Move(ending, trip.aim, actions)
    if stuck or ridden:
        return Move(BookingState.NEEDS_ATTENTION, trip.aim)
    return Move(ending, trip.aim)


def _given_up(leg: TripLeg) -> bool:
    asked = leg.asked.get(Ask.CANCEL)
    return asked is not None and (
        asked.state is AskState.REFUSED or asked.attempts >= GIVE_UP_AFTER
    )
