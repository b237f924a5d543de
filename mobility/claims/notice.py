"""Which guarantees of carriers a booked trip has come to, by what the feeds say of its rides. Pure.

Only what is certain when it is said counts: a message that is made before the guarantee's time has
passed tells a forecast. Whose fault it was no feed says: the carrier decides that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gtfs.realtime_live import Live
from mobility.cities.city import City
from mobility.cities.facts import Guarantee
from mobility.claims.seen import SeenEnd, SeenRide, find_seen, within_hours
from mobility.planning.offer import TripCalls
from payments.money import Money
from providers.bus.fare_items import reprice_ticket
from providers.bus.fares import FareUnknownError, parse_product

_SATURDAY = 5
_WEEKS_AROUND = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class BookedRide:
    """A ride on a line, as it was booked."""

    booking_id: str
    leg_id: str
    provider_id: str
    agency_id: str
    trip: TripCalls
    departs_at: datetime
    arrives_at: datetime
    passengers: int
    price: Money
    product: str
    tariff_version: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen, and when the feed said it."""

    said_at: datetime
    trip_id: str
    service_day: date
    stop_id: str
    stop_name: str
    planned_at: datetime
    live_at: datetime
    delay_seconds: int
    missed_departure_at: datetime | None = None
    """When the vehicle that was missed left."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A guarantee that may apply to a ride. ``amount`` is None until a receipt tells it."""

    ride: BookedRide
    guarantee: Guarantee
    amount: Money | None
    most: Money | None
    """The most that it gives; None where that is not known."""
    file_by: datetime | None
    """Until when it can be filed, not included; None where no deadline is known."""
    evidence: Evidence


def notice(
    rides: Sequence[BookedRide], live: Live, said_at: datetime, city: City
) -> tuple[Noticed, ...]:
    """What one booking's rides, in order, have come to by a message made at ``said_at``."""
    seen = [find_seen(live, ride.trip, ride.departs_at) for ride in rides]
    found = []
    for index, (ride, run) in enumerate(zip(rides, seen, strict=True)):
        if run is None:
            continue
        for guarantee in city.guarantees:
            on = run.departure.planned_at.astimezone(city.timezone).date()
            if ride.agency_id not in guarantee.agency_ids or not guarantee.holds_on(on):
                continue
            evidence = None
            if guarantee.kind == "missed_connection":
                if index + 1 < len(rides):
                    after = (rides[index + 1], seen[index + 1])
                    evidence = _missed(guarantee, run, ride, *after, live, said_at)
            else:
                evidence = _late(guarantee, run, ride, live, said_at)
            if evidence is not None:
                found.append(_noticed(ride, guarantee, evidence, city))
    return tuple(found)


def _late(
    guarantee: Guarantee, run: SeenRide, ride: BookedRide, live: Live, said_at: datetime
) -> Evidence | None:
    """At the stop where one gets off, or (a wait at the landing) where one gets on."""
    ends = {"late_arrival": run.arrival, "long_wait": run.departure}
    end = ends.get(guarantee.kind)
    if end is None or (guarantee.kind == "long_wait" and not ride.price):
        return None  # a wait counts with a ticket of the ferry's own tariff alone
    threshold = timedelta(minutes=guarantee.threshold_minutes)
    certain = said_at > end.planned_at + threshold
    if end.late <= threshold or not certain or not _in_hours(guarantee, run, end.planned_at, live):
        return None
    return _evidence(run, end, said_at)


def _missed(
    guarantee: Guarantee,
    run: SeenRide,
    ride: BookedRide,
    following: BookedRide,
    following_run: SeenRide | None,
    live: Live,
    said_at: datetime,
) -> Evidence | None:
    """Too late at the stop of the next ride, which has left; as planned where nothing is said."""
    if following.agency_id not in guarantee.agency_ids:
        return None
    change = following.departs_at - ride.arrives_at
    if following_run is not None:
        planned, leaves = following_run.departure.planned_at, following_run.departure.live_at
    else:
        planned = leaves = following.departs_at
    late = run.arrival.live_at > leaves and run.arrival.late > timedelta(0) < change
    certain = said_at > leaves
    if not late or not certain or not _in_hours(guarantee, run, planned, live):
        return None
    return _evidence(run, run.arrival, said_at, missed=leaves)


def _in_hours(guarantee: Guarantee, run: SeenRide, at: datetime, live: Live) -> bool:
    clock = run.clock_s(at, live.static)
    return within_hours(clock, _seconds(guarantee.hours_from), _seconds(guarantee.hours_to))


def _seconds(clock: time | None) -> int | None:
    return None if clock is None else clock.hour * 3600 + clock.minute * 60 + clock.second


def _evidence(
    run: SeenRide, end: SeenEnd, said_at: datetime, missed: datetime | None = None
) -> Evidence:
    return Evidence(
        said_at.astimezone(UTC),
        run.trip_id,
        run.service_day,
        end.stop_id,
        end.stop_name,
        end.planned_at,
        end.live_at,
        int(end.late.total_seconds()),
        missed,
    )


def _noticed(ride: BookedRide, guarantee: Guarantee, evidence: Evidence, city: City) -> Noticed:
    amount = most = None
    if guarantee.benefit == "single_ticket":
        amount = most = _ticket(ride, city)
    elif guarantee.amount is not None:
        most = Money.of_major(guarantee.amount, city.currency)
        if guarantee.benefit == "amount":
            amount = most = most.times(_with_own_ticket(ride))
    file_by = None
    if guarantee.claim_working_days is not None:
        on = evidence.planned_at.astimezone(city.timezone).date()
        last = last_day(on, guarantee.claim_working_days, city)
        file_by = datetime.combine(last + timedelta(days=1), time(0), city.timezone)
    return Noticed(ride, guarantee, amount, most, file_by, evidence)


def _with_own_ticket(ride: BookedRide) -> int:
    """How many of the passengers count for a wait: those who ride on no pass (``_late``)."""
    try:
        return max(ride.passengers - parse_product(ride.product).free, 1)
    except FareUnknownError:
        return ride.passengers


def _ticket(ride: BookedRide, city: City) -> Money | None:
    """What a single ticket for the ride costs, by the list it was sold by, pass or not."""
    try:
        wanted = parse_product(ride.product)
        single = str(wanted._replace(free=0, covered_by=None, of=None))
        table = city.get_fares(ride.provider_id)
        return reprice_ticket(table, ride.tariff_version, single, ride.passengers).price
    except (FareUnknownError, KeyError):
        return None


def last_day(event: date, working_days: int, city: City) -> date:
    """The n-th working day (Monday to Friday, no public holiday) after the day of the event."""
    holidays = city.public_holidays(event, event + _WEEKS_AROUND)
    day, left = event, working_days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY and day not in holidays
    return day
