"""Trips as text: ``bike held, bus planned | authorised`` is a trip with two legs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mobility.booking.moves import Move
from mobility.booking.trip import (
    Aim,
    Ask,
    Asked,
    AskState,
    BookingState,
    LegState,
    PaymentView,
    Trip,
    TripLeg,
)
from payments.money import Money
from providers.values import Mode, ProviderId

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PRICES = {Mode.BIKE: (100, 300), Mode.CAR: (900, 1500), Mode.BUS: (360, 360), Mode.WALK: (0, 0)}


def trip_of(
    text: str,
    *,
    state: str = "held",
    aim: str = "travel",
    asked: Mapping[int, Mapping[Ask, Asked]] | None = None,
    now: datetime = NOON,
) -> Trip:
    """Read ``mode state, mode state | payment``."""
    legs_text, _, payment = text.partition("|")
    legs = []
    for position, words in enumerate(legs_text.split(",")):
        mode, leg_state = words.split()
        quoted, most = PRICES[Mode(mode)]
        legs.append(
            TripLeg(
                id=f"leg_{position}",
                position=position,
                mode=Mode(mode),
                provider_id=None if mode == "walk" else ProviderId(f"{mode}-operator"),
                scarce=mode in ("bike", "car"),
                state=LegState(leg_state),
                departs_at=now + timedelta(minutes=10 * position),
                arrives_at=now + timedelta(minutes=10 * position + 10),
                quoted=Money(quoted),
                ceiling=Money(most),
                final=Money(quoted) if leg_state == "ended" else None,
                looked_at=None,
                asked=(asked or {}).get(position, {}),
            )
        )
    view = PaymentView(payment.strip() or "none")
    ceiling = Money.total(leg.ceiling for leg in legs)
    trip = Trip(
        id="bkg_1",
        rider_id="rdr_1",
        state=BookingState(state),
        aim=Aim(aim),
        payment=view,
        price=Money.total(leg.quoted for leg in legs),
        ceiling=ceiling,
        kept=Money(0),
        owed=Money(0),
        lapses_at=None,
        created_at=now,
        expires_at=now + timedelta(minutes=10),
        legs=tuple(legs),
    )
    return replace(trip, kept=trip.price if view is PaymentView.CAPTURED else Money(0))


def asked(state: str, attempts: int = 1, error: str | None = None, *, ours: bool = False) -> Asked:
    return Asked(AskState(state), attempts, NOON, error, ours)


def text_of(move: Move) -> str:
    """A move as one line: ``state aim: what is done``."""
    done = [
        " ".join(str(word) for word in (action.ask or action.act, action.leg_id) if word)
        + (" (only read)" if action.read_only else "")
        + (" by us" if action.ours else "")
        for action in move.actions
    ]
    done += [f"ended {leg_id}" for leg_id in move.ended_legs]
    done += [f"start of {leg_id} dropped" for leg_id in move.dropped_starts]
    done += [f"dropped {leg_id}" for leg_id in move.dropped_legs]
    if move.failure:
        done.append(f"because {move.failure.type}")
    return f"{move.state} {move.aim}: {', '.join(done) or 'nothing'}"
