"""What happens next to a trip: a pure function from what is recorded to what is to be done.

Order on the way in (Enterprise Integration Patterns, "tentative operation": most likely to fail
first, hardest to revert last): hold the scarce legs, authorise the total, confirm the scarce legs,
issue tickets. On the way out the legs are cancelled in reverse, and then the money is let go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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

HOLD_DEADLINE = timedelta(seconds=5)
"""How old a booking may be for an undecided hold to be asked for or read once more.

A call may take 6 s by itself, and the API answers within 10 s.
"""
BOARDING = timedelta(minutes=1)
"""How long after departure a ticket is still issued."""
START_STALE = timedelta(seconds=30)
"""A wish to start that is older is not sent any more: nobody may be standing at the vehicle."""
NO_SHOW_AFTER = timedelta(minutes=20)
"""How long after departure a vehicle that nobody unlocked is given back."""
TICKET_ENDS_AFTER = timedelta(minutes=15)
"""How long after its planned arrival a leg on a ticket counts as ridden."""
LOOK_EVERY = timedelta(minutes=5)
"""How often a vehicle that is ridden longer than planned is read at its provider."""
UNDO_IN_PEACE = timedelta(minutes=10)
"""How long a leg may refuse to be cancelled before a person must know and the rider is let go."""
LAPSE_MARGIN = timedelta(hours=12)
"""How long before the authorisation lapses a ride that does not end becomes a person's case."""
UNSECURED_FOR = timedelta(hours=12)
"""How long a ride that nothing is authorised for, since it costs nothing (a day's cap is reached),
may last beyond its planned arrival before it becomes one: after a day it costs again."""

RIDDEN = (LegState.ACTIVE, LegState.ENDED)
OVER = (BookingState.SETTLED, BookingState.CANCELLED, BookingState.FAILED)


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


def decide(trip: Trip, now: datetime) -> Move:
    """The next move of a trip; the same trip and time always give the same move.

    A booking that needs attention says so until a move is reached that asks for nothing more.
    """
    if trip.state in OVER:
        return Move(trip.state, trip.aim)
    move = _travel(trip, now) if trip.aim is Aim.TRAVEL else _undo(trip, now)
    if trip.state is BookingState.NEEDS_ATTENTION and move.actions:
        return replace(move, state=trip.state)
    return move


def _asks(legs: list[TripLeg], ask: Ask) -> tuple[Action, ...]:
    return tuple(Action(Act.LEG, leg.id, ask) for leg in legs)


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
    return _confirm(trip, now) or _ride(trip, now) or _settle(trip, now)


def _secured(trip: Trip) -> bool:
    """Whether the money is authorised or taken, or none is due, or it is too late to ask.

    What was ridden was secured before it began; ``_settle`` finds out what became of that.
    """
    ridden = any(leg.state in RIDDEN for leg in trip.provided)
    ahead = any(leg.state in (LegState.PLANNED, LegState.HELD) for leg in trip.provided)
    if not trip.ceiling or (ridden and not ahead):
        return True
    return trip.payment in (PaymentView.AUTHORISED, PaymentView.CAPTURED)


def _pay(trip: Trip, now: datetime) -> Move:
    late = now >= trip.expires_at
    match trip.payment:
        case PaymentView.DECLINED:
            return _fail(trip, Failure("payment-declined", "the payment method was declined"))
        case PaymentView.RELEASED | PaymentView.REFUNDED:
            return _fail(trip, Failure("payment-released", "the payment was released"))
        case PaymentView.REQUIRES_ACTION if late:
            return _fail(trip, Failure("payment-abandoned", "the payment was not approved"))
        case PaymentView.NONE | PaymentView.OPEN if late:
            return _fail(trip, Failure("hold-expired", "the hold ran out before it was paid"))
        case PaymentView.REQUIRES_ACTION:
            return Move(BookingState.AWAITING_PAYMENT, Aim.TRAVEL, (Action(Act.AUTHORISE),))
        case _:
            return Move(BookingState.HELD, Aim.TRAVEL, (Action(Act.AUTHORISE),))


def _confirm(trip: Trip, now: datetime) -> Move | None:
    held = [leg for leg in trip.provided if leg.state is LegState.HELD]
    tickets = [leg for leg in trip.provided if not leg.scarce and leg.state is LegState.PLANNED]
    late = [leg for leg in tickets if now > leg.departs_at + BOARDING]
    if late:
        return _fail(trip, Failure("too-late", f"the {late[0].mode} has left meanwhile"))
    for legs in (held, tickets):
        if legs and now >= trip.expires_at:
            detail = "not confirmed before the hold ran out"
            return _fail(trip, Failure("provider-not-answering", detail))
        if legs:
            return Move(trip.state, Aim.TRAVEL, _asks(legs, Ask.CONFIRM))
    return None


