"""The environment in which the processes of an instance find each other, and Settings from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from mobility.cities.city import list_cities
from mobility.embedded.folder import DataFolder, Secrets
from mobility.embedded.programs import reachable_host
from mobility.settings import Settings

_PLAIN = {
    "DATABASE_URL": "database_url",
    "REDIS_URL": "redis_url",
    "STRIPE_API_BASE": "stripe_api_base",
    "MOBILITY_PUBLIC_URL": "public_url",
    "MOBILITY_CITY": "city",
}
_SECRET = {
    "STRIPE_API_KEY": "stripe_api_key",
    "STRIPE_WEBHOOK_SECRET": "stripe_webhook_secret",
    "MOBILITY_SECRET_KEY": "secret_key",
}


def local_api_url(settings: Settings) -> str:
    """Where the processes of this machine reach the API."""
    host = reachable_host(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def is_all_given(settings: Settings) -> bool:
    """Whether database, Redis, payment processor and operators all come from outside."""
    given = (settings.database_url, settings.redis_url, settings.stripe_api_key)
    return all(value is not None for value in (*given, settings.provider_urls))


def given_environment(settings: Settings, folder: DataFolder, secrets: Secrets) -> dict[str, str]:
    """What is known before anything is started, by the names of the variables."""
    environment = {
        "MOBILITY_PUBLIC_URL": local_api_url(settings),
        "MOBILITY_SECRET_KEY": secrets.secret_key,
        "MOBILITY_DATA": str(folder.path),
        "MOBILITY_HOST": settings.host,
        "PORT": str(settings.port),
    }
    for variable, field in _PLAIN.items():
        if (value := getattr(settings, field)) is not None:
            environment[variable] = value
    for variable, field in _SECRET.items():
        if (secret := getattr(settings, field)) is not None:
            environment[variable] = secret.get_secret_value()
    if settings.city not in list_cities():
        environment["MOBILITY_CITY"] = str(Path(settings.city).absolute())
    if settings.provider_urls is not None:
        tokens = {
            name: token.get_secret_value() for name, token in settings.provider_tokens.items()
        }
        environment |= operator_environment(settings.provider_urls, tokens)
        issuers = {name: token.get_secret_value() for name, token in settings.issuer_tokens.items()}
        environment |= issuer_environment(settings.issuer_urls, issuers)
    return environment


def operator_environment(urls: Mapping[str, str], tokens: Mapping[str, str]) -> dict[str, str]:
    """Where the operators are and what we show them, by the names of the variables."""
    return {
        "MOBILITY_PROVIDER_URLS": json.dumps(dict(urls)),
        "MOBILITY_PROVIDER_TOKENS": json.dumps(dict(tokens)),
    }


def issuer_environment(urls: Mapping[str, str], tokens: Mapping[str, str]) -> dict[str, str]:
    """Where the issuers of passes are and what we show them, by the names of the variables."""
    return {
        "MOBILITY_ISSUER_URLS": json.dumps(dict(urls)),
        "MOBILITY_ISSUER_TOKENS": json.dumps(dict(tokens)),
    }


def settings_in(environment: Mapping[str, str], settings: Settings) -> Settings:
    """The settings as a process in ``environment`` would read them."""
    update: dict[str, object] = {
        field: environment[variable]
        for variable, field in _PLAIN.items()
        if variable in environment
    }
    for variable, field in _SECRET.items():
        if variable in environment:
            update[field] = SecretStr(environment[variable])
    if "MOBILITY_DATA" in environment:
        update["data"] = Path(environment["MOBILITY_DATA"])
    if "MOBILITY_PROVIDER_URLS" in environment:
        update["provider_urls"] = json.loads(environment["MOBILITY_PROVIDER_URLS"])
        tokens = json.loads(environment["MOBILITY_PROVIDER_TOKENS"])
        update["provider_tokens"] = {name: SecretStr(token) for name, token in tokens.items()}
    if "MOBILITY_ISSUER_URLS" in environment:
        update["issuer_urls"] = json.loads(environment["MOBILITY_ISSUER_URLS"])
        tokens = json.loads(environment["MOBILITY_ISSUER_TOKENS"])
        update["issuer_tokens"] = {name: SecretStr(token) for name, token in tokens.items()}
    return settings.model_copy(update=update)
