"""Whether a booked trip can still be made as booked, by what feeds and its rider say of it. Pure.

A forecast counts here, unlike for a claim: who waits until it is certain has missed the next bus.
What no feed speaks of is taken to run as planned. Of the rider we know what she reports of a leg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gtfs.geo import LatLon
from gtfs.realtime_live import Live
from mobility.booking.leg_reports import Kind
from mobility.booking.queries import LegRecord
from mobility.booking.riding import find_kept_until
from mobility.booking.trip import GONE, LegState
from mobility.claims.seen import SeenRide, does_not_run, find_seen

UNUSABLE = (Kind.VEHICLE_MISSING, Kind.VEHICLE_BROKEN, Kind.WHEELCHAIR_REFUSED)
GOES_ON_WITHIN = timedelta(hours=1)
"""After her report a rider is taken to be looking for another way for so long."""


class Because(StrEnum):
    """Why a leg cannot be used."""

    CANCELLED = "cancelled"
    """Its run does not run, or does not call where one gets on or off."""
    MISSED = "missed"
    """The ride before comes too late for it, or it leaves earlier than booked."""
    REPORTED = "reported"
    """Its rider could not use it: broken, not there, or no room for a wheelchair."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is wrong with a trip, and from where on another way is looked for."""

    because: Because
    leg_id: str
    """The leg that cannot be used."""
    late_seconds: int
    """How much later the ride before arrives than planned; zero where none does."""
    first_leg_id: str
    """From this leg on nothing is ridden as booked."""
    origin: LatLon
    origin_name: str
    destination: LatLon
    at: datetime
    """When the rider can be there at the earliest."""
    reported: tuple[str, ...] = ()
    """All legs from there on that she could not use, where she says so and no carrier."""


def find_disturbance(legs: Sequence[LegRecord], live: Live, now: datetime) -> Disturbance | None:
    """The first leg, in the order of travel, that is cancelled or will be missed; None if none is.

    Nothing of a leg once the rider is aboard it, or one after it.
    """
    for index, leg in enumerate(legs):
        went_on = any(_is_aboard(each, live) for each in legs[index:] if each.provider_id)
        if not _waits(leg) or went_on:
            continue
        before = _before(legs, index)
        late = timedelta() if before is None else _late(legs[before], live)
        first = _first_to_give_up(legs, index, live, now)
        if _is_cancelled(leg, live):
            return _describe(legs, index, first, Because.CANCELLED, late, live, now)
        if before is not None and _is_missed(legs, before, index, live):
            return _describe(legs, index, first, Because.MISSED, late, live, now)
    return None


def find_reported(legs: Sequence[LegRecord], now: datetime) -> Disturbance | None:
    """The first leg that its rider could not use and pays nothing for; None if there is none.

    Nothing once she has gone on, or an hour after she said so. A ticket that has become valid may
    carry her on: by her word alone it is not given back any more.
    """
    for index, leg in enumerate(legs):
        went_on = any(_may_carry(each, now) for each in legs[index + 1 :] if each.provider_id)
        start, last = leg.detail, legs[-1].detail
        if start is None or last is None or went_on or not _was_unusable(leg, now):
            continue
        if start.origin == start.destination:  # a vehicle on the street, bound nowhere
            continue
        return Disturbance(
            because=Because.REPORTED,
            leg_id=leg.id,
            late_seconds=0,
            first_leg_id=leg.id,
            origin=start.origin,
            origin_name=start.origin_name,
            destination=last.destination,
            at=now,
            reported=tuple(each.id for each in legs[index:] if _was_unusable(each, now)),
        )
    return None


def _may_carry(leg: LegRecord, now: datetime) -> bool:
    if leg.metered:
        return leg.state in (LegState.ACTIVE, LegState.ENDED)
    valid = leg.state in (LegState.CONFIRMED, LegState.ACTIVE) and now >= leg.departs_at
    return valid or leg.state == LegState.ENDED


def _was_unusable(leg: LegRecord, now: datetime) -> bool:
    report = leg.report
    return (
        report is not None
        and report.kind in UNUSABLE
        and report.believed
        and report.outcome.costs_nothing
        and leg.state in (LegState.CANCELLED, LegState.ENDED)
        and now < report.reported_at + GOES_ON_WITHIN
    )


def _waits(leg: LegRecord) -> bool:
    """Still to be ridden, as far as is known: that a ticket was begun says nothing yet."""
    begun = leg.state == LegState.ACTIVE and not leg.metered
    return (
        leg.provider_id is not None
        and (begun or leg.state == LegState.CONFIRMED)
        and leg.report is None
        and leg.detail is not None
    )


