"""``mobility ticket verify``: what an inspector without a network is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from mobility.cli import app
from payments.money import Money
from providers.bus.envelope import encode
from providers.bus.revocations import publish_list
from providers.bus.ticket import Ticket, bind, show
from providers.bus.ticket_keys import key_of_day, publish

SEED = bytes(range(32))
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
PHONE = Ed25519PrivateKey.from_private_bytes(bytes(32))
TICKET = Ticket(
    id="2f7c1b0a9e8d7c6b5a40",
    issuer="stadtverkehr-luebeck",
    product="single:2:adult",
    passengers=2,
    price=Money(720),
    tariff_version="sh-tarif-2026-04-01",
    valid_from=EIGHT,
    valid_until=EIGHT + timedelta(hours=2),
)
BOUND = bind(
    key_of_day(SEED, EIGHT.date(), ()), TICKET, 1, encode(PHONE.public_key().public_bytes_raw())
)
VALID = (
    "Valid: single:2:adult of stadtverkehr-luebeck for 2 persons, 7.20 EUR, until 2026-11-26 10:00 "
    "UTC. Ticket 2f7c1b0a9e8d7c6b5a40, binding 1.\n"
)
OLD = (
    "The revocation list is of 2026-11-26 08:00 UTC: what was cancelled or moved since is not "
    "known here.\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An inspector's device, last heard of at eight."""
    (tmp_path / "keys.json").write_text(publish(SEED, EIGHT, ()).model_dump_json())
    listed = publish_list(SEED, EIGHT, {"another": 1}, ())
    (tmp_path / "list.json").write_text(listed.model_dump_json())
    return tmp_path


def ask(folder: Path, code: str, at: str | datetime, stdin: str | bytes = "") -> tuple[int, str]:
    moment = at if isinstance(at, str) else at.isoformat()
    files = ["--keys", str(folder / "keys.json"), "--revocations", str(folder / "list.json")]
    told = CliRunner().invoke(app, ["ticket", "verify", *files, "--at", moment, code], input=stdin)
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    return told.exit_code, told.stdout


@pytest.mark.parametrize("stdin", [False, True])
def test_a_valid_ticket_is_0(files: Path, stdin: bool):
    code = show(BOUND, PHONE, EIGHT)
    given = ("-", EIGHT, code + "\n") if stdin else (code, EIGHT)
    assert ask(files, *given) == (0, VALID)


def test_an_old_list_serves_and_says_so(files: Path):
    at = EIGHT + timedelta(minutes=90)
    assert ask(files, show(BOUND, PHONE, at), at) == (0, VALID + OLD)


def test_the_instant_may_be_of_any_zone(files: Path):
    assert ask(files, show(BOUND, PHONE, EIGHT), "2026-11-26T09:00:00+01:00") == (0, VALID)


def test_a_picture_of_a_code_is_1(files: Path):
    status, told = ask(files, show(BOUND, PHONE, EIGHT), EIGHT + timedelta(minutes=1))
    assert (status, told) == (
        1,
        "Not valid: a code of 60 s ago: a copy, or the phone's clock is wrong.\n",
    )


@pytest.mark.parametrize(
    "code", ["", "x", "MT2.\x00.a.a.1.b", "🎫", "MT2." + "A" * 100_000, "[" * 1000], ids=range(6)
)
def test_what_is_no_ticket_is_1(files: Path, code: str):
    assert ask(files, "-", EIGHT, code)[0] == 1
    assert ask(files, code, EIGHT)[0] == 1


def test_bytes_that_are_no_text_are_1(files: Path):
    assert ask(files, "-", EIGHT, b"MT2.\xff\xfe\x00.a.1.b")[0] == 1


def test_a_list_that_is_too_old_is_2(files: Path):
    at = EIGHT + timedelta(days=1, seconds=1)
    status, told = ask(files, show(BOUND, PHONE, at), at)
    assert (status, told.startswith("Cannot tell: the revocation list is of")) == (2, True)


@pytest.mark.parametrize("name", ["keys.json", "list.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b"null", b"[" * 100_000])
def test_files_that_cannot_be_used_are_2(files: Path, name: str, content: bytes | None):
    if content is None:
        (files / name).unlink()
    else:
        (files / name).write_bytes(content)
    assert ask(files, show(BOUND, PHONE, EIGHT), EIGHT)[0] == 2


@pytest.mark.parametrize("at", ["noon", "2026-11-26T08:00:00", "0001-01-01T00:00:00+14:00", ""])
def test_an_instant_that_is_none_is_2(files: Path, at: str):
    assert ask(files, show(BOUND, PHONE, EIGHT), at)[0] == 2
