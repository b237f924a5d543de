from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobility.booking.moves import Act
from mobility.booking.states import decide
from mobility.booking.trip import Aim, Ask, BookingState, LegState, PaymentView
from payments.money import Money
from tests.booking.trips import NOON, asked, text_of, trip_of

ON_THE_WAY_IN = [
    ("bike planned, bus planned", "held travel: hold leg_0"),
    ("bike planned, walk planned, car planned", "held travel: hold leg_0, hold leg_2"),
    ("bike held, bus planned", "held travel: authorise"),
    ("bike held, bus planned | open", "held travel: authorise"),
    ("bike held, bus planned | requires_action", "awaiting_payment travel: authorise"),
    ("bike held, bus planned | authorised", "held travel: confirm leg_0"),
    ("bike confirmed, bus planned | authorised", "held travel: confirm leg_1"),
    ("bike confirmed, bus confirmed | authorised", "confirmed travel: nothing"),
    ("bus planned", "held travel: authorise"),
    ("bus confirmed | authorised", "confirmed travel: capture"),
    ("bus confirmed | captured", "confirmed travel: nothing"),
    ("bike active, bus confirmed | authorised", "active travel: nothing"),
    ("bike ended, bus ended | authorised", "completed travel: capture"),
    ("bike ended, bus cancelled | authorised", "completed travel: capture"),
    ("bike cancelled, bus cancelled | authorised", "held cancel: nothing"),
    ("bike held, bus planned | declined", "held fail: because payment-declined"),
]


@pytest.mark.parametrize(("trip", "move"), ON_THE_WAY_IN)
def test_next_move_on_the_way_in(trip: str, move: str) -> None:
    assert text_of(decide(trip_of(trip), NOON)) == move


ON_THE_WAY_OUT = [
    ("bike held, bus planned", "held fail: dropped leg_1"),
    ("bike held, bus cancelled | authorised", "held fail: cancel leg_0"),
    ("bike cancelled, bus cancelled | authorised", "held fail: release"),
    ("bike confirmed, bus confirmed | captured", "held fail: cancel leg_1, cancel leg_0"),
    ("bike cancelled, bus cancelled | captured", "held fail: refund"),
    ("bike cancelled, bus cancelled | released", "failed fail: nothing"),
    ("bike cancelled, bus failed | none", "failed fail: nothing"),
    ("bike active, bus cancelled | released", "needs_attention fail: nothing"),
]


@pytest.mark.parametrize(("trip", "move"), ON_THE_WAY_OUT)
def test_next_move_on_the_way_out(trip: str, move: str) -> None:
    assert text_of(decide(trip_of(trip, aim="fail"), NOON)) == move


def test_a_refused_hold_fails_the_booking_and_says_whose_it_was() -> None:
    trip = trip_of(
        "bike failed, car held",
        asked={0: {Ask.HOLD: asked("refused", error="already reserved")}},
    )
    move = decide(trip, NOON)
    assert text_of(move) == "held fail: because vehicle-taken"
    assert move.failure is not None
    assert move.failure.detail == ("the bike of bike-operator is no longer to be had; search again")


def test_a_hold_that_stays_undecided_fails_before_the_rider_has_waited_ten_seconds() -> None:
    trip = trip_of("bike planned", asked={0: {Ask.HOLD: asked("sent")}})
    assert text_of(decide(trip, NOON + timedelta(seconds=5))) == "held travel: hold leg_0"
    late = decide(trip, NOON + timedelta(seconds=6))
    assert text_of(late) == "held fail: because provider-not-answering"


def test_a_hold_that_may_have_happened_is_cancelled_at_the_provider() -> None:
    trip = trip_of("bike planned, bus cancelled", aim="fail", asked={0: {Ask.HOLD: asked("sent")}})
    assert text_of(decide(trip, NOON)) == "held fail: cancel leg_0"


