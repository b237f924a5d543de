"""What a rider can do with a booking, and the states of its legs that this goes by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from mobility.booking.covered import list_covered
from mobility.booking.leg_reports import Kind
from mobility.booking.payment_view import PaymentStanding
from mobility.booking.queries import BookingRecord, LegRecord
from mobility.rebooking.disturbance import Disturbance

READY_BEFORE = timedelta(minutes=15)
"""How long before departure a leg on a ticket counts as ready."""


class NextAction(BaseModel):
    """Something the rider can do now."""

    action: Literal[
        "pay",
        "show_ticket",
        "start",
        "finish",
        "extend_hold",
        "rebook",
        "cancel",
        "report_problem",
        "pay_arrears",
    ]
    leg_id: str | None = None
    before: datetime | None = None
    """When it is done for the rider otherwise: a ride is ended by us then."""
    because: Literal["spend_ceiling", "longest_ride"] | None = None


def shown_state(leg: LegRecord, record: BookingRecord, now: datetime) -> str:
    """A leg's state as the contract names it: ready is a confirmed leg whose time has come.

    A rented vehicle waits for its rider and is ready at once.
    """
    if leg.provider_id is None:
        return _walk_state(record)
    if leg.state == "confirmed" and (leg.metered or now >= leg.departs_at - READY_BEFORE):
        return "ready"
    return leg.state


def _walk_state(record: BookingRecord) -> str:
    return {
        "held": "planned",
        "awaiting_payment": "planned",
        "confirmed": "confirmed",
        "active": "confirmed",
        "needs_attention": "planned",
        "completed": "ended",
        "settled": "ended",
    }.get(record.state, "cancelled")


def waits(leg: LegRecord) -> bool:
    """Whether a vehicle waits for its rider."""
    return leg.metered and leg.state == "confirmed"


def list_next_actions(
    record: BookingRecord,
    payment: PaymentStanding,
    disturbed: Disturbance | None,
    now: datetime,
) -> list[NextAction]:
    """What the rider can do now, the most likely first."""
    arrears = [NextAction(action="pay_arrears")] if payment.in_arrears else []
    return arrears + _of_trip(record, disturbed, now)


def _of_trip(
    record: BookingRecord, disturbed: Disturbance | None, now: datetime
) -> list[NextAction]:
    going_on = []
    if disturbed is not None and record.rebooked_as is None:
        going_on.append(NextAction(action="rebook", leg_id=disturbed.leg_id))
    if record.aim != "travel":
        ridden = (leg for leg in record.legs if leg.metered and leg.state == "active")
        return [_finish(leg) for leg in ridden] + going_on
    if record.state == "awaiting_payment":
        longer = [] if record.rebooked_from else _extension(record)
        return [NextAction(action="pay"), *longer, NextAction(action="cancel")]
    if record.state == "held":
        return [NextAction(action="cancel")]
    if record.state in ("completed", "settled"):
        carried = (leg for leg in record.legs if _still_carries(leg, now))
        return [NextAction(action="show_ticket", leg_id=leg.id) for leg in carried] + going_on
    if record.state not in ("confirmed", "active", "needs_attention"):
        return going_on
    actions = [each for leg in record.legs for each in _leg_actions(leg, record, now)]
    waiting = any(map(waits, record.legs))
    if record.state != "needs_attention" and waiting and not any(map(_is_ridden, record.legs)):
        actions += _extension(record)
    actions += going_on
    riding = any(leg.metered and leg.state == "active" for leg in record.legs)
    if not riding and any(_can_be_given_back(leg, record, now) for leg in record.legs):
        actions.append(NextAction(action="cancel"))
    reportable = (leg for leg in record.legs if leg.provider_id and leg.report is None)
    return actions + [
        NextAction(action="report_problem", leg_id=leg.id)
        for leg in reportable
        if leg.state in ("confirmed", "active")
    ]


def _extension(record: BookingRecord) -> list[NextAction]:
    return [] if record.extended_to else [NextAction(action="extend_hold")]


def _can_be_given_back(leg: LegRecord, record: BookingRecord, now: datetime) -> bool:
    tickets = [each for each in record.legs if each.provider_id and not each.metered]
    if any(_is_used(each, now) for each in (leg, *list_covered(tickets, leg.id))):
        return False
    return leg.provider_id is not None and leg.state in ("planned", "held", "confirmed", "active")


def _is_used(leg: LegRecord, now: datetime) -> bool:
    """As ``booking.cancel`` has it: a ticket by the clock, whether or not it was begun."""
    if leg.metered or leg.state not in ("confirmed", "active"):
        return _is_ridden(leg)
    return leg.departs_at <= now


def _is_ridden(leg: LegRecord) -> bool:
    return leg.state == "ended" or (leg.metered and leg.state == "active")


def _still_carries(leg: LegRecord, now: datetime) -> bool:
    """A ticket whose ride is over by the clock: its bus may be late, and its rider aboard."""
    until = leg.hold_expires_at
    void = leg.report is not None and leg.report.outcome.costs_nothing
    kept = leg.state == "ended" and not void and not leg.metered
    return kept and leg.access_code is not None and until is not None and now < until


def _leg_actions(leg: LegRecord, record: BookingRecord, now: datetime) -> list[NextAction]:
    if leg.provider_id is None:
        return []
    state = shown_state(leg, record, now)
    actions = []
    open_now = leg.access_code is not None and state in ("confirmed", "ready", "active")
    if open_now or _still_carries(leg, now):
        actions.append(NextAction(action="show_ticket", leg_id=leg.id))
    if state in ("confirmed", "ready") and not _is_rebooked(leg, record):
        actions.append(NextAction(action="start", leg_id=leg.id))
    if state == "active" and (leg.metered or not _is_rebooked(leg, record)):
        actions.append(_finish(leg))
    return actions


def _is_rebooked(leg: LegRecord, record: BookingRecord) -> bool:
    """Whether another booking takes its place, or will once it is confirmed."""
    ids = [each.id for each in record.legs]
    begins = record.rebooked_from_leg
    return begins in ids and ids.index(leg.id) >= ids.index(begins)


def _finish(leg: LegRecord) -> NextAction:
    """With the moment at which the ride would pass what its rider or the city allows."""
    if leg.end_by is None or leg.report is not None:
        return NextAction(action="finish", leg_id=leg.id)
    ceiling = leg.end_because == Kind.SPEND_CEILING
    because: Literal["spend_ceiling", "longest_ride"] = (
        "spend_ceiling" if ceiling else "longest_ride"
    )
    return NextAction(action="finish", leg_id=leg.id, before=leg.end_by, because=because)
