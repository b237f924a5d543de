"""A small world to book in: the real processor and operator sandboxes, and offers made by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gtfs.geo import LatLon
from mobility.booking.advance import advance
from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.desk import Desk
from mobility.booking.trip import BookingState, Trip
from mobility.booking.trips import get_trip
from mobility.db import transaction
from mobility.planning.offer import Offer, OfferLeg
from mobility.tables import booking
from payments import ledger
from payments.gateway import Gateway
from payments.money import Money
from payments.sandbox.app import create_app
from payments.stripe_gateway import StripeGateway
from providers.port import Provider
from providers.registry import open_provider
from providers.stanza import ProviderStanza, read_stanzas
from providers.values import Mode, ProviderId, Quote, StationId, VehicleRef
from tests.providers.city import HBF, KOBERG, write_city
from tests.providers.sandboxes import TOKEN, Sandbox, run_sandbox
from tests.served import listening, served, url_of
from tests.simulation.mortal import CrashError

BIKE, CAR = ProviderId("demo-rad"), ProviderId("demo-auto")
IDLE_LOOKS = 5
TARIFFS = {Mode.BIKE: "basis/2026-01", Mode.CAR: "klein/2026-01"}


@dataclass
class PatientClock:
    """Real time but for the machine's pauses: between two looks at most a second goes by.

    A booking whose vehicles are not held in five seconds fails, which no test means to try by
    running on a busy machine.
    """

    behind: timedelta = timedelta(0)
    seen: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        """The time, which is behind real time by the pauses that there were."""
        real = datetime.now(UTC)
        gone_by = real - self.behind - self.seen
        self.behind += max(timedelta(0), gone_by - timedelta(seconds=1))
        self.seen = real - self.behind
        return self.seen


@contextmanager
def run_processor() -> Iterator[str]:
    """The payment processor's sandbox, served from a thread; its URL."""
    sock = listening()
    with served(create_app(public_url=url_of(sock)), sock) as url:
        yield url


@contextmanager
def run_operators(folder: Path) -> Iterator[dict[ProviderId, Sandbox]]:
    """The tiny city's bike and car share, each with its own state."""
    with_stanzas = {stanza.provider_id: stanza for stanza in read_stanzas(write_city(folder))}
    with (
        run_sandbox(with_stanzas[BIKE], folder, folder / "bike.sqlite") as bike,
        run_sandbox(with_stanzas[CAR], folder, folder / "car.sqlite") as car,
    ):
        yield {BIKE: bike, CAR: car}


@dataclass
class World:
    """The desk under test, and what stands around it."""

    desk: Desk
    operators: dict[ProviderId, Sandbox]
    processor: str

    async def book(
        self,
        offer: Offer,
        *,
        rider: str = "rdr_anna",
        method: str = "pm_card_visa",
        spend_ceiling: int | None = None,
    ) -> str:
        """Record a booking; nothing of it is carried out yet."""
        ceiling = None if spend_ceiling is None else Money(spend_ceiling)
        request = BookingRequest(rider, offer, method, ceiling, lambda _terms: ())
        async with transaction(self.desk.engine) as tx:
            return await prepare_booking(
                tx, request, self._terms, hold=timedelta(minutes=10), now=self.desk.clock()
            )

    def _terms(self, provider_id: ProviderId) -> ProviderTerms:
        return ProviderTerms(self.desk.providers[provider_id], Decimal(8))

    async def advance(self, booking_id: str) -> datetime | None:
        """Advance as the worker does, skipping the waits between attempts.

        One that waits for its rider is looked at a few times more, and left when nothing comes.
        """
        wake_at = await advance(self.desk, booking_id)
        before, idle = await self.trip(booking_id), 0
        for _ in range(40):
            if wake_at is None or wake_at > self.desk.clock() + timedelta(seconds=120):
                return wake_at
            await asyncio.sleep(0.01)
            wake_at = await advance(self.desk, booking_id)
            now = await self.trip(booking_id)
            idle, before = (idle + 1 if now == before else 0), now
            if idle == IDLE_LOOKS and now.state is BookingState.AWAITING_PAYMENT:
                return wake_at
        return wake_at

    async def trip(self, booking_id: str) -> Trip:
        async with transaction(self.desk.engine) as tx:
            return await get_trip(tx, booking_id)

    async def row(self, booking_id: str) -> Any:
        """The booking's row."""
        async with transaction(self.desk.engine) as tx:
            return (await tx.execute(select(booking).where(booking.c.id == booking_id))).one()

    def at(self, now: datetime) -> Desk:
        """The desk at another time."""
        return replace(self.desk, clock=lambda: now)

    async def story(self, booking_id: str) -> str:
        """A booking as one line, such as ``confirmed | bike confirmed | authorised``."""
        trip = await self.trip(booking_id)
        legs = ", ".join(f"{leg.mode} {leg.state}" for leg in trip.legs)
        return f"{trip.state} | {legs} | {trip.payment}"

    async def books(self) -> dict[str, int]:
        """The balance of every account, in cents."""
        async with transaction(self.desk.engine) as tx:
            return {a.code: total.minor for a, total in await ledger.list_balances(tx)}

    def holders(self, provider_id: ProviderId, vehicle: str) -> int:
        """How many riders the operator lets have a vehicle; 0 or 1 if it is sane."""
        return len(self.operators[provider_id].holders(vehicle))

    def money(self, booking_id: str) -> tuple[int, int]:
        """What the processor holds and has taken for a booking, in cents."""
        intents = httpx.get(
            f"{self.processor}/v1/payment_intents",
            params={"limit": 100},
            headers={"Authorization": "Bearer sk_test_x"},
        ).json()["data"]
        mine = [i for i in intents if i["metadata"].get("booking") == booking_id]
        return sum(i["amount_capturable"] for i in mine), sum(i["amount_received"] for i in mine)