def _is_aboard(leg: LegRecord, live: Live) -> bool:
    """Whether its rider is, or was: a ticket that she began before its vehicle left says nothing.

    She may have begun all of them at home. What does not run, or not there, never leaves.
    """
    if leg.metered or leg.state != LegState.ACTIVE:
        return leg.state in (LegState.ACTIVE, LegState.ENDED)
    if leg.started_at is None or _is_cancelled(leg, live):
        return False
    seen = _seen(leg, live)
    return leg.started_at >= (leg.departs_at if seen is None else seen.departure.live_at)


def _before(legs: Sequence[LegRecord], index: int) -> int | None:
    """The leg before that a provider carries out; None where the trip begins, or it is unknown."""
    found = next((i for i in range(index - 1, -1, -1) if legs[i].provider_id), None)
    if found is None or legs[found].state in GONE or legs[found].report is not None:
        return None
    return found


def _first_to_give_up(legs: Sequence[LegRecord], unusable: int, live: Live, now: datetime) -> int:
    """Where what can still be given back begins: the leg itself, or one before it.

    A ride goes with the one that it goes on from. Once its ticket is valid its rider is taken to be
    aboard, and keeps it.
    """
    found = unusable
    index = _before(legs, unusable)
    while index is not None:
        while _stays(legs[index]) and index > 0:
            index -= 1
        before = legs[index]
        if not _waits(before) or now >= before.departs_at or _is_aboard(before, live):
            break
        found, index = index, _before(legs, index)
    return found


def _stays(leg: LegRecord) -> bool:
    return (
        leg.detail is not None and leg.detail.fare_ride is not None and leg.detail.fare_ride.stays
    )


def _is_cancelled(leg: LegRecord, live: Live) -> bool:
    trip = leg.detail.trip if leg.detail else None
    return trip is not None and does_not_run(live, trip, leg.departs_at)


def _seen(leg: LegRecord, live: Live) -> SeenRide | None:
    trip = leg.detail.trip if leg.detail else None
    return None if trip is None else find_seen(live, trip, leg.departs_at)


def _late(leg: LegRecord, live: Live) -> timedelta:
    """How much later it arrives than booked, which may have been when it was late already."""
    seen = _seen(leg, live)
    return timedelta() if seen is None else max(seen.arrival.live_at - leg.arrives_at, timedelta())


def _is_missed(legs: Sequence[LegRecord], before: int, index: int, live: Live) -> bool:
    """Whether the rider comes to a leg after its vehicle has left, or is no longer kept for her."""
    late, leg = _late(legs[before], live), legs[index]
    if _stays(leg):
        return False
    there = legs[before].arrives_at + late + _change(legs, before, index, live)
    if leg.metered:
        return there >= find_kept_until(leg.departs_at, leg.kept_until)
    seen = _seen(leg, live)
    return there > (leg.departs_at if seen is None else seen.departure.live_at)


def _change(legs: Sequence[LegRecord], before: int, index: int, live: Live) -> timedelta:
    """How long it takes from one leg to the next: the walk between, or the stop's change time."""
    walks = [walk.arrives_at - walk.departs_at for walk in legs[before + 1 : index]]
    planned = legs[index].departs_at - legs[before].arrives_at
    seen = _seen(legs[before], live)
    if walks or seen is None or legs[index].metered:
        return min(sum(walks, timedelta()), planned)
    stop = live.static.stop_index[seen.arrival.stop_id]
    least = timedelta(seconds=int(live.static.stop_table.change_s[stop]))
    return min(least, planned)


def _describe(
    legs: Sequence[LegRecord],
    index: int,
    first: int,
    because: Because,
    late: timedelta,
    live: Live,
    now: datetime,
) -> Disturbance | None:
    """With the place where the ride before ends, or where the first leg given up begins.

    From where the whole trip begins before it does, if only a walk comes first.
    """
    start, last = legs[first].detail, legs[-1].detail
    if start is None or last is None:
        return None
    origin, name = start.origin, start.origin_name
    walked = legs[first - 1] if first else None
    at = legs[first].departs_at if walked is None else walked.arrives_at
    to_come = now < legs[0].departs_at and not any(leg.provider_id for leg in legs[:first])
    if to_come and legs[0].detail is not None:
        origin, name = legs[0].detail.origin, legs[0].detail.origin_name
        at = legs[0].departs_at
    before = _before(legs, first)
    came_by = None if before is None else legs[before].detail
    if before is not None and came_by is not None:
        origin, name = came_by.destination, came_by.destination_name
        at = legs[before].arrives_at + _late(legs[before], live)
    return Disturbance(
        because=because,
        leg_id=legs[index].id,
        late_seconds=int(late.total_seconds()),
        first_leg_id=legs[first].id,
        origin=origin,
        origin_name=name,
        destination=last.destination,
        at=max(at, now),
    )
