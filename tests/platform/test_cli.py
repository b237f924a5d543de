"""The commands as one meets them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from mobility.cli import app


def walk(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    parts: dict[str, object] = getattr(command, "commands", {})
    for name, part in parts.items():
        yield from walk(part, (*path, name))


COMMANDS = list(walk(get_command(app)))


def test_the_commands_of_the_contract_are_there():
    assert {
        (),
        *((name,) for name in ("serve", "worker", "migrate", "trip", "token", "feed", "provider")),
        *(("feed", name) for name in ("import", "answer")),
        *(("provider", name) for name in ("add", "list", "key")),
        *(("finance", name) for name in ("reconcile", "trace", "receipt")),
        ("city", "new"),
    } <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(("mobility", *path)))
def test_every_command_has_help_with_an_example_that_calls_it(path: tuple[str, ...]):
    told = CliRunner().invoke(app, [*path, "--help"]).stdout
    example = " ".join(told.split()).partition("Example: ")[2]
    assert f"{' '.join(('mobility', *path))} " in f"{example} "


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "http", "PORT: Input should be a valid integer"),
        ("PORT", "70000", "PORT: Input should be less than or equal to 65535"),
        ("MOBILITY_OFFER_SECONDS", "soon", "MOBILITY_OFFER_SECONDS: Input should be a valid"),
        ("MOBILITY_PROVIDER_URLS", "s3cret", "MOBILITY_PROVIDER_URLS: Input should be a valid di"),
        ("MOBILITY_SECRET_KEY", "s3cret", "MOBILITY_SECRET_KEY: set at least 32 random char"),
        ("DATABASE_URL", "mysql://s3cret", "DATABASE_URL: an address begins with postgresql"),
        ("REDIS_URL", "s3cret", "REDIS_URL: an address begins with redis:// or rediss://"),
        ("MOBILITY_CORS_ORIGINS", "s3cret", "MOBILITY_CORS_ORIGINS is not JSON"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
):
    monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(app, ["serve"])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"mobility: {said}")
    assert "s3cret" not in done.output


@pytest.mark.parametrize("command", ["migrate", "steps list", "finance reconcile", "provider list"])
def test_a_database_that_is_not_there_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, command: str
):
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:s3cret@127.0.0.1:9/nothing")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_x")
    monkeypatch.setenv("MOBILITY_SECRET_KEY", "k" * 32)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1
    assert done.stderr.startswith("mobility: the database cannot be used: ")
    assert "s3cret" not in done.output


@pytest.mark.parametrize("command", ["migrate", "worker"])
def test_what_is_not_set_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, command: str):
    for name in ("DATABASE_URL", "MOBILITY_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(app, [command])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert " is not set; " in done.stderr


def test_a_processor_that_is_not_there_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, database_url: str
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_x")
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")
    done = CliRunner().invoke(app, ["finance", "reconcile"])
    assert done.exit_code == 1
    assert done.stderr.startswith("mobility: the payment processor does not answer; try again")


def test_a_refund_that_never_came_back_cannot_be_booked_as_transferred(
    monkeypatch: pytest.MonkeyPatch, database_url: str
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = CliRunner().invoke(
        app, ["finance", "transferred", "pay_1.refund.all", "--reason", "transfer 4711"]
    )
    said = "no refund pay_1.refund.all came back, or was given up, that is to be paid by hand"
    assert (done.exit_code, done.stderr) == (1, f"Not done: {said}.\n")


def test_a_case_that_is_not_open_cannot_be_closed(
    monkeypatch: pytest.MonkeyPatch, database_url: str
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = CliRunner().invoke(app, ["finance", "close-case", "dp_1", "--reason", "transfer 4711"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Not done: of dp_1 no case is open of the kinds dispute, amount")