def test_a_challenge_nobody_answers_releases_everything_when_the_hold_ends() -> None:
    trip = trip_of("bike held | requires_action")
    assert text_of(decide(trip, NOON)) == "awaiting_payment travel: authorise"
    assert text_of(decide(trip, trip.expires_at)) == "held fail: because payment-abandoned"


def test_no_ticket_is_issued_for_a_bus_that_left_while_it_was_being_paid() -> None:
    trip = trip_of("bus planned | authorised")
    assert text_of(decide(trip, NOON + timedelta(seconds=60))) == "held travel: confirm leg_0"
    late = decide(trip, NOON + timedelta(seconds=61))
    assert text_of(late) == "held fail: because too-late"


def test_nothing_is_authorised_when_a_pass_makes_the_trip_free() -> None:
    trip = replace(trip_of("bus planned"), ceiling=Money(0), price=Money(0))
    assert text_of(decide(trip, NOON)) == "held travel: confirm leg_0"
    done = replace(trip_of("bus ended"), ceiling=Money(0), price=Money(0))
    done = replace(done, legs=(replace(done.legs[0], final=Money(0)),))
    assert text_of(decide(done, NOON)) == "settled travel: nothing"


def test_a_metered_ride_that_cost_nothing_releases_the_hold_and_is_settled() -> None:
    trip = trip_of("bike ended | authorised", state="active")
    free = replace(trip, legs=(replace(trip.legs[0], final=Money(0)),))
    assert text_of(decide(free, NOON)) == "completed travel: release"
    released = replace(free, payment=PaymentView.RELEASED, state=BookingState.COMPLETED)
    move = decide(released, NOON)
    assert text_of(move) == "settled travel: nothing"
    assert decide(replace(released, state=move.state), NOON) == move


def test_a_ticket_is_ridden_when_its_journey_is_over_by_the_clock() -> None:
    trip = trip_of("bus confirmed | captured", state="confirmed")
    over = trip.legs[0].arrives_at + timedelta(minutes=15)
    assert decide(trip, NOON).wake_at == over
    assert text_of(decide(trip, over)) == "confirmed travel: ended leg_0"


def test_a_vehicle_nobody_unlocked_is_given_back() -> None:
    trip = trip_of("bike confirmed | authorised", state="confirmed")
    late = NOON + timedelta(minutes=20)
    assert decide(trip, NOON).wake_at == late
    assert text_of(decide(trip, late)) == "confirmed travel: cancel leg_0"


def test_a_cancellation_that_does_not_succeed_lets_the_rider_go_and_is_never_given_up() -> None:
    stuck = {0: {Ask.CANCEL: asked("sent", attempts=3)}}
    trip = trip_of("bike confirmed, bus cancelled | authorised", aim="cancel", asked=stuck)
    assert text_of(decide(trip, NOON)) == "held cancel: cancel leg_0"
    late = NOON + timedelta(minutes=10)
    assert text_of(decide(trip, late)) == "needs_attention cancel: release"
    released = replace(trip, payment=PaymentView.RELEASED)
    assert text_of(decide(released, late)) == "needs_attention cancel: cancel leg_0"


def test_a_leg_that_was_ridden_while_it_was_being_cancelled_is_paid_for() -> None:
    trip = trip_of("bike active, bus cancelled | authorised", aim="cancel")
    assert text_of(decide(trip, NOON)) == "active travel: nothing"


def test_a_ride_is_ended_before_another_vehicle_is_unlocked() -> None:
    asks = {0: {Ask.FINISH: asked("planned", 0)}, 1: {Ask.START: asked("sent")}}
    trip = trip_of("bike active, car confirmed | authorised", state="active", asked=asks)
    assert text_of(decide(trip, NOON)) == "active travel: finish leg_0, start leg_1"


def test_a_wish_to_start_grows_old() -> None:
    late = NOON + timedelta(seconds=31)
    sent = {0: {Ask.START: asked("sent")}}
    trip = trip_of("bike confirmed | authorised", state="confirmed", asked=sent)
    assert text_of(decide(trip, late)) == "confirmed travel: start leg_0 (only read)"
    unsent = {0: {Ask.START: asked("planned")}}
    trip = trip_of("bike confirmed | authorised", state="confirmed", asked=unsent)
    assert text_of(decide(trip, late)) == "confirmed travel: start of leg_0 dropped"


