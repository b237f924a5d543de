"""What inspectors carry along: published keys, and the signed list of what is valid no more."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bus.revocations import publish_list, read_list
from providers.bus.ticket_errors import TrustError
from providers.bus.ticket_keys import publish, read_day, read_keys

SEED = bytes(range(32))
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
KEYS_JSON = publish(SEED, EIGHT, ()).model_dump_json()
KEYS = read_keys(KEYS_JSON)
LIST_JSON = publish_list(SEED, EIGHT, {"2f7c": 3}, ("2026-11-25",)).model_dump_json()


def test_what_was_published_is_read_again():
    found = read_list(LIST_JSON, KEYS, EIGHT)
    assert (found.tickets, found.keys) == ({"2f7c": 3}, {"2026-11-25"})
    assert (found.issued_at, found.next_update) == (EIGHT, EIGHT + timedelta(minutes=1))


def test_the_keys_are_those_of_yesterday_to_a_week_ahead_and_their_followers():
    days = [f"2026-11-{day}" for day in range(25, 31)] + ["2026-12-01", "2026-12-02", "2026-12-03"]
    assert set(KEYS.tickets) == {*days, *(f"{day}.1" for day in days)}


def test_a_withdrawn_key_is_published_no_more_and_the_next_ones_are():
    keys = read_keys(publish(SEED, EIGHT, ("2026-11-26", "2026-11-26.2")).model_dump_json())
    assert {k for k in keys.tickets if k.startswith("2026-11-26")} == {
        "2026-11-26.1",
        "2026-11-26.3",
    }


def test_no_two_keys_are_the_same():
    keys = [jwk["x"] for jwk in json.loads(KEYS_JSON)["keys"]]
    assert len(keys) == len(set(keys)) == 19


def test_a_list_serves_for_a_day_and_not_longer():
    assert read_list(LIST_JSON, KEYS, EIGHT + timedelta(days=1))
    with pytest.raises(TrustError, match="2026-11-26 08:00 UTC: too old"):
        read_list(LIST_JSON, KEYS, EIGHT + timedelta(days=1, seconds=1))


def test_nobody_else_signs_a_list():
    other = publish_list(bytes(32), EIGHT, {}, ()).model_dump_json()
    with pytest.raises(TrustError, match="not signed"):
        read_list(other, KEYS, EIGHT)


def test_no_bit_of_a_list_can_be_changed():
    text = json.loads(LIST_JSON)["list"]
    for at in range(len(text) * 7):
        changed = text[: at // 7] + chr(ord(text[at // 7]) ^ 1 << at % 7) + text[at // 7 + 1 :]
        with pytest.raises(TrustError):
            read_list(json.dumps({"list": changed}), KEYS, EIGHT)


HOSTILE = [
    "",
    "null",
    "[]",
    "{}",
    '{"keys": []}',
    '{"keys": {}}',
    '{"list": 5}',
    '{"list": ""}',
    '{"list": "MR1..", "keys": [{"kty": "RSA"}]}',
    '{"list": "MR1.bnVsbA.AA", "keys": null}',
    '{"list": "\\u0000", "keys": ["\\u0000"]}',
    "[" * 100_000,
    '{"keys": [' * 10_000,
    "\x00",
    KEYS_JSON.replace("Ed25519", "Ed448"),
    KEYS_JSON.replace('"OKP"', '"RSA"'),
    KEYS_JSON.replace('"x":"', '"x":"!'),
    KEYS_JSON.replace('"revocations"', '"lists"'),
    KEYS_JSON.replace('"nbf":', '"nbf":-'),
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_that_is_none_cannot_be_used(raw: str):
    with pytest.raises(TrustError):
        read_keys(raw)
    with pytest.raises(TrustError):
        read_list(raw, KEYS, EIGHT)


@given(st.binary(max_size=200))
def test_rubbish_cannot_be_used(raw: bytes):
    with pytest.raises(TrustError):
        read_keys(raw)
    with pytest.raises(TrustError):
        read_list(raw, KEYS, EIGHT)


@pytest.mark.parametrize("key_id", ["2026-11-26", "2026-11-26.1", "2026-11-26.99", "2028-02-29"])
def test_a_key_names_its_day(key_id: str):
    assert read_day(key_id).isoformat() == key_id[:10]


@pytest.mark.parametrize(
    "key_id",
    ["", "revocations", "2026-11-31", "2026-11-26.0", "2026-11-26.01", "2026-11-26.", "26-11-26"],
)
def test_what_names_no_day_is_no_key(key_id: str):
    with pytest.raises(ValueError, match=r"."):
        read_day(key_id)
