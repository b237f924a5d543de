"""``mobility restore``: close the gap after a restore from a backup, straight on all sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from mobility.steps_command import Why, console_actor

restore_app = typer.Typer(
    help="After a restore from a backup: rebuild what is lost, settle what that leaves.\n\n"
    "Example: mobility restore rebuild 2027-03-28T11:45:00Z --apply",
    no_args_is_help=True,
)


def read_instant(text: str) -> datetime:
    """An instant with its offset, as the backup's log has it.

    Raises:
        typer.BadParameter: it is none, or in the future.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instant such as 2027-03-28T11:45:00Z") from None
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset; write 2027-03-28T11:45:00Z")
    if instant > datetime.now(UTC):
        raise typer.BadParameter(f"{text!r} has not come yet")
    return instant.astimezone(UTC)


_Since = Annotated[
    datetime,
    typer.Argument(
        parser=read_instant, metavar="INSTANT", help="Up to when the backup has everything."
    ),
]


@restore_app.command("rebuild")
def rebuild_gap(
    since: _Since,
    *,
    apply: Annotated[bool, typer.Option(help="Do it; else only say what would be done.")] = False,
) -> None:
    """Rebuild the time since the backup from what the processor and the operators hold.

    Run it on the restored database while no API process and no worker runs. 1 when something is
    left: to be run again, or, where the list of cases says so, to a person.

    Example: mobility restore rebuild 2027-03-28T11:45:00Z --apply
    """
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    from mobility.alone import NotAloneError, alone  # noqa: PLC0415
    from mobility.composition import open_desk  # noqa: PLC0415
    from mobility.identity_command import instance_settings  # noqa: PLC0415
    from mobility.restore import (  # noqa: PLC0415
        Report,
        describe,
        find_gap,
        rebuild,
    )
    from payments.errors import PaymentError  # noqa: PLC0415

    async def run() -> Report:
        async with open_desk(instance_settings()) as desk, alone(desk.engine):
            gap = await find_gap(desk, since)
            if not apply:
                return Report(left=[*describe(gap), *gap.unread])
            return await rebuild(desk, gap)

    try:
        report = asyncio.run(run())
    except (NotAloneError, PaymentError) as error:
        typer.echo(f"Not done: {error}", err=True)
        raise typer.Exit(1) from error
    except OperationalError as error:
        typer.echo(
            f"Not done to its end: the database is not there, or was lost ({error.orig}). API "
            "processes and workers may have started since: stop them, and run it again.",
            err=True,
        )
        raise typer.Exit(1) from error
    for line in report.done:
        typer.echo(f"done  {line}")
    for line in report.left:
        typer.echo(f"{'left' if apply else 'would'}  {line}")
    if not report.left:
        typer.echo("Nothing is left.")
    raise typer.Exit(1 if report.left else 0)


@restore_app.command("close")
def close(
    subject: Annotated[str, typer.Argument(help="The payment or leg, as `rebuild` names it.")],
    *,
    reason: Why,
) -> None:
    """Close a case that a restore left, as a person has settled it.

    Example: mobility restore close leg_4xk2s7qpm5u6w3a2c7t4e5n6ra --reason "invoice 4711 paid"
    """
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility.audit import Deed, write_down  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from payments.cases import OF_A_RESTORE, close_case  # noqa: PLC0415

    async def work(tx: AsyncConnection) -> bool:
        now = datetime.now(UTC)
        closed = await close_case(tx, subject, OF_A_RESTORE, now)
        if closed:
            await write_down(tx, Deed(console_actor(), "restore.close", subject, reason, now))
        return closed

    if not in_transaction(instance_settings(), work):
        typer.echo(f"There is no open case of a restore about {subject}.", err=True)
        raise typer.Exit(1)
    typer.echo(f"The case about {subject} is closed.")
