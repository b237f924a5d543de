"""Configuration, read once from the environment; see docs/operations.md for each variable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from mobility.identity.secrets import MINIMUM_SECRET_LENGTH


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MINIMUM_SECRET_LENGTH:
        raise ValueError(
            f"set at least {MINIMUM_SECRET_LENGTH} random characters, such as from: "
            "openssl rand -hex 32"
        )
    return key


def _begins_with(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(schemes):
            raise ValueError(f"an address begins with {' or '.join(schemes)}")
        return url

    return AfterValidator(check)


class NotConfiguredError(Exception):
    """A setting that a process or command needs is missing; the message says which."""


class Settings(BaseSettings):
    """All there is to set. Unset means the embedded default."""

    model_config = SettingsConfigDict(env_prefix="MOBILITY_", extra="ignore", frozen=True)

    data: Path = Path(".mobility")
    city: str = "luebeck"
    redis_prefix: str = "mobility:"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="PORT")
    public_url: str | None = None
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    ticket_epoch: int = Field(default=0, ge=0)
    cors_origins: tuple[str, ...] = ()
    smtp_url: SecretStr | None = None
    mail_from: str = "mobil@localhost"
    rate_limit_per_minute: int = 600
    rate_limit_codes_per_hour: int = 20
    step_lease_seconds: float = 10
    hold_seconds: int = 600
    offer_seconds: int = 600
    stripe_per_second: float = Field(default=20, gt=0)
    gtfs_realtime_urls: tuple[str, ...] = ()

    database_url: Annotated[str, _begins_with("postgresql", "postgres:")] | None = Field(
        default=None, validation_alias="DATABASE_URL"
    )
    provider_urls: dict[str, str] | None = None
    provider_tokens: dict[str, SecretStr] = Field(default_factory=dict)
    issuer_urls: dict[str, str] = Field(default_factory=dict)
    issuer_tokens: dict[str, SecretStr] = Field(default_factory=dict)
    redis_url: Annotated[str, _begins_with("redis://", "rediss://", "unix://")] | None = Field(
        default=None, validation_alias="REDIS_URL"
    )
    stripe_api_key: SecretStr | None = Field(default=None, validation_alias="STRIPE_API_KEY")
    stripe_api_base: str | None = Field(default=None, validation_alias="STRIPE_API_BASE")
    stripe_webhook_secret: SecretStr | None = Field(
        default=None, validation_alias="STRIPE_WEBHOOK_SECRET"
    )


def say_wrong(error: ValidationError | SettingsError) -> str:
    """Which variables cannot be read and why, without what they hold: it may be a secret."""
    if isinstance(error, SettingsError):
        field = re.search(r'"(\w+)"', str(error))
        return f"{_variable(field[1] if field else '')} is not JSON; docs/operations.md shows how"
    return "; ".join(
        f"{_variable(str(one['loc'][0]))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    )


def _variable(name: str) -> str:
    return name if name.isupper() else f"MOBILITY_{name.upper()}"
