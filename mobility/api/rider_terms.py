"""What of the one who asks matters to an offer: passes, what was paid today, the terms met."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.day_cap import list_paid
from mobility.booking.day_ceiling import list_costs
from mobility.db import transaction
from mobility.identity.eligibility import meets
from mobility.identity.pass_states import kinds_on
from mobility.identity.passes import list_passes
from mobility.identity.tokens import RiderIdentity
from mobility.planning.day_ceiling import Ceilings, UnderCeiling, find_ceiling
from mobility.planning.offers import Lacks
from mobility.planning.paid_today import Paid, PaidToday, list_capped
from mobility.planning.request import PAST, check_instant
from mobility.wiring import Wiring
from payments.money import Money
from providers.values import Terms

_NOTHING: tuple[str, ...] = ()


class RiderTerms(NamedTuple):
    """What an offer's price and bookability depend on."""

    passes: frozenset[str]
    paid: Paid
    """Today, by tariffs that cap a rider's day."""
    lacks: Lacks
    unverified: bool = False
    """Whether a pass that was added, and not refused, does not count yet."""


async def of_rider(
    wiring: Wiring,
    rider: RiderIdentity | None,
    now: datetime,
    travels: datetime | date | None = None,
) -> RiderTerms:
    """What holds for who is signed in; of nobody, nothing is known to lack.

    Passes are those that hold on the day of ``travels``, today where it is not said.

    Raises:
        BadSearchError: it lies too far away to say anything about.
    """
    if rider is None:
        return RiderTerms(frozenset(), (), lambda _terms: _NOTHING)
    today = on = now.astimezone(wiring.city.timezone).date()
    if isinstance(travels, datetime):
        check_instant(travels, now)
        on = travels.astimezone(wiring.city.timezone).date()
    elif travels is not None:
        on = travels
    async with transaction(wiring.engine) as tx:
        added = await list_passes(tx, wiring.vault, rider.rider_id)
        person = await wiring.vault.get_person(tx, rider.rider_id)
        paid = await paid_today(tx, wiring, rider.rider_id, now)

    def lacks(terms: Terms) -> tuple[str, ...]:
        return meets(terms, person, today)

    unverified = any(
        item.holds_on(on) and not item.is_verified(now) and item.because is None for item in added
    )
    return RiderTerms(kinds_on(added, [on], now), paid, lacks, unverified)


def say_unverified(terms: RiderTerms) -> list[dict[str, object]]:
    """A notice where a pass does not count yet, in general words: to its holder alone, no kind."""
    if not terms.unverified:
        return []
    text = (
        "Eine hinterlegte Berechtigung ist noch nicht bestätigt und senkt hier keinen Preis. Was "
        "dazu fehlt, steht bei deinen Berechtigungen."
    )
    return [
        {
            "code": "pass_not_verified",
            "text": text,
            "at": None,
            "price": None,
            "url": None,
            "provider_id": None,
        }
    ]


async def paid_today(tx: AsyncConnection, wiring: Wiring, rider_id: str, now: datetime) -> Paid:
    """What a rider has paid today by each tariff that caps the day."""
    found = await list_paid(tx, rider_id, list_capped(wiring.city), now)
    return tuple(PaidToday(at.provider_id, at.plan, at.day, paid) for at, paid in found)


async def ceilings_of(wiring: Wiring, rider: RiderIdentity | None, now: datetime) -> Ceilings:
    """What the days of who is signed in have cost under the city's ceilings of a day."""
    if rider is None or not wiring.city.day_ceilings:
        return ()
    currency = wiring.city.currency
    found = []
    async with transaction(wiring.engine) as tx:
        for ceiling in wiring.city.day_ceilings:
            since = (now - PAST).astimezone(ZoneInfo(ceiling.day_zone)).date()
            costs = await list_costs(tx, ceiling, rider.rider_id, since, currency)
            found.append(UnderCeiling(ceiling, Money.of_major(ceiling.amount, currency), costs))
    return tuple(found)


def say_ceiling(ceilings: Ceilings, at: datetime) -> list[dict[str, object]]:
    """A notice of what a further trip of that moment's day costs a rider at most.

    As ``journey_view.notice_out`` writes one; its price is there also when it is nothing.
    """
    found = find_ceiling(ceilings, at)
    if found is None:
        return []
    under, day = found
    left = under.left_on(day)
    made_up = " (zur Vorführung erfunden)" if under.ceiling.synthetic else ""
    most_said, left_said = (f"{m.minor // 100},{m.minor % 100:02d} €" for m in (under.most, left))
    return [
        {
            "code": "day_ceiling",
            "text": f"{under.ceiling.title}{made_up}: am {day:%d.%m.} zusammen höchstens "
            f"{most_said}. Eine weitere Fahrt kostet davon höchstens {left_said}; was darüber "
            "abgebucht wird, wird nach der Fahrt erstattet.",
            "at": None,
            "price": {"amount": left.minor, "currency": left.currency},
            "url": None,
            "provider_id": None,
        }
    ]
