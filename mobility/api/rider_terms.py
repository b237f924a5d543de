"""What of the one who asks matters to an offer: passes, what was paid today, the terms met."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.day_cap import list_paid
from mobility.booking.day_ceiling import find_reached
from mobility.db import transaction
from mobility.identity.eligibility import meets
from mobility.identity.passes import held_passes
from mobility.identity.tokens import RiderIdentity
from mobility.planning.offers import Lacks
from mobility.planning.paid_today import Paid, PaidToday, list_capped
from mobility.wiring import Wiring
from providers.values import Terms

_NOTHING: tuple[str, ...] = ()


class RiderTerms(NamedTuple):
    """What an offer's price and bookability depend on."""

    passes: frozenset[str]
    paid: Paid
    """Today, by tariffs that cap a rider's day."""
    lacks: Lacks


async def of_rider(wiring: Wiring, rider: RiderIdentity | None, now: datetime) -> RiderTerms:
    """What holds for who is signed in; of nobody, nothing is known to lack."""
    if rider is None:
        return RiderTerms(frozenset(), (), lambda _terms: _NOTHING)
    today = now.astimezone(wiring.city.timezone).date()
    async with transaction(wiring.engine) as tx:
        passes = await held_passes(tx, wiring.vault, rider.rider_id, today)
        person = await wiring.vault.get_person(tx, rider.rider_id)
        paid = await paid_today(tx, wiring, rider.rider_id, now)

    def lacks(terms: Terms) -> tuple[str, ...]:
        return meets(terms, person, today)

    return RiderTerms(passes, paid, lacks)


async def paid_today(tx: AsyncConnection, wiring: Wiring, rider_id: str, now: datetime) -> Paid:
    """What a rider has paid today by each tariff that caps the day."""
    found = await list_paid(tx, rider_id, list_capped(wiring.city), now)
    return tuple(PaidToday(at.provider_id, at.plan, at.day, paid) for at, paid in found)


async def say_ceiling(
    wiring: Wiring, rider: RiderIdentity | None, at: datetime
) -> dict[str, object] | None:
    """A notice of what a further trip of that day costs a rider at most; None without a ceiling.

    As ``journey_view.notice_out`` writes one; its price is there also when it is nothing.
    """
    ceilings = wiring.city.day_ceilings
    if rider is None or not ceilings:
        return None
    currency = wiring.city.currency
    async with transaction(wiring.engine) as tx:
        reached = await find_reached(tx, ceilings, rider.rider_id, at, currency)
    if reached is None:
        return None
    made_up = " (zur Vorführung erfunden)" if reached.ceiling.synthetic else ""
    most, left = (f"{m.minor // 100},{m.minor % 100:02d} €" for m in (reached.most, reached.left))
    return {
        "code": "day_ceiling",
        "text": f"{reached.ceiling.title}{made_up}: an diesem Tag zusammen höchstens {most}. Eine "
        f"weitere Fahrt kostet davon höchstens {left}; was darüber abgebucht wird, wird nach der "
        "Fahrt erstattet.",
        "at": None,
        "price": {"amount": reached.left.minor, "currency": currency},
        "url": None,
        "provider_id": None,
    }
