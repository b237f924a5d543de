"""What of the one who asks matters to an offer: passes, what was paid today, the terms met."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.day_cap import list_paid
from mobility.booking.day_ceiling import find_reached
from mobility.db import transaction
from mobility.identity.eligibility import meets
from mobility.identity.pass_states import kinds_on
from mobility.identity.passes import list_passes
from mobility.identity.tokens import RiderIdentity
from mobility.planning.offers import Lacks
from mobility.planning.paid_today import Paid, PaidToday, list_capped
from mobility.planning.request import check_instant
from mobility.wiring import Wiring
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
