"""``mobility steps``: what is stuck, trying it again and giving it up, straight on the database."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

steps_app = typer.Typer(
    help="Durable steps that do not get on.\n\nExample: mobility steps list",
    no_args_is_help=True,
)
_Kind = Annotated[str, typer.Argument(help="The step's kind, as `list` shows it.")]
_Key = Annotated[str, typer.Argument(help="The step's key, as `list` shows it.")]


def console_actor() -> str:
    """Who runs a command, for the audit log."""
    from mobility.audit import CONSOLE  # noqa: PLC0415

    return CONSOLE + getpass.getuser()


def read_reason(text: str) -> str:
    """A reason as the audit log keeps it: one line of 3 to 500 characters.

    Raises:
        typer.BadParameter: it is none.
    """
    reason = text.strip()
    if not 3 <= len(reason) <= 500 or not reason.isprintable():
        raise typer.BadParameter("say why in one line of 3 to 500 characters")
    return reason


Why = Annotated[
    str, typer.Option("--reason", parser=read_reason, help="Why; kept in the audit log.")
]


@steps_app.command("list")
def list_steps() -> None:
    """Show the steps that fail, rest as dead letters, were given up or are overdue; 1 if any.

    Example: mobility steps list
    """
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from mobility.stuck_steps import list_stuck  # noqa: PLC0415

    found = in_transaction(instance_settings(), list_stuck)
    for item in found:
        owner = f", {item.worker} has it" if item.worker else ""
        typer.echo(
            f"{item.kind} {item.key}  {item.condition} since {item.since:%Y-%m-%d %H:%M} UTC, "
            f"{item.attempts} attempts{owner}"
        )
        if item.last_error:
            typer.echo(f"  {item.last_error}")
    if not found:
        typer.echo("Nothing is stuck.")
    raise typer.Exit(1 if found else 0)


@steps_app.command("retry")
def retry_step(kind: _Kind, key: _Key, *, reason: Why = "tried again from the console") -> None:
    """Make a stuck step due now, its attempts counted from the beginning.

    Example: mobility steps retry advance_booking bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra
    """
    _steer("retry", kind, key, reason)
    typer.echo(f"{kind} {key} is due now.")


@steps_app.command("give-up")
def give_up_step(kind: _Kind, key: _Key, *, reason: Why) -> None:
    """Let a stuck step rest until it is asked for again; its booking then needs attention.

    Example: mobility steps give-up advance_booking bkg_4xk2s7qp --reason "paid out by hand"
    """
    _steer("give_up", kind, key, reason)
    typer.echo(f"{kind} {key} is given up.")


def _steer(how: str, kind: str, key: str, reason: str) -> None:
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility import stuck_steps  # noqa: PLC0415
    from mobility.booking.errors import WrongStateError  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415

    steer = {"retry": stuck_steps.retry, "give_up": stuck_steps.give_up}[how]

    async def work(tx: AsyncConnection) -> None:
        await steer(tx, kind, key, actor=console_actor(), reason=reason, now=datetime.now(UTC))

    try:
        in_transaction(instance_settings(), work)
    except stuck_steps.NotStuckError as error:
        typer.echo(f"There is {error}; `mobility steps list` shows what there is.", err=True)
        raise typer.Exit(1) from error
    except WrongStateError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
