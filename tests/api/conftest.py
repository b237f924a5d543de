"""An application of the routers under test, on a real database and Redis, with a clock to set."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.datastructures import State
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.api.dependencies import (
    FinanceDep,
    OptionalRiderDep,
    ProviderDep,
    RiderDep,
    StaffDep,
)
from mobility.app import create_app
from mobility.cities.city import City, load_city
from mobility.db import transaction
from mobility.identity.mailer import make_mailer
from mobility.identity.provider_keys import add_key
from mobility.identity.riders import get_or_add_rider
from mobility.identity.roles import Role, get_roles, grant
from mobility.identity.secrets import derive_secrets
from mobility.identity.tokens import RiderIdentity, issue_access_token
from mobility.identity.vault import Vault
from mobility.identity.verify_pass import PassOffice
from mobility.realtime.polling import Realtime
from mobility.sales_watch import SalesWatch
from mobility.settings import Settings
from mobility.wiring import Wiring
from payments.errors import UnreachableError
from payments.gateway import SetupSession
from payments.methods import SavedCard, SavedMethod
from payments.money import Money
from providers.mirror import Mirror
from providers.snapshots import Snapshots
from providers.values import ProviderId
from tests.planning.world import luebeck, luebeck_planner

START = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
ORIGINS = ("https://app.example",)


@dataclass
class Processor:
    """As much of a payment processor as an account page needs."""

    down: bool = False
    customers: dict[str, list[SavedMethod]] = field(default_factory=dict)
    pseudonyms: list[str] = field(default_factory=list)
    sessions: dict[str, SetupSession] = field(default_factory=dict)

    def _answer(self) -> None:
        if self.down:
            raise UnreachableError("the processor is down")

    async def create_customer(self, pseudonym: str) -> str:
        self._answer()
        self.pseudonyms.append(pseudonym)
        customer = f"cus_{len(self.pseudonyms)}"
        self.customers[customer] = []
        return customer

    async def delete_customer(self, customer_ref: str) -> None:
        self._answer()
        self.customers.pop(customer_ref, None)

    async def create_setup_session(
        self, customer_ref: str, *, return_url: str, key: str
    ) -> SetupSession:
        self._answer()
        number = len(self.customers[customer_ref]) + 1
        if key not in self.sessions:
            self.customers[customer_ref].append(
                SavedCard(f"pm_{customer_ref}_{number}", "visa", "4242", "2029-08")
            )
            url = f"http://processor/{len(self.sessions)}?return={return_url}"
            self.sessions[key] = SetupSession(f"cs_{len(self.sessions)}", url, complete=False)
        return self.sessions[key]

    async def list_methods(self, customer_ref: str) -> list[SavedMethod]:
        self._answer()
        return list(self.customers[customer_ref])

    async def detach_method(self, method_id: str) -> None:
        self._answer()
        for methods in self.customers.values():
            methods[:] = [method for method in methods if method.id != method_id]

    async def get_balance(self) -> dict[str, Money]:
        self._answer()
        return {}


@dataclass
class World:
    """What a test sets and asks."""

    app: FastAPI
    client: httpx.AsyncClient
    wiring: Wiring
    processor: Processor
    now: datetime = START

    def pass_time(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)

    async def sign_in(
        self, email: str = "anna@example.org", role: Role = Role.RIDER, session: str = ""
    ) -> dict[str, str]:
        """The Authorization header of a person with a role."""
        async with transaction(self.wiring.engine) as tx:
            rider_id = await get_or_add_rider(tx, self.wiring.secrets, email, self.now)
            await grant(tx, rider_id, role, self.now)
            identity = RiderIdentity(rider_id, await get_roles(tx, rider_id), session)
        key = self.wiring.secrets.token_signing_key
        return {"Authorization": f"Bearer {issue_access_token(key, identity, self.now)}"}

    async def provider_key(self, provider_id: str) -> dict[str, str]:
        async with transaction(self.wiring.engine) as tx:
            key = await add_key(tx, ProviderId(provider_id), self.now)
        return {"Authorization": f"Bearer {key}"}

    def mails(self) -> list[bytes]:
        folder = self.wiring.settings.data / "mail"
        return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]


trial = APIRouter(prefix="/v1/trial", tags=["trial"])


@trial.get("/rider")
async def who_rides(rider: RiderDep) -> str:
    return rider.rider_id


@trial.get("/optional")
async def who_may_ride(rider: OptionalRiderDep) -> str:
    return rider.rider_id if rider else "nobody"


@trial.get("/finance")
async def who_counts(rider: FinanceDep) -> str:
    return rider.rider_id


@trial.get("/staff")
async def who_runs(rider: StaffDep) -> str:
    return rider.rider_id


@trial.get("/provider")
async def who_provides(provider_id: ProviderDep) -> str:
    return provider_id


@trial.get("/boom/{thing}")
async def boom(thing: str) -> None:
    raise ZeroDivisionError(f"a secret about {thing}")


@trial.post("/echo")
async def echo(body: dict[str, float]) -> dict[str, float]:
    return body


@trial.post("/raw")
async def raw(request: Request) -> int:
    return len(await request.body())


provider_trial = APIRouter(prefix="/v1/provider", tags=["trial"])


@provider_trial.put("/raw")
async def snapshot(request: Request) -> int:
    return len(await request.body())


def make_app(settings: Settings) -> FastAPI:
    """The product's own application, which nothing is opened for, and routes to try it with."""
    app = create_app(settings)
    app.include_router(trial)
    app.include_router(provider_trial)
    return app


