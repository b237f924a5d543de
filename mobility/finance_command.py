"""``mobility finance``: reconcile and trace, straight on the database and the processor."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mobility.steps_command import Why, console_actor

finance_app = typer.Typer(
    help="Reconcile with the processor, trace money.\n\nExample: mobility finance reconcile",
    no_args_is_help=True,
)


@finance_app.command("reconcile")
def reconcile_now() -> None:
    """Compare the processor's lines with the ledger, to the cent; 1 when a case is open.

    Example: mobility finance reconcile
    """
    from mobility.alone import refuse_while_rebuilding  # noqa: PLC0415
    from mobility.composition import open_gateway, utc_now  # noqa: PLC0415
    from mobility.db import make_engine  # noqa: PLC0415
    from mobility.identity_command import instance_settings  # noqa: PLC0415
    from payments.reconcile import reconcile  # noqa: PLC0415

    settings = instance_settings()

    async def run() -> int:
        engine, gateway = make_engine(settings.database_url or "", pool_size=1), None
        try:
            gateway = open_gateway(settings)
            await refuse_while_rebuilding(engine)
            found = await reconcile(engine, gateway, now=utc_now())
        finally:
            if gateway is not None:
                await gateway.close()
            await engine.dispose()
        console = Console(highlight=False)
        console.print(
            f"{found.id}: {found.matched_count} of {found.line_count} lines matched, "
            f"{found.case_count} open cases"
        )
        console.print(f"ledger {found.ledger}, processor {found.processor}")
        return found.case_count

    raise typer.Exit(1 if asyncio.run(run()) else 0)


@finance_app.command("transferred")
def refund_transferred(
    operation_id: Annotated[str, typer.Argument(help="The refund: the subject of its case.")],
    *,
    reason: Why,
) -> None:
    """Book that a refund was transferred to its rider by hand, from our bank.

    Of one that came back, or that the processor refused and staff gave up.

    Example: mobility finance transferred pay_4xk2s7qp.refund.all --reason "transfer 4711"
    """
    from mobility.audit import Deed  # noqa: PLC0415
    from mobility.by_hand import TRANSFERRED, book_transferred  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from payments.errors import PaymentNotFoundError  # noqa: PLC0415

    deed = Deed(console_actor(), TRANSFERRED, operation_id, reason, datetime.now(UTC))
    try:
        amount = in_transaction(instance_settings(), lambda tx: book_transferred(tx, deed))
    except PaymentNotFoundError as error:
        typer.echo(f"Not done: {error}.", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{amount} of {operation_id} is booked as transferred from our bank.")


@finance_app.command("close-case")
def close_case(
    subject: Annotated[str, typer.Argument(help="The subject of the case.")], *, reason: Why
) -> None:
    """Close a case that a person has settled and that no reconciliation may ever explain.

    It opens again if a later run finds something else about it. No money moves.

    Example: mobility finance close-case dp_1Nv0FGQ9RKHgCVdK --reason "paid back, transfer 4711"
    """
    from mobility import by_hand  # noqa: PLC0415
    from mobility.audit import Deed  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from payments.cases import BY_HAND  # noqa: PLC0415

    deed = Deed(console_actor(), by_hand.CLOSED, subject, reason, datetime.now(UTC))
    if not in_transaction(instance_settings(), lambda tx: by_hand.close_case(tx, deed)):
        typer.echo(
            f"Not done: of {subject} no case is open of the kinds {', '.join(BY_HAND)}. A "
            "refund_failed of ours ends with `mobility finance transferred`, what a restore left "
            "with `mobility restore close`, others when a later reconciliation explains them.",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(f"The case about {subject} is closed.")


@finance_app.command("trace")
def trace(booking_id: Annotated[str, typer.Argument(help="The booking.")]) -> None:
    """Show every journal of a booking, with its debits and credits.

    Example: mobility finance trace bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra
    """
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from payments.ledger import list_journals  # noqa: PLC0415

    journals = in_transaction(instance_settings(), lambda tx: list_journals(tx, booking_id))
    if not journals:
        typer.echo(f"There is no journal of {booking_id}.", err=True)
        raise typer.Exit(1)
    table = Table("posted", "kind", "account", "amount", box=None)
    for journal in journals:
        for number, posting in enumerate(journal.postings):
            first = number == 0
            table.add_row(
                f"{journal.event_at:%Y-%m-%d %H:%M}" if first else "",
                str(journal.kind) if first else "",
                posting.account.code,
                str(posting.amount),
            )
    Console(highlight=False).print(table)


@finance_app.command("receipt")
def check_receipt(booking_id: Annotated[str, typer.Argument(help="The booking.")]) -> None:
    """Compute a receipt anew from the units stored and the tariffs; 1 when a cent differs.

    Example: mobility finance receipt bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra
    """
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility.booking.errors import NotFoundError, WrongStateError  # noqa: PLC0415
    from mobility.booking.queries import get_any_booking  # noqa: PLC0415
    from mobility.booking.receipt import Receipt, get_receipt  # noqa: PLC0415
    from mobility.cities.city import load_city  # noqa: PLC0415
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415

    settings = instance_settings()

    async def work(tx: AsyncConnection) -> Receipt:
        record = await get_any_booking(tx, booking_id)
        return await get_receipt(tx, record, load_city(settings.city))

    try:
        receipt = in_transaction(settings, work)
    except (NotFoundError, WrongStateError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    table = Table("leg", "provider", "tariff", "charged", "computed anew", box=None)
    for line in receipt.lines:
        if line.off is None:
            anew = f"cannot be said: {line.off_because}"
        else:
            anew = "equal" if not line.off else f"{line.gross - line.off}, off by {line.off}"
        table.add_row(
            line.leg_id, str(line.provider_id), line.tariff_version, str(line.gross), anew
        )
    Console(highlight=False, width=160).print(table)
    raise typer.Exit(
        0 if all(line.off is not None and not line.off for line in receipt.lines) else 1
    )
