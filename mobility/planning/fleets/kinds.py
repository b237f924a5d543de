"""The kinds of vehicle that a city's providers rent out, with what a ride on one costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mobility.cities.city import City
from mobility.planning.ways.reach import StreetWays
from providers.price_table import PriceTable
from providers.values import Mode, PricingPlan, ProviderId, ReturnRule, VehicleType

UNLOCK_SECONDS = 60
LOCK_SECONDS = 60
RIDE_SECONDS = 5400
"""The longest ride on a rented vehicle that is considered, unlocking and locking left out."""
FREE_ENDS = frozenset({ReturnRule.FREE_FLOATING, ReturnRule.HYBRID})
STATION_ENDS = frozenset({ReturnRule.ANY_STATION, ReturnRule.HYBRID})
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One vehicle type of one provider. ``mg_per_m``: milligrams CO2 equivalent a metre."""

    provider_id: ProviderId
    type: VehicleType
    plan: PricingPlan
    mg_per_m: int
    metres: Ints
    """Metres by seconds in motion, to ``RIDE_SECONDS``."""

    @property
    def mode(self) -> Mode:
        """What it is ridden as."""
        return self.type.mode

    @property
    def longest_m(self) -> int:
        """As far as a ride can go; no range beyond it matters."""
        return int(self.metres[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Rides:
    """What rides of some seconds in motion take and cost, one column a ride."""

    seconds: Ints
    """Unlocking and locking included."""
    metres: Ints
    cents: Ints
    mg: Ints

    @classmethod
    def of(cls, kinds: tuple[Kind, ...], number: Ints | int, moving_s: Ints, held_s: Ints) -> Rides:
        """Rides of 0 to ``RIDE_SECONDS`` in motion, each on the kind of its ``number``.

        ``held_s``: the seconds by which limits of speed lengthen each.
        """
        by_kind = rows_of(kinds)
        seconds = moving_s + held_s + np.int32(UNLOCK_SECONDS + LOCK_SECONDS)
        metres = by_kind.metres[number, moving_s]
        minutes = -(-seconds.astype(np.int64) // 60)
        cents = by_kind.prices.cents(number, minutes, metres.astype(np.int64))
        return cls(seconds, metres, cents.astype(np.int32), metres * by_kind.mg_per_m[number])


class Rows(NamedTuple):
    """What rides take and cost, a row a kind."""

    metres: Ints
    prices: PriceTable
    mg_per_m: Ints


@lru_cache(maxsize=8)
def rows_of(kinds: tuple[Kind, ...]) -> Rows:
    """Worked out once."""
    return Rows(
        np.stack([kind.metres for kind in kinds]),
        PriceTable([kind.plan for kind in kinds]),
        np.array([kind.mg_per_m for kind in kinds], np.int32),
    )


def list_kinds(city: City, streets: StreetWays) -> tuple[Kind, ...]:
    """All kinds that can be rented one way; a vehicle that must come back where it was cannot.

    A kind whose plan is not published, or whose mode has no streets here, is left out.
    """
    metres = {
        mode: np.array([streets.metres(mode, s) for s in range(RIDE_SECONDS + 1)], np.int32)
        for mode in streets.modes()
    }
    kinds = []
    for stanza in city.providers:
        plans = {plan.id: plan for plan in stanza.pricing_plans()}
        for kind in stanza.vehicle_types():
            plan = plans.get(kind.pricing_plan_id)
            if kind.return_rule not in FREE_ENDS | STATION_ENDS or kind.mode not in metres:
                continue
            if plan is None:
                continue
            grams = city.emissions.find_grams_per_km(kind.mode, electric=kind.electric)
            kinds.append(Kind(stanza.provider_id, kind, plan, grams or 0, metres[kind.mode]))
    return tuple(kinds)
