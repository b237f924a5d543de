"""What a rider has paid today under tariffs that cap the day: it lowers what the next ride adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from gtfs.front import DoorEdges, RentalEdges
from mobility.cities.city import City
from mobility.planning.errors import BadSearchError
from mobility.planning.fleets.kinds import Kind
from payments.money import Money
from providers import tariff
from providers.values import PricingPlan, ProviderId

STARTS_WITHIN = timedelta(minutes=30)
"""How long after its planned departure a rented ride begins at the latest.

A vehicle that nobody unlocks is given back before that. A ride that might begin after midnight is
quoted as the first of its day: an offer never promises what settlement would not give.
"""
_NO_LIMIT = 1 << 28
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PaidToday:
    """What was paid by one plan for rides begun on one day."""

    provider_id: ProviderId
    plan: PricingPlan
    day: date
    amount: Money

    def holds(self, first: datetime, last: datetime) -> bool:
        """Whether whatever begins between two moments is of that day."""
        return all(tariff.capped_day(self.plan, at) == self.day for at in (first, last))


Paid = tuple[PaidToday, ...]


def find_paid(
    paid: Paid, provider_id: ProviderId, plan_id: str, departs_at: datetime
) -> Money | None:
    """What counts for a ride planned to depart then; None where nothing does."""
    for one in paid:
        same = (one.provider_id, one.plan.id) == (provider_id, plan_id)
        if same and one.holds(departs_at, departs_at + STARTS_WITHIN):
            return one.amount
    return None


def plus(paid: Paid, provider_id: ProviderId, plan_id: str, amount: Money) -> Paid:
    """The same once another ride under the cap is paid for."""
    return tuple(
        replace(one, amount=one.amount + amount)
        if (one.provider_id, one.plan.id) == (provider_id, plan_id)
        else one
        for one in paid
    )


def list_capped(city: City) -> list[tuple[ProviderId, PricingPlan]]:
    """The plans on sale that cap a rider's day."""
    return [
        (stanza.provider_id, plan)
        for stanza in city.providers
        for plan in {plan.id: plan for plan in stanza.pricing_plans()}.values()
        if plan.day_zone is not None
    ]


def read_paid(city: City, said: Sequence[tuple[str, str, int]], now: datetime) -> Paid:
    """What a search says was paid today: provider, tariff version, minor units.

    Raises:
        BadSearchError: no tariff of that name caps a rider's day here.
    """
    plans = {
        (provider_id, tariff.version_of(plan)): plan for provider_id, plan in list_capped(city)
    }
    paid = []
    for provider_id, version, minor in said:
        provider = ProviderId(provider_id)
        plan = plans.get((provider, version))
        day = None if plan is None else tariff.capped_day(plan, now)
        if plan is None or day is None:
            raise BadSearchError(
                f"paid_today: {provider_id} has no tariff {version} on sale that caps the day"
            )
        paid.append(PaidToday(provider, plan, day, Money(minor, plan.currency)))
    return tuple(paid)


class Left:
    """What the caps leave of each kind of vehicle, in cents, for rides between two moments."""

    def __init__(self, paid: Paid, kinds: Sequence[Kind], first: datetime, last: datetime) -> None:
        """Take the moments between which rides depart; where midnight lies between, no cap."""
        counts = [one for one in paid if one.holds(first, last + STARTS_WITHIN)]
        self._left = np.array([_left_of(kind, counts) for kind in kinds], np.int32)
        self._any = bool(counts)

    def rentals(self, edges: RentalEdges) -> RentalEdges:
        """The edges with what each ride adds to the day's bill."""
        if not self._any:
            return edges
        kind, cents = edges.given.columns[2], edges.given.columns[4]
        return edges.with_cents(np.minimum(cents, self._left[kind]))

    def doors(self, edges: DoorEdges) -> DoorEdges:
        """The same of the rides to the goal's own door."""
        if not self._any:
            return edges
        return edges.costing(np.minimum(edges.rows[:, 3], self._left[edges.rows[:, 1]]))


def _left_of(kind: Kind, paid: Sequence[PaidToday]) -> int:
    for one in paid:
        if (one.provider_id, one.plan.id) == (kind.provider_id, kind.type.pricing_plan_id):
            return max(int((one.plan.day_cap or 0) * 100) - one.amount.minor, 0)
    return _NO_LIMIT
