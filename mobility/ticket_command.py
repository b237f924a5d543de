"""``mobility ticket``: inspect a ticket without a network."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from providers.bus.revocations import Revocations, read_list
from providers.bus.ticket import MAX_CHARACTERS, Inspected, verify
from providers.bus.ticket_errors import TicketError, TrustError
from providers.bus.ticket_keys import read_keys

VALID, INVALID, CANNOT_TELL = 0, 1, 2

ticket_app = typer.Typer(
    help="Inspect tickets, without a network.\n\nExample: mobility ticket verify --help",
    no_args_is_help=True,
)


@ticket_app.callback()
def _only_one() -> None:
    """Keep `verify` a word of its own while there is no second command."""


def _read_instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter("an instant with its offset, such as 2026-11-26T08:00:00+01:00")


@ticket_app.command("verify")
def verify_ticket(
    code: Annotated[str, typer.Argument(help="What the QR code holds; - reads it from stdin.")],
    *,
    keys: Annotated[Path, typer.Option(help="As GET /v1/tickets/keys answers.")],
    revocations: Annotated[Path, typer.Option(help="As GET /v1/tickets/revocations answers.")],
    at: Annotated[
        datetime | None,
        typer.Option(parser=_read_instant, metavar="INSTANT", help="When it is shown; else now."),
    ] = None,
) -> None:
    """Say whether a ticket is valid: 0 it is, 1 it is not, 2 that cannot be said.

    Example: mobility ticket verify --keys keys.json --revocations list.json MT2.eyJ0aWQi…
    """
    now = at or datetime.now(UTC)
    shown = _read_stdin() if code == "-" else code
    try:
        trusted = read_keys(keys.read_bytes())
        revoked = read_list(revocations.read_bytes(), trusted, now)
    except (OSError, TrustError) as error:
        _end(CANNOT_TELL, f"Cannot tell: {error}.")
    try:
        inspected = verify(shown, trusted, revoked, now)
    except TicketError as error:
        _end(INVALID, f"Not valid: {error}.", _age(revoked, now))
    _end(VALID, _told(inspected), _age(revoked, now))


def _read_stdin() -> str:
    raw = sys.stdin.buffer.read(MAX_CHARACTERS + 2)
    return raw.decode(errors="replace").rstrip("\r\n")


def _told(inspected: Inspected) -> str:
    ticket = inspected.ticket
    persons = "1 person" if ticket.passengers == 1 else f"{ticket.passengers} persons"
    return (
        f"Valid: {ticket.product} of {ticket.issuer} for {persons}, {ticket.price}, "
        f"until {ticket.valid_until:%Y-%m-%d %H:%M} UTC. "
        f"Ticket {ticket.id}, binding {inspected.binding}."
    )


def _age(revoked: Revocations, now: datetime) -> str:
    """What an old list leaves open; nothing of a fresh one."""
    if now <= revoked.next_update:
        return ""
    return (
        f"The revocation list is of {revoked.issued_at:%Y-%m-%d %H:%M} UTC: what was cancelled or "
        "moved since is not known here."
    )


def _end(status: int, *lines: str) -> NoReturn:
    for line in lines:
        if line:
            typer.echo(line.encode(errors="backslashreplace").decode())
    raise typer.Exit(status)
