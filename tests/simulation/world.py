"""The simulated world: real booking and payment code, a real database, the sandboxes of processor
and operator on a simulated network, one clock for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import httpx
import stripe
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility import steps
from mobility.booking.advance import STEP, advance
from mobility.booking.at_once import run_taken, take
from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.collect import STEP as COLLECT
from mobility.booking.collect import collect
from mobility.booking.day_ceiling import STEP as CAP_DAY
from mobility.booking.day_ceiling import cap_day
from mobility.booking.desk import Desk
from mobility.booking.goodwill import STEP as PAY_GOODWILL
from mobility.booking.goodwill import pay_goodwill
from mobility.booking.payments_seen import (
    RECONCILE,
    apply_events,
    find_forgotten,
    see_disputes,
)
from mobility.booking.rebooked import STEP as BEAR
from mobility.booking.rebooked import bear_difference
from mobility.booking.trip import Trip
from mobility.booking.trips import get_trip
from mobility.cities.facts import DayCeiling
from mobility.claims.pay_claim import STEP as PAY_CLAIM
from mobility.claims.pay_claim import pay_claim
from mobility.db import autocommit, transaction
from mobility.planning.offer import Offer
from mobility.stuck_steps import BURY
from mobility.tables import booking, step
from payments.reconcile import reconcile
from payments.sandbox.app import create_app
from payments.sandbox.state import State
from payments.sandbox.wire import render
from payments.stripe_gateway import StripeGateway
from providers.bus.fare_table import FareTable, read_fares
from providers.port import Provider
from providers.registry import open_provider
from providers.sandbox.app import make_app
from providers.sandbox.fleet import read_fleet
from providers.sandbox.store import Store
from providers.stanza import ProviderStanza, read_stanzas
from providers.values import ProviderId
from tests.providers.city import write_city
from tests.simulation.clock import Clock
from tests.simulation.mortal import CrashError, Life, MortalEngine
from tests.simulation.network import PROCESSOR, Fate, Network, Wire
from tests.simulation.offers import BIKE, BUS, CAR, bike_and_bus
from tests.simulation.operators import OwnPrices

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
FARES = Path("mobility/cities/luebeck/fares.toml")
TOKEN = "opensesame"
KEY = {"Authorization": "Bearer sk_test_x"}
BANKS_TAKE = timedelta(days=3)
"""For a debit, unless a bank speaks before."""
LEASE = timedelta(seconds=30)
MOST_ROUNDS = 5000
"""More times than anything falls due in a story."""
RIDER = "rdr_anna"
_NEXT_DUE = select(
    func.min(func.greatest(step.c.run_at, func.coalesce(step.c.lease_until, step.c.run_at)))
).where(step.c.dead_at.is_(None))
_T = TypeVar("_T")


@dataclass(frozen=True)
class City:
    """What stays the same in every world: the operators' stanzas, their fleet, the fares."""

    folder: Path
    stanzas: dict[ProviderId, ProviderStanza]
    fares: FareTable


def read_city(folder: Path) -> City:
    """The tiny city of the tests, with bus fares."""
    stanzas = {stanza.provider_id: stanza for stanza in read_stanzas(write_city(folder))}
    return City(folder, stanzas, read_fares(FARES))


def with_bikes_capped_by_day(city: City) -> City:
    """The city with a bike tariff that caps a rider's day, and not each ride (0025)."""
    bikes = city.stanzas[BIKE]
    (plan,) = bikes.pricing_plan
    by_day = {"price": Decimal(0), "day_cap": Decimal("1.50"), "day_zone": "Europe/Berlin"}
    plans = ({**plan.model_dump(), **by_day},)
    capped = ProviderStanza.model_validate({**bikes.model_dump(), "pricing_plan": plans})
    return replace(city, stanzas={**city.stanzas, BIKE: capped})


