"""What a rider gets back: nothing of a ticket that she rides on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mobility.booking.cancel import Hindrance, list_unused, preview
from mobility.booking.trip import Trip
from payments.money import Money
from tests.booking.trips import NOON, trip_of

SOON = NOON - timedelta(minutes=5)


def on_one_ticket(text: str) -> Trip:
    """Two rides before their departure, the second on the ticket of the first."""
    trip = trip_of(f"{text} | captured", state="active")
    first, second = trip.legs
    free = replace(second, quoted=Money(0), ceiling=Money(0), final=Money(0))
    legs = (
        replace(first, product="single:2:adult"),
        replace(free, product="single:2:adult:covered-1"),
    )
    return replace(trip, legs=legs, kept=Money(360))


def test_a_ticket_is_not_given_back_on_which_another_ride_is_over() -> None:
    trip = on_one_ticket("bus confirmed, bus ended")
    terms = preview(trip, SOON)
    assert (terms.why_not, terms.refund, terms.kept) == (Hindrance.USED, Money(0), Money(360))
    assert list_unused(trip, SOON) == []


def test_what_is_gone_already_is_not_kept_for_the_ride_on_it() -> None:
    terms = preview(on_one_ticket("bus cancelled, bus ended"), SOON)
    assert (terms.why_not, terms.kept) == (Hindrance.USED, Money(0))


@pytest.mark.parametrize("states", ["confirmed, bus confirmed", "active, bus confirmed",
                                    "confirmed, bus active", "active, bus active"])  # fmt: skip
def test_a_ticket_goes_back_whole_until_it_is_valid_whether_or_not_its_rides_were_begun(
    states: str,
) -> None:
    trip = on_one_ticket(f"bus {states}")
    assert preview(trip, SOON).refund == Money(360)
    assert list_unused(trip, SOON) == ["leg_0", "leg_1"]
    valid = preview(trip, NOON)
    assert (valid.refund, valid.kept) == (Money(0), Money(360))


@pytest.mark.parametrize(
    ("payment", "back"), [("requires_action", False), ("authorised", True), ("open", True)]
)
def test_what_the_bank_still_asks_her_about_is_not_promised_back(
    payment: str, *, back: bool
) -> None:
    """Nothing is set aside before she has approved it; what is asked and not answered may be."""
    trip = trip_of(f"bike held | {payment}", state="awaiting_payment")
    assert preview(trip, SOON).refund == (trip.ceiling if back else Money(0))
