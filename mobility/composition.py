"""Put a process together from its settings: the one place where implementations are chosen."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.alone import refuse_while_rebuilding
from mobility.booking.desk import Desk
from mobility.cities.city import City, load_city
from mobility.cities.realtime_feed import feeds_of_urls
from mobility.city_streets import credit_streets, list_addresses, open_streets
from mobility.db import make_engine
from mobility.identity.customers import find_customer, get_or_create_customer
from mobility.identity.mailer import make_mailer
from mobility.identity.pass_states import PassKind
from mobility.identity.pseudonyms import provider_pseudonym
from mobility.identity.secrets import Secrets, derive_secrets
from mobility.identity.vault import Vault
from mobility.identity.verify_pass import PassOffice
from mobility.live import Changes
from mobility.planning.search import Planner
from mobility.prepare import open_timetable
from mobility.realtime.polling import Realtime
from mobility.redis_pool import open_redis, open_watching_redis
from mobility.sales_watch import SalesWatch
from mobility.settings import NotConfiguredError, Settings
from mobility.wiring import Wiring
from payments.gateway import Gateway
from payments.stripe_gateway import StripeGateway
from providers.entitlements import open_issuer
from providers.mirror import Mirror
from providers.port import Provider
from providers.registry import open_provider
from providers.snapshots import Snapshots
from providers.values import ProviderId


def utc_now() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


def _required(value: str | None, variable: str) -> str:
    if value is None:
        raise NotConfiguredError(
            f"{variable} is not set; set it, or run `mobility serve`, which starts what is missing"
        )
    return value


@asynccontextmanager
async def open_wiring(settings: Settings) -> AsyncIterator[Wiring]:
    """Everything a process needs, closed again at the end of the block.

    Raises:
        NotConfiguredError: a setting is missing.
        NotAloneError: a restore is being rebuilt.
    """
    city = credit_streets(settings, load_city(settings.city))
    secret = settings.secret_key.get_secret_value() if settings.secret_key else None
    secrets = derive_secrets(_required(secret, "MOBILITY_SECRET_KEY"), settings.ticket_epoch)
    async with AsyncExitStack() as stack:
        engine = make_engine(_required(settings.database_url, "DATABASE_URL"))
        stack.push_async_callback(engine.dispose)
        await refuse_while_rebuilding(engine)
        redis_url = _required(settings.redis_url, "REDIS_URL")
        redis = open_redis(redis_url)
        stack.push_async_callback(redis.aclose)
        streams = open_watching_redis(redis_url)
        stack.push_async_callback(streams.aclose)
        http = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
        gateway = open_gateway(settings)
        stack.push_async_callback(gateway.close)
        providers = _open_providers(settings, city, http)
        snapshots = Snapshots(redis, settings.redis_prefix)
        mirror = Mirror(snapshots, city.providers, city.zones)
        await mirror.start()
        stack.push_async_callback(mirror.stop)
        changes = Changes(streams, settings.redis_prefix)
        timetable = open_timetable(settings)
        feeds = feeds_of_urls(settings.gtfs_realtime_urls) or city.realtime
        realtime = Realtime(timetable, feeds, http, utc_now)
        planner = Planner(
            city,
            timetable,
            mirror,
            providers,
            current=lambda: realtime.current.timetable,
            streets=open_streets(settings, city),
            addresses=list_addresses(settings, city),
        )
        realtime.live.before.append(lambda live, now: planner.prepare(live.timetable, now))
        yield Wiring(
            settings=settings,
            secrets=secrets,
            vault=Vault(secrets.vault_key),
            clock=utc_now,
            city=city,
            engine=engine,
            redis=redis,
            http=http,
            stanzas={ProviderId(stanza.id): stanza for stanza in city.providers},
            providers=providers,
            snapshots=snapshots,
            mirror=mirror,
            planner=planner,
            realtime=realtime,
            gateway=gateway,
            mailer=make_mailer(settings),
            changes=changes,
            desk=replace(
                _desk(settings, engine, providers, gateway, secrets, changes.publish),
                day_ceilings=city.day_ceilings,
            ),
            sales=SalesWatch(engine, city),
            pass_office=_pass_office(settings, city, engine, secrets, http),
        )


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """What acts on bookings, without what a search or the API needs; nobody is told of changes.

    Raises:
        NotConfiguredError: a setting is missing.
    """
    city = load_city(settings.city)
    secret = settings.secret_key.get_secret_value() if settings.secret_key else None
    secrets = derive_secrets(_required(secret, "MOBILITY_SECRET_KEY"), settings.ticket_epoch)
    async with AsyncExitStack() as stack:
        engine = make_engine(_required(settings.database_url, "DATABASE_URL"))
        stack.push_async_callback(engine.dispose)
        http = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
        gateway = open_gateway(settings)
        stack.push_async_callback(gateway.close)
        providers = _open_providers(settings, city, http)
        desk = _desk(settings, engine, providers, gateway, secrets, _tell_nobody)
        yield replace(desk, day_ceilings=city.day_ceilings)


async def _tell_nobody(_booking_id: str) -> None:
    return


def open_gateway(settings: Settings) -> Gateway:
    """The payment processor: Stripe, or what ``STRIPE_API_BASE`` names.

    Raises:
        NotConfiguredError: there is no key.
    """
    key = settings.stripe_api_key.get_secret_value() if settings.stripe_api_key else None
    return StripeGateway(
        _required(key, "STRIPE_API_KEY"),
        api_base=settings.stripe_api_base,
        per_second=settings.stripe_per_second,
    )


def _open_providers(
    settings: Settings, city: City, http: httpx.AsyncClient
) -> dict[ProviderId, Provider]:
    urls = settings.provider_urls or {}
    tokens = {name: token.get_secret_value() for name, token in settings.provider_tokens.items()}
    return {
        ProviderId(stanza.id): open_provider(
            stanza,
            base_url=urls.get(stanza.id),
            token=tokens.get(stanza.id),
            http=http,
            fares=city.fare_tables.get(stanza.fares or ""),
        )
        for stanza in city.providers
    }


def _pass_office(
    settings: Settings, city: City, engine: AsyncEngine, secrets: Secrets, http: httpx.AsyncClient
) -> PassOffice:
    tokens = {name: token.get_secret_value() for name, token in settings.issuer_tokens.items()}
    return PassOffice(
        engine=engine,
        vault=Vault(secrets.vault_key),
        secrets=secrets,
        issuers={
            known.id: open_issuer(
                known, settings.issuer_urls[known.id], tokens.get(known.id, ""), http
            )
            for known in city.list_pass_issuers()
            if known.id in settings.issuer_urls
        },
        issuer_of={
            kind.value: known.id
            for kind in PassKind
            if (known := city.find_pass_issuer(kind.value)) is not None
        },
        worker=_worker_name(),
        lease=timedelta(seconds=settings.step_lease_seconds),
    )


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _desk(
    settings: Settings,
    engine: AsyncEngine,
    providers: dict[ProviderId, Provider],
    gateway: Gateway,
    secrets: Secrets,
    changed: Callable[[str], Awaitable[None]],
) -> Desk:
    public = settings.public_url or f"http://{settings.host}:{settings.port}"

    def pseudonym(provider_id: ProviderId, rider_id: str) -> str:
        return provider_pseudonym(secrets.pseudonym_key, provider_id, rider_id)

    async def customer(rider_id: str) -> str:
        return await get_or_create_customer(engine, gateway, secrets, rider_id)

    return Desk(
        engine=engine,
        providers=providers,
        gateway=gateway,
        clock=utc_now,
        pseudonym=pseudonym,
        customer=customer,
        known_customer=find_customer,
        return_url=f"{public}/payment-done",
        worker=_worker_name(),
        lease=timedelta(seconds=settings.step_lease_seconds),
        changed=changed,
    )
