"""What a booking tells its rider that she can do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobility.api.booking_view import Amount, view
from mobility.booking.leg_reports import Outcome
from mobility.booking.payment_view import PaymentStanding
from mobility.booking.queries import BookingRecord, LegRecord
from payments.money import Money
from tests.gtfs.realtime_text import live
from tests.rebooking.test_disturbance import BIKE, FIRST, SECOND, TOWN, at, report

NOTHING = Money(0)
STANDING = PaymentStanding("authorised", None, NOTHING, NOTHING, NOTHING, NOTHING, in_arrears=False)


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


@pytest.mark.parametrize(
    ("first", "second", "clock", "cancels"),
    [
        ("confirmed", "confirmed", "07:59", True),
        ("active", "active", "07:59", True),  # begun at home
        ("confirmed", "ended", "07:59", False),
        ("active", "cancelled", "08:00", False),
        ("cancelled", "active", "08:24", True),
        ("cancelled", "active", "08:25", False),
    ],
)
def test_a_ticket_is_to_be_cancelled_until_it_is_valid(
    first: str, second: str, clock: str, *, cancels: bool
) -> None:
    covered = replace(SECOND, product="single:2:adult:covered-1", state=second)
    record = replace(booked(replace(FIRST, state=first), covered), state="active")
    shown = view(record, STANDING, live(TOWN), at(clock))
    assert ("cancel" in [each.action for each in shown.next_actions]) == cancels


def test_a_vehicle_is_kept_for_longer_also_for_who_has_begun_her_bus_at_home() -> None:
    record = replace(booked(replace(FIRST, state="active"), BIKE), state="active")
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    assert "extend_hold" in [each.action for each in shown.next_actions]


@pytest.mark.parametrize(
    ("outcome", "shows"),
    [(None, True), (Outcome.NOTED, True), (Outcome.REFUNDED, False), (Outcome.GIVEN_BACK, False)],
)
def test_a_ticket_that_is_paid_and_valid_is_shown_whatever_was_told_to_staff(
    outcome: Outcome | None, *, shows: bool
) -> None:
    """Its bus came very late, and took no wheelchair; the next one on the same ticket may."""
    told = None if outcome is None else replace(report(FIRST), outcome=outcome)
    valid = replace(
        FIRST, state="ended", access_code="QR", hold_expires_at=at("10:00"), report=told
    )
    record = replace(booked(valid), state="settled")
    shown = view(record, STANDING, live(TOWN), at("09:00"))
    assert ("show_ticket" in [each.action for each in shown.next_actions]) == shows


def test_what_is_to_be_given_up_for_another_booking_is_not_to_be_started() -> None:
    record = replace(booked(FIRST, SECOND), rebooked_as="bkg_2", rebooked_from_leg=SECOND.id)
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    starts = [each.leg_id for each in shown.next_actions if each.action == "start"]
    assert starts == [FIRST.id]


@pytest.mark.parametrize(
    ("state", "reported"), [("confirmed", True), ("active", True), ("ended", False)]
)
def test_what_is_ahead_or_under_way_can_be_reported(state: str, *, reported: bool) -> None:
    record = replace(booked(FIRST, replace(BIKE, state=state)), state="active")
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    reports = [each.leg_id for each in shown.next_actions if each.action == "report_problem"]
    assert reports == [FIRST.id, BIKE.id][: 1 + reported]


def given_back(leg: LegRecord, state: str) -> BookingRecord:
    """A booking that staff gives back as a whole."""
    return replace(booked(FIRST, leg), aim="give_back", state=state)


def test_a_vehicle_that_is_ridden_on_is_to_be_finished_whatever_staff_gives_back() -> None:
    record = given_back(replace(BIKE, state="active"), "needs_attention")
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    assert [(each.action, each.leg_id) for each in shown.next_actions] == [("finish", BIKE.id)]


def test_what_was_given_back_as_a_whole_has_cost_nothing() -> None:
    record = given_back(replace(BIKE, state="ended", final=Money(119)), "cancelled")
    shown = view(record, STANDING, live(TOWN), at("07:05"))
    assert (shown.final_price, shown.next_actions) == (Amount.of(NOTHING), [])