class Outside:
    """The processor and the operators of vehicles, which live as long as the world."""

    def __init__(self, city: City, clock: Clock) -> None:
        self.stores = {id_: Store(":memory:") for id_ in (BIKE, CAR)}
        """What each operator of vehicles knows."""
        self.operators: dict[ProviderId, OwnPrices] = {}
        processor = create_app(
            clock=clock,
            public_url=f"http://{PROCESSOR}",
            seed="sim",
            debits_after_s=int(BANKS_TAKE.total_seconds()),
        )
        self.wire = Wire({PROCESSOR: httpx.ASGITransport(processor)})
        for id_, store in self.stores.items():
            store.stock(read_fleet(city.stanzas[id_], city.folder))
            operator = self.operators[id_] = OwnPrices(city.stanzas[id_], store, clock=clock)
            self.wire.hosts[id_] = httpx.ASGITransport(make_app(operator, token=TOKEN))
        self.processor: State = processor.state.processor

    def bookings(self) -> list[tuple[str, str]]:
        """Id and state of what the operators of vehicles have booked."""
        query = "SELECT id, state FROM booking ORDER BY id"
        return [tuple(row) for store in self.stores.values() for row in store.rows(query)]

    async def intents(self) -> list[dict[str, Any]]:
        """Every PaymentIntent there is."""
        return await self._list("payment_intents")

    async def refunds(self) -> list[dict[str, Any]]:
        """Every refund there is."""
        return await self._list("refunds")

    async def disputes(self) -> list[dict[str, Any]]:
        """Every dispute there is."""
        return await self._list("disputes")

    def events(self, after: int) -> list[dict[str, Any]]:
        """The events after the first so many, the newest first.

        Not over HTTP as the rest: at each edge of a request it is asked whether there are any.
        """
        new = self.processor.list_all("event")[after:]
        return [render(each, self.processor.find, ()) for each in reversed(new)]

    async def _list(self, kind: str) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(transport=self.wire.hosts[PROCESSOR]) as http:
            answer = await http.get(
                f"http://{PROCESSOR}/v1/{kind}?limit=100",
                headers=KEY,
            )
        found = answer.raise_for_status().json()
        assert not found["has_more"], f"there are more than a hundred {kind}"
        return cast("list[dict[str, Any]]", found["data"])

    async def approve(self) -> None:
        """The rider says yes on every page of the bank that waits for it."""
        async with httpx.AsyncClient(transport=self.wire.hosts[PROCESSOR]) as http:
            for intent in await self.intents():
                page = (intent["next_action"] or {}).get("redirect_to_url")
                if page:
                    await http.post(page["url"], data={"answer": "accept"})


class Process:
    """An API process or worker, from its start to its death."""

    def __init__(self, world: World, life: Life) -> None:
        self.life = life
        self.network = Network(world.outside.wire, life)
        self.http = httpx.AsyncClient(transport=self.network)
        lib = SimpleNamespace(AsyncClient=lambda **_: httpx.AsyncClient(transport=self.network))
        self.gateway = StripeGateway(
            "sk_test_x",
            api_base=f"http://{PROCESSOR}",
            http=stripe.HTTPXClient(timeout=5, verify_ssl_certs=False, _lib=lib),
        )
        self.desk = Desk(
            engine=cast("AsyncEngine", MortalEngine(world.engine, life)),
            providers={id_: self._open(world.city, id_) for id_ in (BIKE, BUS, CAR)},
            gateway=self.gateway,
            clock=world.clock,
            pseudonym=lambda provider_id, rider_id: f"rp_{provider_id}_{rider_id}",
            customer=world.customer_of(self.gateway),
            known_customer=world.known_customer,
            return_url="http://rider.test/paid",
            day_ceilings=world.day_ceilings,
            worker=f"process-{world.deaths}",
            lease=LEASE,
            changed=_tell_nobody,
        )

    def _open(self, city: City, provider_id: ProviderId) -> Provider:
        return open_provider(
            city.stanzas[provider_id],
            base_url=f"http://{provider_id}",
            token=TOKEN,
            http=self.http,
            fares=city.fares,
        )

    async def run_due(self) -> None:
        """What is due now, as a worker does it."""
        await steps.run_due(
            self.desk.engine,
            {
                STEP: lambda key, _now: advance(self.desk, key),
                COLLECT: lambda key, _now: collect(self.desk, key),
                BEAR: lambda key, _now: bear_difference(self.desk, key),
                CAP_DAY: lambda key, _now: cap_day(self.desk, key),
                PAY_CLAIM: lambda key, _now: pay_claim(self.desk, key),
                PAY_GOODWILL: lambda key, _now: pay_goodwill(self.desk, key),
                RECONCILE: lambda _key, now: self.reconcile(now),
                "apply_events": lambda _key, now: self._apply_events(now),
            },
            worker=self.desk.worker,
            lease=LEASE,
            clock=self.desk.clock,
            bury=BURY,
        )

    async def reconcile(self, now: datetime) -> None:
        """Read the processor, disputes included."""
        await reconcile(self.desk.engine, self.gateway, now=now)
        await see_disputes(self.desk.engine, now)

    async def _apply_events(self, now: datetime) -> None:
        await apply_events(self.desk.engine, now)

    async def close(self) -> None:
        """Give back what the dead process held of ours."""
        self.life.ends_at = 0
        await self.gateway.close()
        await self.http.aclose()


