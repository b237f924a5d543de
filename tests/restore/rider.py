"""One rider who books and rides, deed by deed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from mobility.booking.book import BookingRequest
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.errors import WrongStateError
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import LegState
from mobility.planning.offer import InPlaceOf, Offer
from payments.money import Money
from tests.simulation.crowd import Crowd
from tests.simulation.debtors import is_debit, save_account, tell_bank
from tests.simulation.offers import bike_and_bus, bike_ride, dearer_bus, two_buses
from tests.simulation.onward import Way, go_on, list_going
from tests.simulation.riders import book
from tests.simulation.story import give_back
from tests.simulation.world import Process

CAPPED = "books a bike up to what is held"
RIDER = "rdr_anna"
OFFERS: dict[str, Callable[[datetime], Offer]] = {
    "books bike and bus": bike_and_bus,
    "books a bike": bike_ride,
    "books two buses": two_buses,
}


ACCOUNTS = {"debits": "pm_success_de", "vain": "pm_insufficientFunds_de"}
DECISIONS = {"the debit comes": "succeed", "the debit is returned": "return"}
LATER = {CAPPED, "pays by card", "debits", "debits in vain", *DECISIONS}
WAYS: dict[str, Callable[[datetime], Offer]] = {"bike": bike_ride, "bus": dearer_bus}


class Rider(Crowd):
    """One rider, and her booking."""

    capped = 1
    disputed = willful = by_day = guaranteed = 0

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
        elif verb in ("goes on by", "debits") or deed in LATER:
            await self._do_later(deed)
        elif verb == "rides":
            await self.clock.pass_time(timedelta(minutes=int(number)))
        else:
            await self.work(timedelta(minutes=int(number)))
        await self.work(timedelta(seconds=20))

    async def books(self, offer: Offer, ceiling: Money | None = None) -> None:
        """An offer of hers, and what follows of it within twenty seconds."""
        request = BookingRequest(RIDER, offer, "pm_card_visa", ceiling, lambda _terms: ())
        await self.alive(partial(book, self, request=request))
        await self.work(timedelta(seconds=20))

    async def _do_later(self, deed: str) -> None:
        """What she does of a ride that cannot be made, or that is not paid."""
        what = deed.rpartition(" ")[2]
        if deed.startswith("goes on by"):
            await self._goes_on(WAYS[what](self.clock.now))
        elif deed == CAPPED:
            offer = bike_ride(self.clock.now)
            await self.books(offer, offer.ceiling)
        elif deed == "pays by card":
            await self.alive(lambda each: self._pay(each, RIDER, "pm_card_visa", by_debit=False))
        elif deed.startswith("debits"):
            await self.alive(lambda each: self._debit(each, ACCOUNTS[what]))
        else:
            (debit,) = [each for each in await self.outside.intents() if is_debit(each)][:1]
            await tell_bank(self.outside, debit["id"], DECISIONS[deed])
            await self.alive(lambda each: each.reconcile(self.clock.now))

    async def _debit(self, process: Process, token: str) -> None:
        account = await save_account(process, RIDER, self.outside, token)
        await self._pay(process, RIDER, account, by_debit=True)

    async def _goes_on(self, offer: Offer) -> None:
        """In place of her last ride, which does not come."""
        going = [trip for trip in await self.trips() if list_going(trip)]
        if not going:
            return
        meant = InPlaceOf(going[-1].id, list_going(going[-1])[-1])
        offer = replace(offer, id=f"off_on_{len(await self.trips())}", in_place_of=meant)
        with suppress(WrongStateError):
            await self.alive(lambda each: go_on(self, each, Way(offer, "pm_card_visa")))

    async def ending(self) -> list[str]:
        """What became of the booking, with what the processor took for it and gave back."""
        net = sum(each["amount_received"] for each in await self.outside.intents())
        net -= sum(each["amount"] for each in await self.outside.refunds())
        net -= sum(each["amount"] for each in await self.outside.disputes())
        return [f"{trip.state}, {net} ct" for trip in await self.trips()]
