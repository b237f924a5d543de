"""``mobility verify-pass`` and ``revoke-pass``: what staff has seen of a pass, on the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Annotated, NoReturn

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.cities.city import load_city
from mobility.identity.addresses import read_address
from mobility.identity.errors import (
    AddressRefusedError,
    PassBoundError,
    PassNotFoundError,
)
from mobility.identity.pass_states import PassKind
from mobility.identity.riders import find_rider_id
from mobility.identity.secrets import Secrets, derive_secrets
from mobility.identity.vault import Vault
from mobility.identity.verify_pass import Seen, revoke_pass, see_pass
from mobility.identity_command import in_transaction, instance_settings
from mobility.settings import Settings
from mobility.steps_command import Why, console_actor

_Email = Annotated[str, typer.Argument(help="The rider's e-mail address.")]
_Kind = Annotated[PassKind, typer.Argument(help="The kind of pass.")]


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("give a day, such as 2027-06-30") from error


def _read_card(text: str) -> str:
    if not 4 <= len(text.strip()) <= 60 or not text.isprintable():
        raise typer.BadParameter("give the number on the card, 4 to 60 characters")
    return text


def verify_pass(
    email: _Email,
    kind: _Kind,
    *,
    card: Annotated[
        str, typer.Option(parser=_read_card, help="The number on the card; only a digest is kept.")
    ],
    until: Annotated[
        date, typer.Option(parser=_read_day, help="The last day that is printed on it.")
    ],
) -> None:
    """Record that staff has seen the pass that a rider added; it counts to its last day.

    Example: mobility verify-pass anna@example.org wertmarke --card 23-4711 --until 2027-06-30
    """
    settings = instance_settings()
    zone, now = load_city(settings.city).timezone, datetime.now(UTC)
    if until < now.astimezone(zone).date():
        _fail(f"The pass ended on {until}: it is not recorded.")
    seen, deed = Seen(kind, card, until), (console_actor(), now)

    async def work(tx: AsyncConnection, vault: Vault, secrets: Secrets, rider_id: str) -> None:
        await see_pass(tx, vault, secrets, rider_id, seen, zone, deed)

    _for_rider(settings, email, work)
    typer.echo(f"Verified until {until}.")


def revoke_pass_command(email: _Email, kind: _Kind, *, reason: Why) -> None:
    """Take back the verification of a rider's pass; bookings already made keep their price.

    Example: mobility revoke-pass anna@example.org wertmarke --reason "card reported lost"
    """
    deed = (console_actor(), reason, datetime.now(UTC))

    async def work(tx: AsyncConnection, vault: Vault, _secrets: Secrets, rider_id: str) -> None:
        await revoke_pass(tx, vault, rider_id, kind, deed)

    _for_rider(instance_settings(), email, work)
    typer.echo("Revoked.")


def _for_rider(
    settings: Settings,
    email: str,
    work: Callable[[AsyncConnection, Vault, Secrets, str], Awaitable[None]],
) -> None:
    """Do something about the rider with this address, in one transaction, or say why not."""
    if settings.secret_key is None:
        _fail("MOBILITY_SECRET_KEY is not set; set it to the one that the API runs with.")
    secrets = derive_secrets(settings.secret_key.get_secret_value())
    try:
        address = read_address(email)
    except AddressRefusedError:
        _fail(f"{email!r} is not an e-mail address that we can write to.")

    async def find_and_work(tx: AsyncConnection) -> bool:
        rider_id = await find_rider_id(tx, secrets, address)
        if rider_id is None:
            return False
        await work(tx, Vault(secrets.vault_key), secrets, rider_id)
        return True

    try:
        found = in_transaction(settings, find_and_work)
    except (PassNotFoundError, PassBoundError) as error:
        _fail(f"Not done: {error}.")
    if not found:
        _fail("There is no account with this address; the rider has to sign in once first.")
