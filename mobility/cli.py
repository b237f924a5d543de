"""The console command ``mobility``. Each command loads only what it needs."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import OperationalError
from typer.core import TyperGroup

from mobility.alone import NotAloneError
from mobility.cities.city import UnknownCityError
from mobility.cities.new import city_app
from mobility.cities.rows import CityDataError
from mobility.feed_command import feed_app
from mobility.finance_command import finance_app
from mobility.give_back_command import release_and_refund
from mobility.goodwill_command import goodwill
from mobility.identity_command import provider_app, token, verify_licence
from mobility.pass_command import revoke_pass_command, verify_pass
from mobility.realtime_command import show_realtime
from mobility.restore_command import restore_app
from mobility.sales_command import sales_app
from mobility.settings import NotConfiguredError, Settings, say_wrong
from mobility.steps_command import steps_app
from mobility.streets_command import streets_app
from mobility.ticket_command import ticket_app
from payments.errors import MisconfiguredError, UnreachableError


class _OneLine(TyperGroup):
    """Says in one line what is wrong with a setting or the database, whatever the command."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().invoke(*args, **kwargs)
        except (UnknownCityError, CityDataError) as error:
            message = f"MOBILITY_CITY: {error}"
        except (MisconfiguredError, NotConfiguredError, NotAloneError) as error:
            message = str(error)
        except OperationalError as error:
            message = f"the database cannot be used: {error.orig}"
        except UnreachableError as error:
            message = f"the payment processor does not answer; try again later: {error}"
        except SettingsError as error:
            message = say_wrong(error)
        except ValidationError as error:
            if error.title != Settings.__name__:
                raise
            message = say_wrong(error)
        sys.stderr.write(f"mobility: {message}\n")
        raise typer.Exit(1)


app = typer.Typer(
    cls=_OneLine,
    help="Plan, book and pay a trip across bus, bike and car as one.\n\n"
    "Example: mobility serve, and in another terminal: mobility trip",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
feed_app.command("realtime")(show_realtime)
app.add_typer(feed_app, name="feed")
app.add_typer(streets_app, name="streets")
app.add_typer(city_app, name="city")
app.add_typer(provider_app, name="provider")
app.add_typer(finance_app, name="finance")
app.add_typer(ticket_app, name="ticket")
app.add_typer(steps_app, name="steps")
app.add_typer(sales_app, name="sales")
app.add_typer(restore_app, name="restore")
app.command("release-and-refund")(release_and_refund)
app.command("goodwill")(goodwill)
app.command("token")(token)
app.command("verify-licence")(verify_licence)
app.command("verify-pass")(verify_pass)
app.command("revoke-pass")(revoke_pass_command)


@app.command()
def serve(
    *,
    die_with_parent: Annotated[
        bool, typer.Option(help="Stop also when the process that started this one ends.")
    ] = False,
) -> None:
    """Run the API; starts whatever is not configured (database, Redis, payments, operators).

    Example: PORT=8001 MOBILITY_DATA=/tmp/second mobility serve
    """
    from mobility.embedded.serve import serve as run  # noqa: PLC0415
    from mobility.prepare import prepare_city, prepare_kernel  # noqa: PLC0415

    preparations = (("City", prepare_city), ("Journey kernel", prepare_kernel))
    raise typer.Exit(run(Settings(), preparations, die_with_maker=die_with_parent))


@app.command()
def worker() -> None:
    """Work off durable steps: bookings to bring to their end, payments, availability to fetch.

    Example: DATABASE_URL=postgresql://… REDIS_URL=redis://… mobility worker
    """
    import uvloop  # noqa: PLC0415 - as uvicorn runs the API

    from mobility.worker import work  # noqa: PLC0415

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvloop.run(work(Settings()))


@app.command("migrate")
def migrate_database() -> None:
    """Bring the database to this version's tables; safe to run from several machines at once.

    Example: DATABASE_URL=postgresql://localhost/mobility mobility migrate
    """
    from mobility.migrate import migrate  # noqa: PLC0415

    settings = Settings()
    if settings.database_url is None:
        raise NotConfiguredError("DATABASE_URL is not set; `mobility serve` migrates by itself")
    migrate(settings.database_url)
    typer.echo("The tables are those of this version.")


@app.command()
def trip(
    url: Annotated[
        str | None, typer.Option(help="The server; else the one running on this machine.")
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--from", help="Where from; else the city's station.")
    ] = None,
    destination: Annotated[
        str | None, typer.Option("--to", help="Where to; else where bus and rental go together.")
    ] = None,
) -> None:
    """Take a whole trip over HTTP and tell it: search, book, pay, ride, settle, reconcile.

    Example: mobility trip --from "Hauptbahnhof" --to "Technische Hochschule"
    """
    from mobility.trip_command import take_trip  # noqa: PLC0415

    raise typer.Exit(take_trip(url, origin, destination))


if __name__ == "__main__":
    app()
