"""Tickets: signed, shown by one device, of this moment, and worthless when touched."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Money
from providers.bus.envelope import encode
from providers.bus.revocations import Revocations, publish_list, read_list
from providers.bus.ticket import (
    SLOT_S,
    Inspected,
    Ticket,
    bind,
    read_claims,
    read_device_key,
    show,
    slot_of,
    verify,
    write_claims,
)
from providers.bus.ticket_errors import (
    ForgedTicketError,
    KeyOfAnotherDayError,
    NotYetValidError,
    RevokedKeyError,
    RevokedTicketError,
    StaleCodeError,
    TicketError,
    TicketExpiredError,
    UnknownKeyError,
    WrongDeviceError,
)
from providers.bus.ticket_keys import key_of_day, publish, read_keys

SEED, OTHER_SEED = bytes(range(32)), bytes(32)
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
PHONE, OTHER_PHONE = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
KEYS = read_keys(publish(SEED, EIGHT, ()).model_dump_json())
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


def public(device: Ed25519PrivateKey) -> str:
    return encode(device.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def revoked(tickets: dict[str, int] | None = None, keys: tuple[str, ...] = ()) -> Revocations:
    made = publish_list(SEED, EIGHT, tickets or {}, keys)
    return read_list(made.model_dump_json(), KEYS, EIGHT)


NOTHING = revoked()


def bound(
    ticket: Ticket = TICKET,
    *,
    device: Ed25519PrivateKey = PHONE,
    binding: int = 1,
    seed: bytes = SEED,
    withdrawn: tuple[str, ...] = (),
) -> str:
    key = key_of_day(seed, ticket.valid_from.date(), withdrawn)
    return bind(key, ticket, binding, public(device))


@cache
def code(at: datetime = EIGHT) -> str:
    return show(bound(), PHONE, at)


def test_what_was_issued_is_read_again():
    assert verify(code(), KEYS, NOTHING, EIGHT) == Inspected(TICKET, 1)
    assert read_claims(write_claims(TICKET)) == TICKET


def test_the_same_again_is_the_same_text():
    assert (bound(), show(bound(), PHONE, EIGHT)) == (bound(), code())


def test_a_code_fits_a_qr_code_that_can_be_scanned():
    assert len(code()) <= 520  # version 15 at level L: 79 columns of a terminal


@pytest.mark.parametrize(
    ("at", "error"),
    [
        (EIGHT - timedelta(minutes=5, seconds=1), NotYetValidError),
        (EIGHT - timedelta(minutes=5), None),
        (EIGHT + timedelta(hours=2), None),
        (EIGHT + timedelta(hours=2, seconds=1), TicketExpiredError),
    ],
)
def test_a_ticket_has_its_time(at: datetime, error: type[TicketError] | None):
    if error is None:
        assert verify(code(at), KEYS, NOTHING, at).ticket == TICKET
    else:
        with pytest.raises(error):
            verify(code(at), KEYS, NOTHING, at)


@pytest.mark.parametrize("seconds", range(-45, 60))
def test_a_code_lives_for_its_slot_and_the_ones_beside_it(seconds: int):
    at = EIGHT + timedelta(minutes=10)
    now = at + timedelta(seconds=seconds)
    if -15 <= seconds < 30:
        assert verify(code(at), KEYS, NOTHING, now)
    else:
        with pytest.raises(StaleCodeError, match="a copy, or the phone's clock is wrong"):
            verify(code(at), KEYS, NOTHING, now)


def test_no_replay_is_accepted_outside_its_slots():
    random, shown_in = Random(34), cache(code)
    for _ in range(10_000):
        at, now = (EIGHT + timedelta(seconds=random.randrange(7200)) for _ in range(2))
        if random.random() < 0.2:
            now = min(at + timedelta(seconds=random.randint(-50, 50)), EIGHT + timedelta(hours=2))
        copy = shown_in(at.replace(second=at.second // SLOT_S * SLOT_S))
        try:
            taken = verify(copy, KEYS, NOTHING, now).ticket == TICKET
        except StaleCodeError:
            taken = False
        assert taken == (abs(slot_of(now) - slot_of(at)) <= 1), (at, now)


def test_every_single_bit_counts():
    raw = code().encode()
    for at in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(TicketError):
            verify(changed.decode("latin-1"), KEYS, NOTHING, EIGHT)


def test_parts_of_two_tickets_make_none():
    mine, other = code().split("."), show(bound(binding=2), PHONE, EIGHT).split(".")
    for at in (1, 3, 5):
        mixed = ".".join(other[i] if i == at else part for i, part in enumerate(mine))
        with pytest.raises(TicketError):
            verify(mixed, KEYS, NOTHING, EIGHT)


def test_another_device_key_is_not_signed():
    parts = code().split(".")
    text = ".".join([*parts[:2], public(OTHER_PHONE), parts[3]])
    with pytest.raises(ForgedTicketError, match="does not fit"):
        verify(show(text, OTHER_PHONE, EIGHT), KEYS, NOTHING, EIGHT)


def test_another_phone_cannot_show_it():
    with pytest.raises(WrongDeviceError):
        verify(show(bound(), OTHER_PHONE, EIGHT), KEYS, NOTHING, EIGHT)


def test_the_signed_ticket_alone_is_no_code():
    with pytest.raises(ForgedTicketError):
        verify(bound(), KEYS, NOTHING, EIGHT)


def test_another_key_under_the_same_name_is_a_forgery():
    forged = show(bound(seed=OTHER_SEED), PHONE, EIGHT)
    with pytest.raises(ForgedTicketError, match="does not fit"):
        verify(forged, KEYS, NOTHING, EIGHT)


def test_a_key_that_is_not_published_is_not_trusted():
    ticket = replace(TICKET, valid_from=EIGHT + timedelta(days=30))
    with pytest.raises(UnknownKeyError, match="2026-12-26"):
        verify(show(bound(ticket), PHONE, EIGHT), KEYS, NOTHING, EIGHT)


@pytest.mark.parametrize("start", [timedelta(days=-1), timedelta(days=1), timedelta(days=2)])
def test_a_leaked_key_signs_for_its_own_day_alone(start: timedelta):
    key = key_of_day(SEED, EIGHT.date(), ())
    now = EIGHT + start
    ticket = replace(TICKET, valid_from=now, valid_until=now + timedelta(days=1))
    forged = show(bind(key, ticket, 1, public(PHONE)), PHONE, now)
    with pytest.raises(KeyOfAnotherDayError):
        verify(forged, KEYS, NOTHING, now)


def test_a_withdrawn_key_is_refused_and_its_follower_is_known_already():
    withdrawn = ("2026-11-26",)
    list_ = revoked(keys=withdrawn)
    with pytest.raises(RevokedKeyError, match="loaded again"):
        verify(code(), KEYS, list_, EIGHT)
    again = show(bound(withdrawn=withdrawn), PHONE, EIGHT)
    assert verify(again, KEYS, list_, EIGHT) == Inspected(TICKET, 1)
    newer = read_keys(publish(SEED, EIGHT, withdrawn).model_dump_json())
    assert verify(again, newer, list_, EIGHT) == Inspected(TICKET, 1)
    assert "2026-11-26" not in newer.tickets


def test_a_binding_that_was_left_is_refused_and_the_next_one_is_not():
    list_ = revoked({TICKET.id: 1})
    with pytest.raises(RevokedTicketError):
        verify(code(), KEYS, list_, EIGHT)
    moved = show(bound(device=OTHER_PHONE, binding=2), OTHER_PHONE, EIGHT)
    assert verify(moved, KEYS, list_, EIGHT) == Inspected(TICKET, 2)


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 26, 0, 0, tzinfo=UTC),
        datetime(2026, 11, 25, 22, 59, 59, tzinfo=UTC),  # midnight by the city's clock
        datetime(2026, 11, 25, 23, 0, tzinfo=UTC),
        datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC),  # the hour that does not exist there
        datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # the hour that is there twice
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("lasts", [timedelta(minutes=30), timedelta(days=1)])
def test_a_day_has_its_key_at_midnight_and_over_changes_of_the_clock(
    start: datetime, lasts: timedelta
):
    ticket = replace(TICKET, valid_from=start, valid_until=start + lasts)
    signed = bound(ticket)
    for now in (start - timedelta(minutes=5), start, start + lasts):
        keys = read_keys(publish(SEED, now, ()).model_dump_json())
        none = read_list(publish_list(SEED, now, {}, ()).model_dump_json(), keys, now)
        assert verify(show(signed, PHONE, now), keys, none, now) == Inspected(ticket, 1)


def test_an_inspector_without_a_network_knows_the_keys_of_the_week():
    for days in range(8):
        now = EIGHT + timedelta(days=days)
        ticket = replace(TICKET, valid_from=now, valid_until=now + timedelta(hours=2))
        assert verify(show(bound(ticket), PHONE, now), KEYS, NOTHING, now).ticket == ticket


HOSTILE = [
    "",
    ".",
    ".....",
    "MT2.....",
    "MT2.e30.AA.AA.1.AA",
    "MT2." + "A" * 5000 + ".A.A.1.A",
    "x" * 10_000_000,
    "MT2.bnVsbA.AA.AA.1.AA",
    "MT2.W10.AA.AA.1.AA",
    "MT1.e30.AA",
    "MT2.\x00.AA.AA.1.AA",
    "MT2.ü.ü.ü.1.ü",
    "MT2.\ud800.AA.AA.1.AA",
    "MT2." + encode(b'{"kid":' + b"[" * 900 + b"]" * 900 + b"}") + ".AA.AA.1.AA",
    "MT2." + encode(b'{"kid":1e999}') + ".AA.AA.1.AA",
    "MR1." + code().partition(".")[2],
    code() + ".",
    " " + code(),
    code().upper(),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_ticket_is_forged(text: str):
    with pytest.raises(ForgedTicketError):
        verify(text, KEYS, NOTHING, EIGHT)


@given(st.text(max_size=300))
def test_rubbish_is_no_ticket(text: str):
    for candidate in (text, f"MT2.{text}", f"{bound()}.{text}", f"{bound()}.1.{text}"):
        with pytest.raises(TicketError):
            verify(candidate, KEYS, NOTHING, EIGHT)


@pytest.mark.parametrize("slot", ["", "-1", "01", "1_0", "1e9", "9" * 11, "9" * 400, "x", "+1"])
def test_a_slot_is_a_plain_number(slot: str):
    text = f"{bound()}.{slot}"
    signed = f"{text}.{encode(PHONE.sign(text.encode()))}"
    with pytest.raises((ForgedTicketError, StaleCodeError)):
        verify(signed, KEYS, NOTHING, EIGHT)


WEAK_KEYS = [
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "00" * 31 + "80",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
    "01" + "00" * 30 + "80",
]


@pytest.mark.parametrize("raw", WEAK_KEYS)
def test_a_device_key_for_which_anybody_can_sign_is_refused(raw: str):
    with pytest.raises(ValueError, match="anybody"):
        read_device_key(encode(bytes.fromhex(raw)))


@pytest.mark.parametrize("text", ["", "AA", "ü", public(PHONE) + "=", public(PHONE)[:-1] + "!"])
def test_a_device_key_is_32_bytes(text: str):
    with pytest.raises(ValueError, match=r"."):
        read_device_key(text)


def test_what_is_appended_is_refused():
    for more in ("\n", "=", "A", "AA", " "):
        with pytest.raises(WrongDeviceError):
            verify(code() + more, KEYS, NOTHING, EIGHT)


def test_the_scheme_is_told_where_it_is_used():
    mapping = Path(__file__).parents[2] / "providers/bus/MAPPING.md"
    assert all(f"`{name}`" in mapping.read_text() for name in ("kid", "seq", "nbf", "exp"))