async def _tell_nobody(_booking_id: str) -> None:
    return


class World:
    """One rider, one booking, and one process at a time."""

    def __init__(self, engine: AsyncEngine, city: City, clock: Clock) -> None:
        self.engine, self.city, self.clock = engine, city, clock
        self.start = clock.now
        self.outside = Outside(city, clock)
        self.day_ceilings: tuple[DayCeiling, ...] = ()
        self.lives: list[Life] = []
        """Of the processes to come; after the last one processes do not die."""
        self.fates_after_death: list[Fate | None] = []
        self.deaths = 0
        self.passed = 0
        """The most points that one process passed."""
        self.ended: list[str] = []
        """Where each process died."""
        self.transferred: dict[str, tuple[str, int]] = {}
        """From our account, of each refund that came back: for which booking, and the cents."""
        self.process: Process | None = None
        self._customer: str | None = None

    async def known_customer(self, _tx: AsyncConnection, _rider_id: str) -> str | None:
        """The rider's customer, once it was made."""
        return self._customer

    def customer_of(self, gateway: StripeGateway) -> Callable[[str], Awaitable[str]]:
        """The rider's customer at the processor, made once, as ``identity.customers`` does."""

        async def find_or_create(rider_id: str) -> str:
            if self._customer is None:
                self._customer = await gateway.create_customer(rider_id)
            return self._customer

        return find_or_create

    async def alive(self, act: Callable[[Process], Awaitable[_T]]) -> _T:
        """Have a process do something; if it dies of it, the next one begins when leases end."""
        while True:
            if self.process is None:
                self.process = Process(self, self.lives.pop(0) if self.lives else Life())
            try:
                return await act(self.process)
            except CrashError:
                self.deaths += 1
                self.ended.append(self.process.life.where)
                await self._end(self.process)
                if self.fates_after_death:
                    self.outside.wire.fates = self.fates_after_death
                    self.fates_after_death = []
                await self.clock.pass_time(LEASE + timedelta(seconds=1))

    async def work(self, length: timedelta) -> None:
        """Let so much time pass, and everything be done that falls due in it."""
        until = self.clock.now + length
        for _ in range(MOST_ROUNDS):
            await self.alive(Process.run_due)
            due = await self._next_due()
            if due is None or due > until:
                break
            await self.clock.move_to(max(due, self.clock.now + timedelta(milliseconds=1)))
        else:
            raise AssertionError("this does not come to rest")
        await self.clock.move_to(until)

    async def poll_and_work(self) -> None:
        """Look for payments that nobody told us about, as the worker does every half minute."""
        await self.clock.pass_time(timedelta(seconds=61))
        await self.alive(lambda process: find_forgotten(process.desk.engine, self.clock.now))
        await self.work(timedelta(seconds=30))

    async def _next_due(self) -> datetime | None:
        async with autocommit(self.engine) as db:
            found: datetime | None = await db.scalar(_NEXT_DUE)
        return found

    async def close(self) -> None:
        """End the last process and the operator's memory."""
        if self.process is not None:
            await self._end(self.process)
        for store in self.outside.stores.values():
            store.close()

    async def _end(self, process: Process) -> None:
        self.passed = max(self.passed, process.life.passed)
        self.process = None
        await process.close()

    async def book(self, method: str, offered: Callable[[datetime], Offer] = bike_and_bus) -> str:
        """The rider books; who asks again after a crash gets the booking there is."""

        async def ask(process: Process) -> str:
            taken = None
            async with transaction(process.desk.engine) as tx:
                known = await tx.scalar(select(booking.c.id).where(booking.c.rider_id == RIDER))
                if known is not None:
                    return str(known)
                request = BookingRequest(
                    RIDER, offered(self.clock.now), method, None, lambda _terms: ()
                )
                booking_id = await prepare_booking(
                    tx,
                    request,
                    lambda id_: ProviderTerms(process.desk.providers[id_], Decimal(8)),
                    hold=timedelta(minutes=10),
                    now=self.clock.now,
                )
                taken = await take(tx, process.desk, booking_id)
            if taken is not None:
                await run_taken(process.desk, taken)
            return booking_id

        return await self.alive(ask)

    async def trip(self) -> Trip:
        """The booking as it stands."""
        return (await self.trips())[0]

    async def trips(self) -> list[Trip]:
        """The bookings as they stand, in the order in which they were made."""
        async with transaction(self.engine) as tx:
            ids = await tx.scalars(
                select(booking.c.id).order_by(booking.c.created_at, booking.c.offer_id)
            )
            return [await get_trip(tx, booking_id) for booking_id in ids]