def bike_leg(vehicle: str = "hbf-01", *, price: int = 150, ceiling: int = 400) -> OfferLeg:
    """Ten minutes by bike from Hauptbahnhof to Koberg."""
    return _rental(Mode.BIKE, BIKE, vehicle, price, ceiling, StationId("hbf"))


def car_leg(vehicle: str = "car-1", *, price: int = 400, ceiling: int = 1500) -> OfferLeg:
    """Ten minutes by car."""
    return _rental(Mode.CAR, CAR, vehicle, price, ceiling, None)


def _rental(
    mode: Mode,
    provider_id: ProviderId,
    vehicle: str,
    price: int,
    ceiling: int,
    station: StationId | None,
) -> OfferLeg:
    now = datetime.now(UTC).replace(microsecond=0)
    return OfferLeg(
        mode=mode,
        origin=HBF,
        destination=KOBERG,
        origin_name="Hauptbahnhof",
        destination_name="Koberg",
        departs_at=now,
        arrives_at=now + timedelta(minutes=10),
        distance_m=2000,
        co2_grams=0,
        provider_id=provider_id,
        quote=Quote(Money(price), Money(ceiling), TARIFFS[mode], ("geschätzt",), Decimal(19)),
        vehicle_ref=VehicleRef(vehicle),
        station_id=station,
    )


def walk_leg() -> OfferLeg:
    """Five minutes on foot."""
    leg = replace(bike_leg(), mode=Mode.WALK, provider_id=None, quote=None, vehicle_ref=None)
    return replace(leg, station_id=None, destination=LatLon(53.87, 10.67))


def offer_of(*legs: OfferLeg) -> Offer:
    """An offer of these legs, valid for ten minutes."""
    expires_at = datetime.now(UTC) + timedelta(minutes=10)
    return Offer(f"off_{uuid.uuid4().hex}", expires_at, 1, (), legs)


def provider_of(sandbox: Sandbox, stanza: ProviderStanza, http: httpx.AsyncClient) -> Provider:
    """The adapter for a running operator, by what its stanza says of it."""
    return open_provider(
        stanza,
        base_url=sandbox.url,
        token=TOKEN,
        http=http,
        fares=None,
    )


async def open_world(
    engine: AsyncEngine,
    operators: dict[ProviderId, Sandbox],
    processor: str,
    http: httpx.AsyncClient,
) -> World:
    """A desk over real PostgreSQL, a real processor and real operators."""
    gateway = StripeGateway("sk_test_x", api_base=processor)
    providers = {
        provider_id: provider_of(sandbox, sandbox.stanza, http)
        for provider_id, sandbox in operators.items()
    }
    customers: dict[str, str] = {}

    async def customer(rider_id: str) -> str:
        if rider_id not in customers:
            customers[rider_id] = await gateway.create_customer(rider_id)
        return customers[rider_id]

    async def known_customer(_tx: AsyncConnection, rider_id: str) -> str | None:
        return customers.get(rider_id)

    async def changed(_booking_id: str) -> None:
        return

    desk = Desk(
        engine=engine,
        providers=providers,
        gateway=gateway,
        clock=PatientClock(),
        pseudonym=lambda provider_id, rider_id: f"rp_{provider_id}_{rider_id}",
        customer=customer,
        known_customer=known_customer,
        return_url="http://127.0.0.1/payment-done",
        worker="test",
        lease=timedelta(seconds=5),
        changed=changed,
    )
    return World(desk, operators, processor)


@dataclass
class Crashing:
    """Stands before a provider or gateway and dies at the n-th edge of a call, before or after."""

    inner: Any
    count: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.count()
            result = await found(*args, **kwargs)
            self.count()
            return result

        return call


def crashing_desk(desk: Desk, at: int) -> tuple[Desk, Callable[[], int]]:
    """A desk whose process dies at the ``at``-th edge of a call; and how many edges were met."""
    met = 0

    def count() -> None:
        nonlocal met
        met += 1
        if met == at:
            raise CrashError(f"edge {at}")

    providers: dict[ProviderId, Any] = {k: Crashing(v, count) for k, v in desk.providers.items()}
    gateway: Gateway = Crashing(desk.gateway, count)  # type: ignore[assignment]

    async def changed(_booking_id: str) -> None:
        count()

    return replace(desk, providers=providers, gateway=gateway, changed=changed), lambda: met