def _ride(trip: Trip, now: datetime) -> Move | None:
    """What the rider asked for, and what the clock says; finishing comes first."""
    state = _riding_state(trip, now)
    over = tuple(leg.id for leg in trip.provided if _ridden(leg, now))
    if over:
        return Move(state, Aim.TRAVEL, ended_legs=over)
    starts = [(leg, asked) for leg in trip.provided if (asked := leg.pending(Ask.START))]
    stale = [(leg, asked) for leg, asked in starts if now > asked.asked_at + START_STALE]
    dropped = tuple(leg.id for leg, asked in stale if asked.state is AskState.PLANNED)
    if dropped:
        return Move(state, Aim.TRAVEL, dropped_starts=dropped)
    fresh = [leg for leg, _ in starts if leg not in [old for old, _ in stale]]
    actions = (
        _asks([leg for leg in trip.provided if leg.pending(Ask.FINISH)], Ask.FINISH)
        + _asks(fresh, Ask.START)
        + tuple(Action(Act.LEG, leg.id, Ask.START, read_only=True) for leg, _ in stale)
        + _asks([leg for leg in trip.provided if _to_give_back(leg, now)], Ask.CANCEL)
        + tuple(Action(Act.LOOK, leg.id) for leg in trip.provided if _to_look_at(leg, now))
    )
    return Move(state, Aim.TRAVEL, actions) if actions else None


def _ridden(leg: TripLeg, now: datetime) -> bool:
    return (
        not leg.scarce
        and leg.state in (LegState.CONFIRMED, LegState.ACTIVE)
        and now >= leg.arrives_at + TICKET_ENDS_AFTER
    )


def _to_give_back(leg: TripLeg, now: datetime) -> bool:
    """Asked to be cancelled by the rider, or never unlocked."""
    if leg.state is not LegState.CONFIRMED or leg.pending(Ask.START) or _valid(leg, now):
        return False
    asked = leg.asked.get(Ask.CANCEL)
    if asked is not None:
        return asked.state is not AskState.DONE
    return leg.scarce and now >= leg.departs_at + NO_SHOW_AFTER


def _valid(leg: TripLeg, now: datetime) -> bool:
    """A ticket that could not be taken back before it became valid: it counts as used."""
    asked = leg.asked.get(Ask.CANCEL)
    refused = asked is not None and asked.state is AskState.REFUSED
    issued = not leg.scarce and leg.state is LegState.CONFIRMED
    return issued and refused and now >= leg.departs_at


def _to_look_at(leg: TripLeg, now: datetime) -> bool:
    return leg.scarce and leg.state is LegState.ACTIVE and now >= _next_look_at(leg)


def _next_look_at(leg: TripLeg) -> datetime:
    return max(leg.arrives_at, leg.looked_at or leg.arrives_at) + LOOK_EVERY


def _riding_state(trip: Trip, now: datetime) -> BookingState:
    riding = (leg for leg in trip.provided if leg.state is LegState.ACTIVE and leg.scarce)
    if any(now >= _end_secured(trip, leg) for leg in riding):
        return BookingState.NEEDS_ATTENTION
    if any(_refuses_to_end(leg, now) for leg in trip.provided):
        return BookingState.NEEDS_ATTENTION
    if any(leg.state in RIDDEN for leg in trip.provided):
        return BookingState.ACTIVE
    return BookingState.CONFIRMED


def _end_secured(trip: Trip, leg: TripLeg) -> datetime:
    """Until when a ride may go on without a person looking at it."""
    if trip.lapses_at is None:
        return leg.arrives_at + UNSECURED_FOR
    return trip.lapses_at - LAPSE_MARGIN


def _refuses_to_end(leg: TripLeg, now: datetime) -> bool:
    """A leg that we want to give back and cannot, for longer than can be overlooked."""
    asked = leg.asked.get(Ask.CANCEL)
    return (
        leg.open
        and not _valid(leg, now)
        and asked is not None
        and asked.state is not AskState.DONE
        and (asked.state is AskState.REFUSED or now >= asked.asked_at + UNDO_IN_PEACE)
    )


