import re
from asyncio import to_thread
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer import Typer
from typer.testing import CliRunner, Result

from mobility.audit import CONSOLE, list_deeds
from mobility.db import transaction
from mobility.identity.errors import NotSignedInError
from mobility.identity.provider_keys import find_provider_id
from mobility.identity.roles import Role
from mobility.identity.secrets import Secrets, derive_secrets
from mobility.identity.tokens import read_access_token
from mobility.identity_command import provider_app, token, verify_licence

SECRET = "a secret of this test run, long enough"

app = Typer()
app.command("token")(token)
app.command("verify-licence")(verify_licence)
app.add_typer(provider_app, name="provider")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def instance(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("MOBILITY_SECRET_KEY", SECRET)
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path))
    return derive_secrets(SECRET)


def test_a_token_makes_the_account_and_carries_the_role(instance: Secrets):
    now = datetime.now(UTC)
    read = []
    for role in ("rider", "finance", "staff"):
        made = run("token", role, "Anna@example.org")
        assert made.exit_code == 0, made.output
        read.append(read_access_token(instance.token_signing_key, made.output.strip(), now))
    assert len({identity.rider_id for identity in read}) == 1
    assert [identity.roles for identity in read] == [
        {Role.RIDER},
        {Role.RIDER, Role.FINANCE},
        {Role.RIDER, Role.STAFF},
    ]


def test_a_token_lasts_as_long_as_asked(instance: Secrets):
    made = run("token", "rider", "anna@example.org", "--minutes", "5").output.strip()
    key, now = instance.token_signing_key, datetime.now(UTC)
    assert read_access_token(key, made, now + timedelta(minutes=4))
    with pytest.raises(NotSignedInError):
        read_access_token(key, made, now + timedelta(minutes=6))


@pytest.mark.parametrize(
    "words",
    [
        ("token", "king", "anna@example.org"),
        ("token", "rider", "anna"),
        ("token", "rider", "anna@example.org", "--minutes", "100000"),
        ("provider", "add", "unheard-of"),
        ("provider", "key", "unheard-of"),
        ("verify-licence", "nobody@example.org"),
    ],
)
@pytest.mark.usefixtures("instance")
def test_what_cannot_be_is_said_without_a_traceback(words: tuple[str, ...]):
    done = run(*words)
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit)
    assert done.output


def test_without_an_instance_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path))
    done = run("token", "rider", "anna@example.org")
    assert done.exit_code == 1
    assert "make run" in done.output


@pytest.mark.usefixtures("instance")
def test_a_licence_is_verified_for_somebody_who_has_an_account():
    run("token", "rider", "anna@example.org")
    done = run("verify-licence", "anna@example.org")
    assert (done.exit_code, done.output[:12]) == (0, "Verified on ")


async def _find(engine: AsyncEngine, key: str) -> str | None:
    async with transaction(engine) as tx:
        return await find_provider_id(tx, key)


@pytest.mark.usefixtures("instance")
async def test_a_provider_gets_keys_and_they_are_revoked(engine: AsyncEngine):
    first = (await to_thread(run, "provider", "add", "demo-rad")).output.strip()
    assert await _find(engine, first) == "demo-rad"
    again = await to_thread(run, "provider", "add", "demo-rad")
    assert (again.exit_code, "mobility provider key demo-rad" in again.output) == (1, True)
    second = (await to_thread(run, "provider", "key", "demo-rad")).output.strip()
    assert [await _find(engine, key) for key in (first, second)] == ["demo-rad"] * 2
    third = (await to_thread(run, "provider", "key", "demo-rad", "--revoke")).output.strip()
    assert [await _find(engine, key) for key in (first, second, third)] == [None, None, "demo-rad"]
    listed = (await to_thread(run, "provider", "list")).output
    assert re.findall(r"(mpk_\w+|mpk_[\w-]+)….*?(revoked)?", listed)
    assert listed.count("revoked") == 2
    assert third not in listed


async def _deeds(engine: AsyncEngine) -> list[tuple[str, str]]:
    async with transaction(engine) as tx:
        found = await list_deeds(tx, limit=10)
    assert all(deed.actor.startswith(CONSOLE) for _, deed in found)
    return [(deed.action, deed.subject) for _, deed in reversed(found)]


async def test_what_is_granted_seen_and_handed_out_is_in_the_audit_log(
    instance: Secrets, engine: AsyncEngine
):
    for role in ("rider", "staff", "staff"):
        made = await to_thread(run, "token", role, "anna@example.org")
    anna = read_access_token(
        instance.token_signing_key, made.output.strip(), datetime.now(UTC)
    ).rider_id
    await to_thread(run, "verify-licence", "anna@example.org")
    first = (await to_thread(run, "provider", "add", "demo-rad")).output.strip()
    second = (await to_thread(run, "provider", "key", "demo-rad", "--revoke")).output.strip()
    assert await _deeds(engine) == [
        ("role.grant", f"{anna} staff"),
        ("licence.see", anna),
        ("provider.add_key", f"demo-rad {first[:10]}"),
        ("provider.revoke_keys", "demo-rad"),
        ("provider.add_key", f"demo-rad {second[:10]}"),
    ]


@pytest.mark.parametrize("words", [("token",), ("verify-licence",), ("provider", "add")])
def test_help_has_an_example(words: tuple[str, ...]):
    assert "Example: mobility " in run(*words, "--help").output
