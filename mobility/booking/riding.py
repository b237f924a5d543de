"""What happens next while a trip is ridden: what the rider asked for, and what the clock says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from mobility.booking.moves import RIDDEN, Act, Action, Move, ask_all
from mobility.booking.trip import Aim, Ask, AskState, BookingState, LegState, Trip, TripLeg

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


def ride(trip: Trip, now: datetime) -> Move | None:
    """What the rider asked for, and what the clock says; finishing comes first."""
    state = riding_state(trip, now)
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
        _finishes(trip.provided, now)
        + ask_all(fresh, Ask.START)
        + tuple(Action(Act.LEG, leg.id, Ask.START, read_only=True) for leg, _ in stale)
        + ask_all([leg for leg in trip.provided if _to_give_back(leg, now)], Ask.CANCEL)
        + tuple(Action(Act.LOOK, leg.id) for leg in trip.provided if _to_look_at(leg, now))
    )
    return Move(state, Aim.TRAVEL, actions) if actions else None


def _finishes(legs: Sequence[TripLeg], now: datetime) -> tuple[Action, ...]:
    """Rides that the rider ends, and those whose time is up: these are asked to end once by us."""
    return tuple(
        Action(Act.LEG, leg.id, Ask.FINISH, ours=overdue(leg, now))
        for leg in legs
        if leg.pending(Ask.FINISH) or (overdue(leg, now) and not _told_to_end(leg))
    )


def overdue(leg: TripLeg, now: datetime) -> bool:
    """A vehicle is ridden beyond the moment at which we end the ride."""
    riding = leg.scarce and leg.state is LegState.ACTIVE
    return riding and leg.end_by is not None and now >= leg.end_by


def _told_to_end(leg: TripLeg) -> bool:
    asked = leg.asked.get(Ask.FINISH)
    return asked is not None and asked.ours


def _ridden(leg: TripLeg, now: datetime) -> bool:
    return leg.issued and now >= leg.arrives_at + TICKET_ENDS_AFTER


def _to_give_back(leg: TripLeg, now: datetime) -> bool:
    """Asked to be cancelled by the rider, or never unlocked."""
    waits = leg.issued or leg.state is LegState.CONFIRMED
    if not waits or leg.pending(Ask.START) or counts_as_used(leg, now):
        return False
    asked = leg.asked.get(Ask.CANCEL)
    if asked is not None:
        return asked.state is not AskState.DONE
    return leg.scarce and now >= find_kept_until(leg.departs_at, leg.kept_until)


def find_kept_until(departs_at: datetime, extended: datetime | None) -> datetime:
    """Until when a confirmed vehicle waits for its rider, who may have had it held for longer."""
    usual = departs_at + NO_SHOW_AFTER
    return usual if extended is None else max(usual, extended)


def counts_as_used(leg: TripLeg, now: datetime) -> bool:
    """A ticket that could not be taken back before it became valid: it counts as used."""
    asked = leg.asked.get(Ask.CANCEL)
    refused = asked is not None and asked.state is AskState.REFUSED
    return leg.issued and refused and now >= leg.departs_at


def _to_look_at(leg: TripLeg, now: datetime) -> bool:
    return leg.scarce and leg.state is LegState.ACTIVE and now >= _next_look_at(leg)


def _next_look_at(leg: TripLeg) -> datetime:
    planned_end = min(leg.arrives_at, leg.end_by or leg.arrives_at)
    return max(planned_end, leg.looked_at or planned_end) + LOOK_EVERY


def riding_state(trip: Trip, now: datetime) -> BookingState:
    """How a booking stands whose legs are all confirmed or further on."""
    riding = (leg for leg in trip.provided if leg.state is LegState.ACTIVE and leg.scarce)
    if any(now >= _end_secured(trip, leg) for leg in riding):
        return BookingState.NEEDS_ATTENTION
    if any(refuses_to_end(leg, now) or _goes_on(leg, now) for leg in trip.provided):
        return BookingState.NEEDS_ATTENTION
    if any(leg.state in RIDDEN or counts_as_used(leg, now) for leg in trip.provided):
        return BookingState.ACTIVE
    return BookingState.CONFIRMED


def _end_secured(trip: Trip, leg: TripLeg) -> datetime:
    """Until when a ride may go on without a person looking at it."""
    if trip.lapses_at is None:
        return leg.arrives_at + UNSECURED_FOR
    return trip.lapses_at - LAPSE_MARGIN


def _goes_on(leg: TripLeg, now: datetime) -> bool:
    """A ride that we want to end and cannot, for longer than can be overlooked."""
    asked = leg.asked.get(Ask.FINISH)
    if leg.end_by is None or asked is None or not asked.ours or not overdue(leg, now):
        return False
    return asked.state is AskState.REFUSED or now >= leg.end_by + UNDO_IN_PEACE


def refuses_to_end(leg: TripLeg, now: datetime) -> bool:
    """A leg that we want to give back and cannot, for longer than can be overlooked."""
    asked = leg.asked.get(Ask.CANCEL)
    return (
        leg.open
        and not counts_as_used(leg, now)
        and asked is not None
        and asked.state is not AskState.DONE
        and (asked.state is AskState.REFUSED or now >= asked.asked_at + UNDO_IN_PEACE)
    )


def next_look(leg: TripLeg) -> datetime:
    """When the clock next says something about a confirmed or active leg."""
    if not leg.scarce:
        return leg.arrives_at + TICKET_ENDS_AFTER
    if leg.state is LegState.ACTIVE:
        looked = _next_look_at(leg)
        return looked if leg.end_by is None or _told_to_end(leg) else min(looked, leg.end_by)
    return find_kept_until(leg.departs_at, leg.kept_until)


def watch(trip: Trip, ridden: list[TripLeg], now: datetime) -> Move:
    """A ride that should not be, and that nobody pays for: a person's case until it has ended."""
    actions = _finishes(ridden, now)
    actions += tuple(Action(Act.LOOK, leg.id) for leg in ridden if _to_look_at(leg, now))
    riding = [leg for leg in ridden if leg.scarce and leg.state is LegState.ACTIVE]
    wake_at = min((_next_look_at(leg) for leg in riding), default=None)
    return Move(BookingState.NEEDS_ATTENTION, trip.aim, actions, wake_at)