def _settle(trip: Trip, now: datetime) -> Move:
    """Take the money when the price is final: for fixed prices at once, else after the last leg."""
    open_legs = [leg for leg in trip.provided if leg.state in (LegState.CONFIRMED, LegState.ACTIVE)]
    if open_legs:
        state = _riding_state(trip, now)
        if not trip.metered and trip.payment is PaymentView.AUTHORISED:
            return Move(state, Aim.TRAVEL, (Action(Act.CAPTURE),))
        return Move(state, Aim.TRAVEL, wake_at=min(_wake_at(leg) for leg in open_legs))
    if all(leg.state is not LegState.ENDED for leg in trip.provided):
        return Move(trip.state, Aim.CANCEL)
    if trip.payment is PaymentView.AUTHORISED:
        act = Act.CAPTURE if trip.final else Act.RELEASE
        return Move(BookingState.COMPLETED, Aim.TRAVEL, (Action(act),))
    if trip.payment is PaymentView.CAPTURED and trip.kept > trip.final:
        return Move(BookingState.COMPLETED, Aim.TRAVEL, (Action(Act.REFUND),))
    if trip.payment is PaymentView.NONE and trip.final > trip.owed:
        return Move(BookingState.COMPLETED, Aim.TRAVEL, (Action(Act.OWE),))
    if trip.final > trip.kept + trip.owed:
        return Move(BookingState.NEEDS_ATTENTION, Aim.TRAVEL)
    return Move(BookingState.SETTLED, Aim.TRAVEL)


def _wake_at(leg: TripLeg) -> datetime:
    if not leg.scarce:
        return leg.arrives_at + TICKET_ENDS_AFTER
    if leg.state is LegState.ACTIVE:
        return _next_look_at(leg)
    return leg.departs_at + NO_SHOW_AFTER


MONEY_BACK = {
    PaymentView.CAPTURED: Act.REFUND,
    PaymentView.AUTHORISED: Act.RELEASE,
    PaymentView.REQUIRES_ACTION: Act.RELEASE,
    PaymentView.OPEN: Act.RELEASE,
}


def _undo(trip: Trip, now: datetime) -> Move:
    """Cancel what providers may still hold, last first, then let go of the money.

    The booking shows its end only when all of that is done. A leg that turns out to have been
    ridden is paid for: the trip goes on with it. When staff gives everything back no money waits
    for a provider, and nothing that was ridden is paid for.
    """
    ridden = [leg for leg in trip.provided if leg.state in RIDDEN or _valid(leg, now)]
    paid = not trip.ceiling or trip.payment in (PaymentView.AUTHORISED, PaymentView.CAPTURED)
    if ridden and paid and trip.aim is Aim.CANCEL:
        return Move(BookingState.ACTIVE, Aim.TRAVEL)
    untouched = tuple(
        leg.id for leg in trip.provided if leg.state is LegState.PLANNED and not leg.open
    )
    if untouched:
        return Move(trip.state, trip.aim, dropped_legs=untouched)
    open_legs = [leg for leg in reversed(trip.provided) if leg.open and not _valid(leg, now)]
    cancels = _asks(open_legs, Ask.CANCEL)
    money_act = MONEY_BACK.get(trip.payment)
    money = (Action(money_act),) if money_act else ()
    given_back = trip.aim is Aim.GIVE_BACK
    if any(_refuses_to_end(leg, now) for leg in open_legs):
        todo = cancels + money if given_back else money or cancels
        return Move(BookingState.NEEDS_ATTENTION, trip.aim, todo)
    if open_legs or money:
        return Move(trip.state, trip.aim, cancels + money if given_back else cancels or money)
    riding = any(leg.scarce and leg.state is LegState.ACTIVE for leg in ridden)
    if riding or (ridden and not given_back):
        return _watch(trip, ridden, now)
    ending = BookingState.FAILED if trip.aim is Aim.FAIL else BookingState.CANCELLED
    return Move(ending, trip.aim)


def _watch(trip: Trip, ridden: list[TripLeg], now: datetime) -> Move:
    """A ride that should not be, and that nobody pays for: a person's case until it has ended."""
    actions = _asks([leg for leg in ridden if leg.pending(Ask.FINISH)], Ask.FINISH)
    actions += tuple(Action(Act.LOOK, leg.id) for leg in ridden if _to_look_at(leg, now))
    riding = [leg for leg in ridden if leg.scarce and leg.state is LegState.ACTIVE]
    wake_at = min((_next_look_at(leg) for leg in riding), default=None)
    return Move(BookingState.NEEDS_ATTENTION, trip.aim, actions, wake_at)
