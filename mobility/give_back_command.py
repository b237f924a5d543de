"""``mobility release-and-refund``: end a stuck booking, straight on the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mobility.steps_command import Why, console_actor


def release_and_refund(
    booking_id: Annotated[str, typer.Argument(help="The booking.")], *, reason: Why
) -> None:
    """End a stuck booking: cancel what can be cancelled, give all money back.

    A worker carries it out.

    Example: mobility release-and-refund bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra --reason "ticket 4711"
    """
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility.booking.errors import BookingError  # noqa: PLC0415
    from mobility.booking.give_back import ask_to_give_back  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415

    async def work(tx: AsyncConnection) -> None:
        now = datetime.now(UTC)
        await ask_to_give_back(tx, booking_id, actor=console_actor(), reason=reason, now=now)

    try:
        in_transaction(instance_settings(), work)
    except BookingError as error:
        typer.echo(f"Not done: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{booking_id} is being given back.")
