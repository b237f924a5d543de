"""What can be wrong with the settings before anything is started, and what a person should know."""

from __future__ import annotations

import asyncio
import shlex

from mobility.cities.city import UnknownCityError, load_city
from mobility.cities.rows import CityDataError
from mobility.embedded.process import EmbeddedError
from mobility.settings import Settings
from payments.errors import MisconfiguredError

POLLING_ALONE = (
    "STRIPE_API_KEY is set and STRIPE_WEBHOOK_SECRET is not: payments are followed by polling "
    "alone. To hear of them at once, set it to the signing secret of a webhook "
    "endpoint for /webhooks/stripe."
)


def check_settings(settings: Settings) -> None:
    """Refuse a city that cannot be read and a key that must not be used.

    Raises EmbeddedError.
    """
    try:
        load_city(settings.city)
    except (UnknownCityError, CityDataError) as error:
        raise EmbeddedError(f"MOBILITY_CITY: {error}") from error
    if settings.stripe_api_key is not None:
        asyncio.run(_check_key(settings.stripe_api_key.get_secret_value()))


async def _check_key(key: str) -> None:
    from payments.stripe_gateway import StripeGateway  # noqa: PLC0415 - slow, only with a key

    try:
        await StripeGateway(key).close()
    except MisconfiguredError as error:
        raise EmbeddedError(str(error)) from error


def polls_alone(settings: Settings) -> bool:
    """Whether there is a key to Stripe but no way to hear from it."""
    return settings.stripe_api_key is not None and settings.stripe_webhook_secret is None


def same_instance(settings: Settings) -> str:
    """What to put before a command so that it means this instance; empty for the default one."""
    defaults = Settings.model_fields
    variables = (("PORT", "port"), ("MOBILITY_DATA", "data"))
    return "".join(
        f"{variable}={shlex.quote(str(getattr(settings, field)))} "
        for variable, field in variables
        if getattr(settings, field) != defaults[field].default
    )
