"""Every way that a small trip can go ends honestly: nothing held, nothing taken for nothing."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

from mobility.booking.moves import OVER
from mobility.booking.trip import BookingState, LegState, PaymentView
from payments.money import Money
from providers.values import ReservationState
from tests.booking.drawing import draw
from tests.booking.exploration import Exploration, Node, explore

DEEPER = int(os.environ.get("DEEPER", "0"))
"""So many more faults than `make test` has the time for."""
TRIPS = [("bus planned", 1), ("bike planned", 1), ("bike planned, bus planned", 0)]
ENDS = (*OVER, BookingState.NEEDS_ATTENTION)
HOLDS = (ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.IN_USE)


def wrong_with(node: Node) -> str | None:
    """What a rider, an operator or finance would complain about."""
    trip = node.trip
    pairs = list(zip(trip.legs, node.truths, strict=True))
    if any(leg.state is LegState.ACTIVE and leg.scarce for leg in trip.legs) and (
        trip.ceiling and node.money == "none"
    ):
        return "a vehicle is ridden that nothing is authorised for"
    if trip.kept > trip.ceiling:
        return "more is taken than was authorised"
    if trip.state not in OVER:
        return None
    if any(leg.scarce and truth in HOLDS for leg, truth in pairs):
        return "an operator still holds a vehicle"
    if node.money == "held":
        return "the processor still holds money"
    if trip.state is BookingState.SETTLED:
        if trip.kept + trip.owed != trip.final:
            return f"{trip.final} was used, {trip.kept} taken, {trip.owed} owed"
        return None
    return "money was taken for nothing" if node.money == "taken" else None


def without_end(found: Exploration) -> list[tuple[object, ...]]:
    """The nodes from which no way leads to an end, or to a person who looks at it."""
    before = defaultdict(list)
    for source, edges in found.after.items():
        for _, target in edges:
            before[target].append(source)
    ends = [key for key, node in found.nodes.items() if node.trip.state in ENDS]
    reached = set(ends)
    while ends:
        for source in before[ends.pop()]:
            if source not in reached:
                reached.add(source)
                ends.append(source)
    return [key for key in found.nodes if key not in reached]


@pytest.mark.parametrize(("trip", "faults"), TRIPS)
def test_every_way_ends_honestly(trip: str, faults: int) -> None:
    found = explore(trip, faults + DEEPER)
    for key, node in found.nodes.items():
        wrong = wrong_with(node)
        assert wrong is None, f"{wrong}, after: {' > '.join(found.way_to(key))}"
    assert [found.way_to(key) for key in without_end(found)[:3]] == []


def test_an_exploration_goes_through_what_matters() -> None:
    found = explore("bike planned", 1)
    states = {node.trip.state for node in found.nodes.values()}
    assert states == set(BookingState)
    assert {node.trip.payment for node in found.nodes.values()} == set(PaymentView) - {
        PaymentView.REFUNDED
    }
    assert {node.trip.legs[0].state for node in found.nodes.values()} == set(LegState)
    assert max(node.trip.kept for node in found.nodes.values()) == Money(100)


def test_the_drawn_machines_are_those_of_the_code() -> None:
    drawn = Path("docs/STATES.md").read_text(encoding="utf-8")
    assert drawn == draw(), "draw them again: python -m tests.booking.drawing docs/STATES.md"
