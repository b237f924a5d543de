"""What a leg of a trip that is over cost its rider, and what of it goes back, whoever bears that.

Staff grants (``goodwill``) and a carrier guarantees (``claims``) independently of each other; both
ask here, holding the booking locked, so that a price goes back once.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.covered import list_covered
from mobility.booking.trip import Trip, TripLeg
from mobility.claims.states import ClaimState
from mobility.tables import claim, leg
from payments.money import Money

ACCEPTED = (ClaimState.ACCEPTED, ClaimState.PAID)


@dataclass(frozen=True, slots=True)
class LegPrice:
    """The price of a leg's ticket or ride, and what of it goes back."""

    cost: Money
    granted: Money
    """By staff, in all."""
    guaranteed: Money
    """By a carrier, for a late arrival on this ticket; it may be more than ``cost``."""

    @property
    def left(self) -> Money:
        """What of it stays with the rider to pay, never below zero."""
        return max(self.cost - self.granted - self.guaranteed, Money.zero(self.cost.currency))

    @property
    def granted_whole(self) -> bool:
        """Whether staff granted all of it; not where it was free."""
        return bool(self.cost) and self.granted >= self.cost


async def get_leg_price(tx: AsyncConnection, trip: Trip, one: TripLeg) -> LegPrice:
    """The price of a leg of its own: nothing where another one's ticket covers it.

    Nothing of it changes before the transaction ends if that holds the booking locked.
    """
    granted = select(leg.c.goodwill_minor).where(leg.c.booking_id == trip.id, leg.c.id == one.id)
    on_ticket = [one.id, *(each.id for each in list_covered(trip.tickets, one.id))]
    guaranteed = select(func.coalesce(func.sum(claim.c.amount_minor), 0)).where(
        claim.c.booking_id == trip.id,
        claim.c.leg_id.in_(on_ticket),
        claim.c.state.in_(ACCEPTED),
        claim.c.guarantee["kind"].as_string() == "late_arrival",
    )
    currency = trip.price.currency
    return LegPrice(
        one.quoted if one.final is None else one.final,
        Money((await tx.execute(granted)).scalar_one(), currency),
        Money(int((await tx.execute(guaranteed)).scalar_one()), currency),
    )
