"""What a booking tells its rider that she can do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobility.api.booking_view import view
from mobility.booking.payment_view import PaymentStanding
from mobility.booking.queries import BookingRecord, LegRecord
from payments.money import Money
from tests.gtfs.realtime_text import live
from tests.rebooking.test_disturbance import BIKE, FIRST, SECOND, TOWN, at

NOTHING = Money(0)
STANDING = PaymentStanding("authorised", None, NOTHING, NOTHING, NOTHING, NOTHING)


def booked(*legs: LegRecord) -> BookingRecord:
    return BookingRecord(
        id="bkg_1", rider_id="rdr_1", state="confirmed", aim="travel", payment_id="pay_1",
        passengers=1, price=NOTHING, ceiling=NOTHING, created_at=at("07:00"),
        expires_at=at("07:10"), failure_type=None, failure_detail=None, legs=legs,
    )  # fmt: skip


@pytest.mark.parametrize(("bike", "extends"), [("confirmed", True), ("cancelled", False)])
def test_a_booking_is_held_for_longer_while_a_vehicle_waits(bike: str, *, extends: bool) -> None:
    record = booked(FIRST, replace(BIKE, state=bike))
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    assert ("extend_hold" in [each.action for each in shown.next_actions]) == extends


@pytest.mark.parametrize(("second", "cancels"), [("confirmed", True), ("active", False)])
def test_nothing_is_to_be_cancelled_of_a_ticket_that_is_used(second: str, *, cancels: bool) -> None:
    covered = replace(SECOND, product="single:2:adult:covered-1", state=second)
    record = replace(booked(FIRST, covered), state="active")
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    assert ("cancel" in [each.action for each in shown.next_actions]) == cancels


def test_what_is_to_be_given_up_for_another_booking_is_not_to_be_started() -> None:
    record = replace(booked(FIRST, SECOND), rebooked_as="bkg_2", rebooked_from_leg=SECOND.id)
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    starts = [each.leg_id for each in shown.next_actions if each.action == "start"]
    assert starts == [FIRST.id]
