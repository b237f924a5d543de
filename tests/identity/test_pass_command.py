"""``mobility verify-pass`` and ``revoke-pass``: staff has seen the card."""

from asyncio import to_thread
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from typer import Typer
from typer.testing import CliRunner, Result

from mobility.audit import list_deeds
from mobility.db import transaction
from mobility.identity.pass_states import PassKind, PassState
from mobility.identity.passes import add_pass, held_passes, list_passes
from mobility.identity.riders import get_or_add_rider
from mobility.identity.secrets import Secrets, derive_secrets
from mobility.identity.vault import Vault
from mobility.pass_command import revoke_pass_command, verify_pass
from mobility.tables import audit

SECRET = "a secret of this test run, long enough"
NOW = datetime.now(UTC)
TODAY = NOW.date()
NEXT_YEAR = (TODAY + timedelta(days=365)).isoformat()

app = Typer()
app.command("verify-pass")(verify_pass)
app.command("revoke-pass")(revoke_pass_command)


async def run(*words: str) -> Result:
    return await to_thread(CliRunner().invoke, app, words)


async def see(name: str, *more: str, card: str = "23-4711", until: str = NEXT_YEAR) -> Result:
    email = f"{name}@example.org"
    return await run("verify-pass", email, "wertmarke", "--card", card, "--until", until, *more)


@pytest.fixture
def instance(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("MOBILITY_SECRET_KEY", SECRET)
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path))
    return derive_secrets(SECRET)


async def declare(engine: AsyncEngine, secrets: Secrets, name: str) -> str:
    async with transaction(engine) as tx:
        rider_id = await get_or_add_rider(tx, secrets, f"{name}@example.org", NOW)
        await add_pass(
            tx, Vault(secrets.vault_key), rider_id, kind=PassKind.WERTMARKE,
            valid_from=TODAY - timedelta(days=1), valid_until=None, now=NOW,
        )  # fmt: skip
    return rider_id


async def held(engine: AsyncEngine, secrets: Secrets, rider_id: str) -> frozenset[str]:
    async with transaction(engine) as tx:
        return await held_passes(tx, Vault(secrets.vault_key), rider_id, [TODAY], NOW)


async def test_a_card_that_was_shown_counts_until_it_is_revoked(
    instance: Secrets, engine: AsyncEngine
):
    anna = await declare(engine, instance, "anna")
    assert (await see("anna")).output == f"Verified until {NEXT_YEAR}.\n"
    assert await held(engine, instance, anna) == {"wertmarke"}
    revoked = await run("revoke-pass", "anna@example.org", "wertmarke", "--reason", "card lost")
    assert revoked.exit_code == 0
    assert await held(engine, instance, anna) == frozenset()
    again = await run("revoke-pass", "anna@example.org", "wertmarke", "--reason", "card lost")
    assert (again.exit_code, "no verified pass" in again.output) == (1, True)


async def test_one_card_serves_one_account_however_it_is_written(
    instance: Secrets, engine: AsyncEngine
):
    await declare(engine, instance, "anna")
    otto = await declare(engine, instance, "otto")
    await see("anna", card="23-ab 4711")
    refused = await see("otto", card="23-AB4711")
    assert (refused.exit_code, "serves another account" in refused.output) == (1, True)
    assert await held(engine, instance, otto) == frozenset()
    assert (await see("otto", card="23-AB4712")).exit_code == 0


async def test_the_audit_log_says_that_and_not_of_which_kind(
    instance: Secrets, engine: AsyncEngine
):
    await declare(engine, instance, "anna")
    await see("anna")
    async with transaction(engine) as tx:
        ((_, deed),) = await list_deeds(tx, limit=5)
        rows = (await tx.execute(select(audit))).all()
    assert (deed.action, deed.reason) == ("pass.see", "the card was shown")
    assert deed.actor.startswith("console:")
    assert "wertmarke" not in str(rows)
    assert "4711" not in str(rows)


async def test_what_cannot_be_recorded_says_why(instance: Secrets, engine: AsyncEngine):
    nobody = await see("anna")
    assert (nobody.exit_code, "sign in once first" in nobody.output) == (1, True)
    async with transaction(engine) as tx:
        await get_or_add_rider(tx, instance, "anna@example.org", NOW)
    undeclared = await see("anna")
    assert (undeclared.exit_code, "added no pass" in undeclared.output) == (1, True)
    rider_id = await declare(engine, instance, "anna")
    for more in ({"until": "2020-01-01"}, {"until": "soon"}, {"card": "1"}, {"card": "4711\n"}):
        assert (await see("anna", **more)).exit_code != 0, more
    async with transaction(engine) as tx:
        (item,) = await list_passes(tx, Vault(instance.vault_key), rider_id)
    assert item.state is PassState.DECLARED
