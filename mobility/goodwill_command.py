"""``mobility goodwill``: give back what a leg cost, straight on the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mobility.steps_command import Why, console_actor


def goodwill(
    booking_id: Annotated[str, typer.Argument(help="The booking, which is over.")],
    leg_id: Annotated[str, typer.Argument(help="Its leg.")],
    *,
    cents: Annotated[
        int | None, typer.Option(min=1, help="How much; without it all that the leg cost.")
    ] = None,
    reason: Why,
) -> None:
    """Give back what a leg of a trip that is over cost, in whole or in part; we bear it.

    A worker makes the refund.

    Example: mobility goodwill bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra leg_2ab3cd4ef5gh6ij7kl2mn3op4q
    --cents 210 --reason "ticket 4711"
    """
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility.audit import Deed  # noqa: PLC0415
    from mobility.booking.errors import BookingError  # noqa: PLC0415
    from mobility.booking.goodwill import GRANTED, grant_goodwill  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from payments.money import Money  # noqa: PLC0415

    subject = f"{booking_id} {leg_id}"
    deed = Deed(console_actor(), GRANTED, subject, reason, datetime.now(UTC))

    async def work(tx: AsyncConnection) -> Money:
        amount = None if cents is None else Money(cents)
        return await grant_goodwill(tx, booking_id, leg_id, amount, deed)

    try:
        granted = in_transaction(instance_settings(), work)
    except BookingError as error:
        typer.echo(f"Not done: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{granted} of {booking_id} is being given back.")
