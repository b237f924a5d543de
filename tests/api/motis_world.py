"""The MOTIS API before the real city, and the document that existing apps are made for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import yaml
from fastapi import FastAPI
from fastapi.datastructures import State
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from redis.asyncio import Redis

from gtfs.realtime_live import Live
from mobility.api.errors import install_errors
from mobility.api.limits import install_limits
from mobility.api.motis import routes
from mobility.identity.secrets import derive_secrets
from mobility.identity.vault import Vault
from mobility.sales_watch import SalesWatch
from mobility.settings import Settings
from mobility.wiring import Wiring
from tests.api.conftest import START, make_client, plain_settings
from tests.planning.world import luebeck, luebeck_planner

Json = dict[str, Any]
HERE = "53.865892,10.670654"
"""Hauptbahnhof."""
THERE = "53.837723,10.700286"
"""Technische Hochschule."""
DOCUMENT = Path(__file__).parents[2].parent / "shared/specs/motis-openapi.yaml"
VERSIONS = (1, 2, 3, 4, 5, 6)


@cache
def document() -> Json:
    """The foreign document, or a visible skip where the material beside the repository is not."""
    if not DOCUMENT.exists():
        pytest.skip("needs ../shared/specs/motis-openapi.yaml")
    loaded: Json = yaml.load(DOCUMENT.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


@cache
def _validator(path: str, method: str, status: int) -> Draft202012Validator:
    answers = document()["paths"][path][method]["responses"]
    schema = answers[str(status)]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document()["components"]}
    return validator_for(whole, Draft202012Validator)(whole)


def assert_fits(shown: object, path: str, *, method: str = "get", status: int = 200) -> None:
    """The answer is one that the document allows for that operation."""
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in _validator(path, method, status).iter_errors(shown)
    ]
    assert errors == []


@dataclass
class Motis:
    """The application with Lübeck behind it, no database, and a clock that stands still."""

    app: FastAPI
    client: httpx.AsyncClient
    wiring: Wiring
    now: datetime = START


def motis_app(redis: Redis, settings: Settings) -> tuple[FastAPI, Wiring]:
    """The routes of the MOTIS API in the middleware of the product."""
    planner, app = luebeck_planner(START), _routes()
    secrets = derive_secrets("a secret of this test run, long enough")
    known: dict[str, Any] = {
        "settings": settings,
        "secrets": secrets,
        "vault": Vault(secrets.vault_key),
        "clock": lambda: START,
        "city": luebeck(),
        "redis": redis,
        "stanzas": {stanza.provider_id: stanza for stanza in luebeck().providers},
        "mirror": planner.mirror,
        "planner": planner,
        "sales": SalesWatch(cast("Any", None), luebeck()),
        "realtime": SimpleNamespace(current=Live.of(planner.timetable)),
    }
    nobody_asks = {field.name: None for field in fields(Wiring) if field.name not in known}
    wiring = Wiring(**known, **cast("Any", nobody_asks))
    app.state = State({"wiring": wiring})
    return app, wiring


@cache
def _routes() -> FastAPI:
    """One for all tests, as making it takes longer than most of them."""
    app = FastAPI()
    app.include_router(routes.router)
    install_limits(app, plain_settings())
    install_errors(app)
    return app


@pytest.fixture
async def motis(redis: Redis, redis_prefix: str) -> AsyncIterator[Motis]:
    unlimited = {"redis_prefix": redis_prefix, "rate_limit_per_minute": 0}
    settings = plain_settings().model_copy(update=unlimited)
    app, wiring = motis_app(redis, settings)
    async with make_client(app) as client:
        yield Motis(app, client, wiring)


async def ask(world: Motis, path: str, status: int = 200, **query: object) -> Any:
    """The answer of a GET; lists are written with commas, truth values in lower case."""
    sent = {name.rstrip("_"): _text(value) for name, value in query.items()}
    answer = await world.client.get(path, params=sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def one_bus(shown: Json) -> Json:
    """The first itinerary that is one bus from door to door: line 1 at 09:09."""
    found: Json = next(
        i for i in shown["itineraries"] if len(i["legs"]) == 1 and "tripId" in i["legs"][0]
    )
    return found


async def plan(world: Motis, version: int = 6, status: int = 200, **query: object) -> Json:
    """From Hauptbahnhof to the Technische Hochschule, unless it says otherwise."""
    asked = {"fromPlace": HERE, "toPlace": THERE} | query
    shown: Json = await ask(world, f"/api/v{version}/plan", status, **asked)
    return shown
