"""``mobility sales``: stop selling and sell again, straight on the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mobility.steps_command import Why, console_actor

sales_app = typer.Typer(
    help="Stop selling a provider, a mode or everything; trips under way go on.\n\n"
    "Example: mobility sales list",
    no_args_is_help=True,
)
_Target = Annotated[
    str, typer.Argument(help="`all`, `mode:bike` or the like, `provider:demo-rad` or the like.")
]


@sales_app.command("list")
def list_sales() -> None:
    """Show what is not sold at the moment; 1 if anything.

    Example: mobility sales list
    """
    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from mobility.sale_stops import list_in_force  # noqa: PLC0415

    found = in_transaction(instance_settings(), list_in_force)
    for stop in found:
        typer.echo(
            f"{stop.target}  since {stop.begun_at:%Y-%m-%d %H:%M} UTC by {stop.begun_by}: "
            f"{stop.reason}"
        )
    if not found:
        typer.echo("Everything is sold.")
    raise typer.Exit(1 if found else 0)


@sales_app.command("stop")
def stop_sales(target: _Target, *, reason: Why) -> None:
    """Sell nothing more of a provider, a mode, or at all.

    Example: mobility sales stop provider:demo-rad --reason "locks do not open"
    """
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from mobility.sale_stops import SaleStop, begin_stop, read_target  # noqa: PLC0415
    from providers.values import Mode  # noqa: PLC0415

    sold = [f"mode:{mode}" for mode in Mode if mode is not Mode.WALK]
    if target.startswith("mode:") and target not in sold:
        modes = ", ".join(each.removeprefix("mode:") for each in sold)
        raise typer.BadParameter(f"{target} is not sold anyway, only {modes}")
    try:
        what = read_target(target)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

    async def work(tx: AsyncConnection) -> SaleStop:
        now = datetime.now(UTC)
        return await begin_stop(tx, what, actor=console_actor(), reason=reason, now=now)

    settings = instance_settings()
    _check_provider(settings.city, what.provider_id)
    stop = in_transaction(settings, work)
    typer.echo(f"{stop.target} is not sold any more: {stop.reason}")


def _check_provider(city: str, provider_id: str | None) -> None:
    from mobility.cities.city import load_city  # noqa: PLC0415

    known = [stanza.id for stanza in load_city(city).providers]
    if provider_id is not None and provider_id not in known:
        raise typer.BadParameter(f"there is no provider {provider_id}, only {', '.join(known)}")


@sales_app.command("resume")
def resume_sales(target: _Target, *, reason: Why = "resumed from the console") -> None:
    """Sell again what was stopped by the same words.

    Example: mobility sales resume provider:demo-rad
    """
    from sqlalchemy.ext.asyncio import AsyncConnection  # noqa: PLC0415

    from mobility.identity_command import in_transaction, instance_settings  # noqa: PLC0415
    from mobility.sale_stops import end_stop, list_in_force  # noqa: PLC0415

    async def work(tx: AsyncConnection) -> bool:
        for stop in await list_in_force(tx):
            if str(stop.target) == target:
                now = datetime.now(UTC)
                await end_stop(tx, stop.id, actor=console_actor(), reason=reason, now=now)
                return True
        return False

    if not in_transaction(instance_settings(), work):
        typer.echo(f"{target!r} is not stopped; `mobility sales list` shows what is.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{target} is sold again.")