def test_a_ride_that_does_not_end_is_looked_at_and_at_last_shown_to_a_person() -> None:
    trip = trip_of("bike active | authorised", state="active")
    trip = replace(trip, lapses_at=NOON + timedelta(days=7))
    first_look = trip.legs[0].arrives_at + timedelta(minutes=5)
    assert decide(trip, NOON).wake_at == first_look
    assert text_of(decide(trip, first_look)) == "active travel: look leg_0"
    seen = replace(trip, legs=(replace(trip.legs[0], looked_at=first_look),))
    assert decide(seen, first_look).wake_at == first_look + timedelta(minutes=5)
    later = NOON + timedelta(days=6, hours=12)
    assert text_of(decide(trip, later)) == "needs_attention travel: look leg_0"


def test_a_free_ride_that_does_not_end_is_shown_to_a_person_before_it_costs_again() -> None:
    trip = replace(trip_of("bike active | none", state="active"), ceiling=Money(0))
    late = trip.legs[0].arrives_at + timedelta(hours=12)
    assert text_of(decide(trip, late - timedelta(seconds=1))) == "active travel: look leg_0"
    assert text_of(decide(trip, late)) == "needs_attention travel: look leg_0"


def test_a_ride_whose_time_is_up_is_ended_by_us_once_and_then_shown_to_a_person() -> None:
    trip = trip_of("bike active | authorised", state="active")
    up = NOON + timedelta(minutes=4)
    trip = replace(trip, legs=(replace(trip.legs[0], end_by=up),))
    assert decide(trip, NOON).wake_at == up
    assert text_of(decide(trip, up)) == "active travel: finish leg_0 by us"
    by_rider = {Ask.FINISH: asked("refused")}
    trip = replace(trip, legs=(replace(trip.legs[0], asked=by_rider),))
    assert text_of(decide(trip, up)) == "active travel: finish leg_0 by us"
    refused = {Ask.FINISH: asked("refused", ours=True)}
    trip = replace(trip, legs=(replace(trip.legs[0], asked=refused),))
    move = decide(trip, up)
    assert text_of(move) == "needs_attention travel: nothing"
    assert move.wake_at == up + timedelta(minutes=5)
    assert text_of(decide(trip, up + timedelta(minutes=5))) == "needs_attention travel: look leg_0"


def test_an_operator_that_does_not_answer_when_a_ride_is_to_end_becomes_a_persons_case() -> None:
    sent = {0: {Ask.FINISH: asked("sent", ours=True)}}
    trip = trip_of("bike active | authorised", state="active", asked=sent)
    trip = replace(trip, legs=(replace(trip.legs[0], end_by=NOON),))
    assert text_of(decide(trip, NOON)) == "active travel: finish leg_0 by us"
    late = decide(trip, NOON + timedelta(minutes=10))
    assert text_of(late) == "needs_attention travel: finish leg_0 by us, look leg_0"


def test_an_authorisation_nobody_can_tell_of_ends_with_the_hold() -> None:
    trip = trip_of("bike held | open")
    assert text_of(decide(trip, trip.expires_at)) == "held fail: because hold-expired"


def test_a_ride_whose_money_was_gone_is_settled_only_when_it_stands_in_the_books() -> None:
    trip = trip_of("bike ended | released", state="needs_attention")
    assert text_of(decide(trip, NOON)) == "needs_attention travel: nothing"
    assert text_of(decide(replace(trip, owed=Money(100)), NOON)) == "settled travel: nothing"


