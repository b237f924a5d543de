"""The demo operators and issuers of a city, and the keys with which vehicles are pushed to us."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Sequence
from datetime import datetime

from mobility.cities.city import load_city
from mobility.db import make_engine, transaction
from mobility.embedded.environment import issuer_environment, operator_environment
from mobility.embedded.folder import DataFolder, Secrets
from mobility.embedded.process import find_answer
from mobility.embedded.programs import StandIns, make_issuer, make_operator
from mobility.identity.provider_keys import add_key, find_provider_id
from providers.stanza import ProviderStanza


def make_operators(
    city: str,
    folder: DataFolder,
    secrets: Secrets,
    *,
    database_url: str,
    api_url: str,
    now: datetime,
) -> StandIns:
    """A process per demo operator that rents out vehicles, each with its token and its key.

    And one per demo issuer of passes, with its token.
    """
    found = load_city(city)
    providers_toml = found.folder / "providers.toml"
    stanzas = [stanza for stanza in found.providers if stanza.demo and stanza.protocol is not None]
    issuers = [issuer.id for issuer in found.list_pass_issuers() if issuer.demo]
    for name in (*(stanza.id for stanza in stanzas), *issuers):
        secrets = secrets.with_operator_token(name)
    secrets = asyncio.run(_with_provider_keys(secrets, stanzas, database_url, now))
    folder.save_secrets(secrets)
    made = {
        stanza.id: make_operator(stanza, providers_toml, folder, secrets, api_url)
        for stanza in stanzas
    }
    urls = {provider_id: url for provider_id, (_, url) in made.items()}
    tokens = {stanza.id: secrets.operator_tokens[stanza.id] for stanza in stanzas}
    asked = {name: make_issuer(name, folder, secrets.operator_tokens[name]) for name in issuers}
    programs = tuple(program for program, _ in (*made.values(), *asked.values()))
    return StandIns(
        programs,
        operator_environment(urls, tokens)
        | issuer_environment(
            {name: url for name, (_, url) in asked.items()},
            {name: secrets.operator_tokens[name] for name in issuers},
        ),
    )


def wait_until_heard(
    provider_ids: Collection[str], host: str, port: int, *, within_seconds: float = 10
) -> None:
    """Return once the API knows of these operators' vehicles, or when the time is up.

    Whoever opens the product then finds everything; an operator that is late keeps nobody waiting.
    """
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        told = json.loads(find_answer(host, port, "/readyz") or b"{}").get("providers", {})
        if all(told.get(name, {}).get("age_seconds") is not None for name in provider_ids):
            return
        time.sleep(0.1)


async def _with_provider_keys(
    secrets: Secrets, stanzas: Sequence[ProviderStanza], database_url: str, now: datetime
) -> Secrets:
    """Keep the keys the database knows; make one for each operator that has none."""
    engine = make_engine(database_url, pool_size=1)
    try:
        async with transaction(engine) as tx:
            for stanza in stanzas:
                key = secrets.provider_keys.get(stanza.id)
                if key is None or await find_provider_id(tx, key) != stanza.id:
                    key = await add_key(tx, stanza.provider_id, now)
                    secrets = secrets.with_provider_key(stanza.id, key)
    finally:
        await engine.dispose()
    return secrets
