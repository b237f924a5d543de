"""One rider who books and rides, deed by deed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mobility.booking.cancel import ask_to_cancel
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import LegState
from mobility.planning.offer import Offer
from tests.simulation.crowd import Crowd
from tests.simulation.offers import bike_and_bus, bike_ride, two_buses
from tests.simulation.story import give_back

OFFERS: dict[str, Callable[[datetime], Offer]] = {
    "books bike and bus": bike_and_bus,
    "books a bike": bike_ride,
    "books two buses": two_buses,
}


class Rider(Crowd):
    """One rider, and her booking."""

    async def do(self, deed: str) -> None:
        """One deed, and what follows of it within twenty seconds."""
        verb, _, number = deed.rpartition(" ")
        cancel = lambda tx, id_, _leg, now: ask_to_cancel(tx, id_, now)  # noqa: E731
        asks = {"cancels": (None, cancel), "is given all back": (None, give_back)} | {
            "unlocks": (LegState.CONFIRMED, ask_to_start),
            "locks": (LegState.ACTIVE, ask_to_finish),
        }
        if deed in OFFERS:
            await self.books(OFFERS[deed](self.clock.now))
        elif deed in asks:
            await self._someone(*asks[deed], deed)
        elif verb == "rides":
            await self.clock.pass_time(timedelta(minutes=int(number)))
        else:
            await self.work(timedelta(minutes=int(number)))
        await self.work(timedelta(seconds=20))

    async def books(self, offer: Offer) -> None:
        """An offer of hers, and what follows of it within twenty seconds."""
        await self.alive(
            lambda process: self._book(process, "rdr_anna", "pm_card_visa", offer, None)
        )
        await self.work(timedelta(seconds=20))

    async def ending(self) -> list[str]:
        """What became of the booking, with what the processor took for it and gave back."""
        net = sum(each["amount_received"] for each in await self.outside.intents())
        net -= sum(each["amount"] for each in await self.outside.refunds())
        return [f"{trip.state}, {net} ct" for trip in await self.trips()]
