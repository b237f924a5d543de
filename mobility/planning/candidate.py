"""A way that a search found, as far as choosing among ways needs it: numbers, no legs yet."""

from __future__ import annotations

from typing import Any, NamedTuple

from mobility.planning.itinerary import RENTAL, Itinerary, Reason
from providers.bus.fare_rules import UNKNOWN_CENTS
from providers.values import Mode

_BUS = Mode.BUS


class Candidate(NamedTuple):
    """From door to door; times are POSIX seconds, the price is in minor units."""

    departs: int
    arrives: int
    transfers: int
    cents: int
    co2_grams: int
    kind: tuple[Mode, ...]
    """The modes in order, walks and repetitions left out, a ferry as a bus; ``(walk,)`` if none."""
    walk_seconds: int
    key: object
    """Equal keys are the same journey."""
    found: Any = None
    """What its finder makes legs of."""
    reasons: tuple[Reason, ...] = ()
    has_transit: bool = False
    has_rental: bool = False
    longest_wait: int = 0
    """Seconds between two legs."""

    @property
    def seconds(self) -> int:
        """From door to door."""
        return self.arrives - self.departs


def candidate(
    *,
    departs: int,
    arrives: int,
    transfers: int,
    cents: int,
    co2_grams: int,
    kind: tuple[Mode, ...],
    walk_seconds: int = 0,
    key: object = None,
    found: Any = None,
    reasons: tuple[Reason, ...] = (),
    longest_wait: int = 0,
) -> Candidate:
    """A candidate with what follows from its kind."""
    return Candidate(
        departs,
        arrives,
        transfers,
        cents,
        co2_grams,
        kind,
        walk_seconds,
        (kind, departs, arrives, transfers, cents, co2_grams) if key is None else key,
        found,
        reasons,
        has_transit=_BUS in kind,
        has_rental=not RENTAL.isdisjoint(kind),
        longest_wait=longest_wait,
    )


def cents_of(way: Itinerary) -> int:
    """What a finished way costs in the end; with a ride unsold, or of unknown fare, much."""
    if any(leg.unsold for leg in way.legs):
        return UNKNOWN_CENTS
    return (way.price if way.after_ceiling is None else way.after_ceiling).minor