def test_a_ticket_that_became_valid_before_it_could_be_taken_back_counts_as_used() -> None:
    refused = {1: {Ask.CANCEL: asked("refused")}}
    trip = trip_of("bike ended, bus confirmed | authorised", state="active", asked=refused)
    valid = trip.legs[1].departs_at
    over = trip.legs[1].arrives_at + timedelta(minutes=15)
    assert decide(trip, valid).wake_at == over
    assert text_of(decide(trip, over)) == "active travel: ended leg_1"
    undone = replace(trip, aim=Aim.CANCEL)
    assert text_of(decide(undone, valid)) == "active travel: nothing"


def test_a_vehicle_is_not_given_back_while_it_is_being_unlocked() -> None:
    asks = {0: {Ask.START: asked("sent")}}
    trip = trip_of("bike confirmed | authorised", state="confirmed", asked=asks)
    late = NOON + timedelta(minutes=20)
    trip = replace(trip, legs=(replace(trip.legs[0], departs_at=NOON - timedelta(minutes=25)),))
    assert "cancel" not in text_of(decide(trip, NOON))
    assert text_of(decide(trip, late)) == "confirmed travel: start leg_0 (only read)"


def test_a_ride_that_nobody_pays_for_is_watched_until_it_ends() -> None:
    trip = trip_of("bike active | released", state="needs_attention", aim="cancel")
    assert decide(trip, NOON).wake_at == trip.legs[0].arrives_at + timedelta(minutes=5)
    finish = {0: {Ask.FINISH: asked("planned", 0)}}
    trip = trip_of("bike active | released", state="needs_attention", aim="cancel", asked=finish)
    assert text_of(decide(trip, NOON)) == "needs_attention cancel: finish leg_0"


def test_what_is_over_rests() -> None:
    for end in ("settled", "cancelled", "failed"):
        trip = trip_of("bike ended | released", state=end)
        assert text_of(decide(trip, NOON + timedelta(days=9))) == f"{end} travel: nothing"


def test_what_was_taken_for_a_leg_that_was_given_back_is_refunded() -> None:
    trip = trip_of("bus ended, bus cancelled | captured", state="active")
    trip = replace(trip, kept=Money(720))
    assert text_of(decide(trip, NOON)) == "completed travel: refund"


leg_texts = st.tuples(
    st.sampled_from(["bike", "car", "bus", "walk"]), st.sampled_from(list(LegState))
).map(lambda pair: f"{pair[0]} {pair[1]}")
trip_texts = st.tuples(
    st.lists(leg_texts, min_size=1, max_size=4).map(", ".join), st.sampled_from(list(PaymentView))
).map(lambda pair: f"{pair[0]} | {pair[1]}")


@given(trip_texts, st.sampled_from(list(Aim)), st.integers(-5, 2000))
def test_money_is_asked_for_only_when_every_scarce_leg_is_held(
    text: str, aim: Aim, minutes: int
) -> None:
    trip = trip_of(text, aim=aim)
    move = decide(trip, NOON + timedelta(minutes=minutes))
    acts = {action.act for action in move.actions}
    if Act.AUTHORISE in acts:
        assert all(leg.state is not LegState.PLANNED for leg in trip.provided if leg.scarce)
    confirmed = {action.leg_id for action in move.actions if action.ask is Ask.CONFIRM}
    if confirmed and trip.ceiling:
        assert trip.payment in (PaymentView.AUTHORISED, PaymentView.CAPTURED)
    if move.aim is not Aim.TRAVEL:
        assert not acts & {Act.AUTHORISE, Act.CAPTURE}
    assert move == decide(trip, NOON + timedelta(minutes=minutes))


@given(trip_texts, st.sampled_from(list(Aim)))
def test_a_booking_never_rests_at_its_end_with_the_riders_money_held(text: str, aim: Aim) -> None:
    trip = trip_of(text, aim=aim)
    move = decide(trip, NOON)
    for _ in range(4):
        trip = replace(trip, state=move.state, aim=move.aim)
        move = decide(trip, NOON)
    over = (BookingState.SETTLED, BookingState.FAILED, BookingState.CANCELLED)
    if move.state in over and not move.actions and not move.dropped_legs:
        assert trip.payment not in (PaymentView.AUTHORISED, PaymentView.OPEN) or not trip.ceiling
