"""What happens next to a trip: a pure function from what is recorded to what is to be done.

Order on the way in (Enterprise Integration Patterns, "tentative operation": most likely to fail
first, hardest to revert last): hold the scarce legs, authorise the total, confirm the scarce legs,
issue tickets. On the way out the legs are cancelled in reverse, and then the money is let go.
The part in between, the ride, is ``riding``; what a decision says, ``moves``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mobility.booking.moves import OVER, RIDDEN, Act, Action, Failure, Move, ask_all
from mobility.booking.riding import (
    counts_as_used,
    next_look,
    refuses_to_end,
    ride,
    riding_state,
    watch,
)
from mobility.booking.trip import (
    Aim,
    Ask,
    AskState,
    BookingState,
    LegState,
    PaymentView,
    Trip,
)

HOLD_DEADLINE = timedelta(seconds=5)
"""How old a booking may be for an undecided hold to be asked for or read once more.

A call may take 6 s by itself, and the API answers within 10 s.
"""
BOARDING = timedelta(minutes=1)
"""How long after departure a ticket is still issued."""
EXTEND_STALE = timedelta(seconds=30)
"""A wish to have a hold extended that is older is not sent any more."""


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


def _fail(trip: Trip, failure: Failure) -> Move:
    return Move(trip.state, Aim.FAIL, failure=failure)


def _failed_leg(trip: Trip) -> Failure | None:
    for leg in trip.provided:
        for ask in (Ask.HOLD, Ask.CONFIRM):
            asked = leg.asked.get(ask)
            if asked is not None and asked.state is AskState.REFUSED:
                if leg.scarce:
                    taken = f"the {leg.mode} of {leg.provider_id} is no longer to be had"
                    return Failure("vehicle-taken", f"{taken}; search again")
                return Failure("provider-refused", f"{leg.provider_id}: {asked.error or 'refused'}")
    return None


def _travel(trip: Trip, now: datetime) -> Move:
    if failure := _failed_leg(trip):
        return _fail(trip, failure)
    unheld = [leg for leg in trip.provided if leg.scarce and leg.state is LegState.PLANNED]
    if unheld:
        if now > trip.created_at + HOLD_DEADLINE:
            names = ", ".join(sorted({str(leg.provider_id) for leg in unheld}))
            return _fail(trip, Failure("provider-not-answering", f"no answer from {names}"))
        return Move(BookingState.HELD, Aim.TRAVEL, ask_all(unheld, Ask.HOLD))
    if not _secured(trip):
        return _extend(trip, _pay(trip, now), now)
    return _confirm(trip, now) or ride(trip, now) or _settle(trip, now)


def _secured(trip: Trip) -> bool:
    """Whether the money is authorised, taken or owed, or none is due, or it is too late to ask.

    What was ridden was secured before it began; ``_settle`` finds out what became of that.
    """
    ridden = any(leg.state in RIDDEN for leg in trip.provided)
    ahead = any(leg.state in (LegState.PLANNED, LegState.HELD) for leg in trip.provided)
    if not trip.ceiling or trip.owed or (ridden and not ahead):
        return True
    return trip.payment in (PaymentView.AUTHORISED, PaymentView.CAPTURED)


def _extend(trip: Trip, move: Move, now: datetime) -> Move:
    """With the holds that are to last longer; an ask that has grown old is only read."""
    wishes = [(leg, asked) for leg in trip.provided if (asked := leg.pending(Ask.EXTEND))]
    if move.failure is not None or not wishes:
        return move
    actions = tuple(
        Action(Act.LEG, leg.id, Ask.EXTEND, read_only=now > asked.asked_at + EXTEND_STALE)
        for leg, asked in wishes
        if leg.state is LegState.HELD
    )
    return replace(move, actions=actions + move.actions)


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
            return Move(trip.state, Aim.TRAVEL, ask_all(legs, Ask.CONFIRM))
    return None


def _settle(trip: Trip, now: datetime) -> Move:
    """Take the money when the price is final: for fixed prices at once, else after the last leg."""
    open_legs = [leg for leg in trip.provided if leg.state in (LegState.CONFIRMED, LegState.ACTIVE)]
    if open_legs:
        state = riding_state(trip, now)
        if not trip.metered and trip.payment is PaymentView.AUTHORISED:
            return Move(state, Aim.TRAVEL, (Action(Act.CAPTURE),))
        return Move(state, Aim.TRAVEL, wake_at=min(next_look(leg) for leg in open_legs))
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
    ridden = [leg for leg in trip.provided if leg.ridden or counts_as_used(leg, now)]
    paid = not trip.ceiling or trip.payment in (PaymentView.AUTHORISED, PaymentView.CAPTURED)
    if ridden and paid and trip.aim is Aim.CANCEL:
        return Move(BookingState.ACTIVE, Aim.TRAVEL)
    untouched = tuple(
        leg.id for leg in trip.provided if leg.state is LegState.PLANNED and not leg.open
    )
    if untouched:
        return Move(trip.state, trip.aim, dropped_legs=untouched)
    open_legs = [
        leg for leg in reversed(trip.provided) if leg.open and not counts_as_used(leg, now)
    ]
    cancels = ask_all(open_legs, Ask.CANCEL)
    money_act = MONEY_BACK.get(trip.payment)
    money = (Action(money_act),) if money_act else ()
    given_back = trip.aim is Aim.GIVE_BACK
    if any(refuses_to_end(leg, now) for leg in open_legs):
        todo = cancels + money if given_back else money or cancels
        return Move(BookingState.NEEDS_ATTENTION, trip.aim, todo)
    if open_legs or money:
        return Move(trip.state, trip.aim, cancels + money if given_back else cancels or money)
    riding = any(leg.scarce and leg.state is LegState.ACTIVE for leg in ridden)
    if riding or (ridden and not given_back):
        return watch(trip, ridden, now)
    ending = BookingState.FAILED if trip.aim is Aim.FAIL else BookingState.CANCELLED
    return Move(ending, trip.aim)