def make_client(app: FastAPI, address: str = "192.0.2.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://api.test")


@pytest.fixture
def settings(tmp_path: Path, redis_prefix: str) -> Settings:
    return plain_settings().model_copy(update={"data": tmp_path, "redis_prefix": redis_prefix})


@cache
def plain_settings() -> Settings:
    """Read once, as that takes longer than most requests."""
    return Settings(cors_origins=ORIGINS)


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """The application that all tests share, as making its routes takes longer than most tests."""
    return make_app(plain_settings())


@pytest.fixture(scope="session")
def city() -> City:
    return load_city("luebeck")


@pytest.fixture
async def world(
    engine: AsyncEngine, redis: Redis, settings: Settings, city: City, routes: FastAPI
) -> AsyncIterator[World]:
    secrets = derive_secrets("a secret of this test run, long enough")
    processor = Processor()
    unused = cast("Any", None)
    wiring = Wiring(
        settings=settings,
        secrets=secrets,
        vault=Vault(secrets.vault_key),
        clock=lambda: made.now,
        city=city,
        engine=engine,
        redis=redis,
        http=unused,
        stanzas={stanza.provider_id: stanza for stanza in city.providers},
        providers={stanza.provider_id: unused for stanza in city.providers},
        snapshots=unused,
        mirror=Mirror(Snapshots(redis, settings.redis_prefix), city.providers),
        planner=unused,
        realtime=Realtime(unused, (), unused, lambda: made.now),
        gateway=cast("Any", processor),
        mailer=make_mailer(settings),
        changes=unused,
        desk=cast("Any", SimpleNamespace(return_url="http://api.test/payment-done")),
        sales=SalesWatch(engine, city),
        pass_office=PassOffice(
            engine=engine,
            vault=Vault(secrets.vault_key),
            secrets=secrets,
            issuers={},
            issuer_of={"deutschlandticket": "demo-abo"},
            worker="api",
            lease=timedelta(seconds=10),
        ),
    )
    routes.state = State({"wiring": wiring})
    async with make_client(routes) as client:
        made = World(routes, client, wiring, processor)
        yield made


@pytest.fixture
def client(world: World) -> httpx.AsyncClient:
    return world.client


@pytest.fixture
def city_world(world: World) -> World:
    """The application with the real city behind it."""
    planner = luebeck_planner(START)
    wiring = replace(
        world.wiring,
        planner=planner,
        realtime=Realtime(planner.timetable, (), world.wiring.http, world.wiring.clock),
        mirror=planner.mirror,
        city=luebeck(),
        stanzas={stanza.provider_id: stanza for stanza in luebeck().providers},
    )
    world.wiring = wiring
    world.app.state.wiring = wiring
    return world
