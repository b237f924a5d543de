"""The commands about people and keys: ``mobility token``, ``verify-licence`` and ``provider``.

Those about passes are in ``pass_command``.

They talk to the database, not to the API: who may run them owns the installation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Annotated, NoReturn, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.alone import require_nobody_rebuilding
from mobility.audit import Deed, write_down
from mobility.cities.city import load_city
from mobility.db import make_engine, transaction
from mobility.embedded.environment import settings_in
from mobility.embedded.folder import find_running
from mobility.identity.addresses import read_address
from mobility.identity.errors import AddressRefusedError
from mobility.identity.provider_keys import add_key, hint_of, list_keys, revoke_keys
from mobility.identity.riders import find_rider_id, get_or_add_rider
from mobility.identity.roles import Role, get_roles, grant
from mobility.identity.secrets import Secrets, derive_secrets
from mobility.identity.tokens import RiderIdentity, issue_access_token
from mobility.identity.vault import Vault
from mobility.settings import Settings
from mobility.steps_command import console_actor
from providers.values import ProviderId

T = TypeVar("T")

provider_app = typer.Typer(
    help="Keys with which providers push to us.\n\nExample: mobility provider add demo-rad",
    no_args_is_help=True,
)
_Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]
_Provider = Annotated[str, typer.Argument(help="The provider's id in the city's providers.toml.")]


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def instance_settings() -> Settings:
    """The settings of the instance in question: the one given, else the one running here."""
    settings = Settings()
    if settings.database_url is None:
        running = find_running(settings.data)
        if running is None:
            _fail(
                f"No instance runs on {settings.data}. Start one with: make run; or set "
                "DATABASE_URL and MOBILITY_SECRET_KEY to those of the instance you mean."
            )
        settings = settings_in(running, settings)
    return settings


def _secrets(settings: Settings) -> Secrets:
    if settings.secret_key is None:
        _fail("MOBILITY_SECRET_KEY is not set; set it to the one that the API runs with.")
    return derive_secrets(settings.secret_key.get_secret_value())


def in_transaction(settings: Settings, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Run ``work`` in one transaction on the database of these settings.

    Raises:
        NotAloneError: a restore is being rebuilt.
        OperationalError: the database cannot be used.
    """

    async def run() -> T:
        assert settings.database_url is not None
        engine = make_engine(settings.database_url, pool_size=1)
        try:
            async with transaction(engine) as tx:
                await tx.run_sync(require_nobody_rebuilding)
                return await work(tx)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def _address(email: str) -> str:
    try:
        return read_address(email)
    except AddressRefusedError:
        _fail(f"{email!r} is not an e-mail address that we can write to.")


def token(
    role: Annotated[Role, typer.Argument(help="What the token may do.")],
    email: _Email,
    minutes: Annotated[
        int, typer.Option(min=1, max=24 * 60, help="How long the token is valid.")
    ] = 8 * 60,
) -> None:
    """Print a bearer token; makes the account and grants the role if need be.

    Example: mobility token finance anna@example.org
    """
    settings, address, now = instance_settings(), _address(email), datetime.now(UTC)
    secrets = _secrets(settings)

    async def work(tx: AsyncConnection) -> RiderIdentity:
        rider_id = await get_or_add_rider(tx, secrets, address, now)
        if await grant(tx, rider_id, role, now):
            await _audit(tx, "role.grant", f"{rider_id} {role}", "asked for on the console", now)
        roles = await get_roles(tx, rider_id) & {Role.RIDER, role}
        return RiderIdentity(rider_id, roles, token_hex(16))

    identity = in_transaction(settings, work)
    lifetime = timedelta(minutes=minutes)
    typer.echo(issue_access_token(secrets.token_signing_key, identity, now, lifetime))


def verify_licence(email: _Email) -> None:
    """Record that staff has seen a rider's driving licence, today.

    Example: mobility verify-licence anna@example.org
    """
    settings, address = instance_settings(), _address(email)
    secrets = _secrets(settings)
    now = datetime.now(UTC)
    today = now.astimezone(load_city(settings.city).timezone).date()
    vault = Vault(secrets.vault_key)

    async def work(tx: AsyncConnection) -> bool:
        rider_id = await find_rider_id(tx, secrets, address)
        if rider_id is None:
            return False
        person = await vault.get_person(tx, rider_id, for_update=True)
        await vault.write(tx, rider_id, person.with_verified_licence(today))
        await _audit(tx, "licence.see", rider_id, "the licence was shown", now)
        return True

    if not in_transaction(settings, work):
        _fail("There is no account with this address; the rider has to sign in once first.")
    typer.echo(f"Verified on {today}.")


async def _audit(
    tx: AsyncConnection, action: str, subject: str, reason: str, now: datetime
) -> None:
    await write_down(tx, Deed(console_actor(), action, subject, reason, now))


async def _add_key(tx: AsyncConnection, known: ProviderId, now: datetime) -> str:
    key = await add_key(tx, known, now)
    await _audit(tx, "provider.add_key", f"{known} {hint_of(key)}", "handed out", now)
    return key


def _known_provider(settings: Settings, provider_id: str) -> ProviderId:
    city = load_city(settings.city)
    known = [stanza.id for stanza in city.providers]
    if provider_id not in known:
        _fail(
            f"{city.name} has no provider {provider_id!r}, only {', '.join(known)}. A provider is "
            "a [[provider]] table in the city's providers.toml: add one, then run this again."
        )
    return ProviderId(provider_id)


@provider_app.command("add")
def add_provider(provider_id: _Provider) -> None:
    """Let a provider of the city push its vehicles: print its first key, once.

    Example: mobility provider add demo-rad
    """
    settings, now = instance_settings(), datetime.now(UTC)
    known = _known_provider(settings, provider_id)

    async def work(tx: AsyncConnection) -> str | None:
        valid = [key for key in await list_keys(tx) if key.revoked_at is None]
        if known in {key.provider_id for key in valid}:
            return None
        return await _add_key(tx, known, now)

    key = in_transaction(settings, work)
    if key is None:
        _fail(f"{known} has a key already; for another one run: mobility provider key {known}")
    typer.echo(key)


@provider_app.command("list")
def list_providers() -> None:
    """Show the city's providers and which keys they have.

    Example: mobility provider list
    """
    settings = instance_settings()
    keys = in_transaction(settings, list_keys)
    for stanza in load_city(settings.city).providers:
        typer.echo(f"{stanza.id}  {stanza.name}")
        for key in keys:
            if key.provider_id == stanza.id:
                until = f", revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
                typer.echo(f"  {key.hint}…  made {key.created_at:%Y-%m-%d %H:%M}{until}")


@provider_app.command("key")
def make_key(
    provider_id: _Provider,
    *,
    revoke: Annotated[bool, typer.Option(help="Revoke the older keys at once.")] = False,
) -> None:
    """Print another key for a provider, once.

    Example: mobility provider key demo-rad --revoke
    """
    settings, now = instance_settings(), datetime.now(UTC)
    known = _known_provider(settings, provider_id)

    async def work(tx: AsyncConnection) -> str:
        if revoke:
            count = await revoke_keys(tx, known, now)
            await _audit(tx, "provider.revoke_keys", known, f"{count} keys", now)
        return await _add_key(tx, known, now)

    typer.echo(in_transaction(settings, work))
