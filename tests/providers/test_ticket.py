"""Tickets: signed, the same again for the same ride, and worthless when touched."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Money
from providers.bus.ticket import (
    ForgedTicketError,
    NotYetValidError,
    SigningKey,
    Ticket,
    TicketError,
    TicketExpiredError,
    UnknownKeyError,
    issue,
    read,
    verify,
)

KEY = SigningKey.of_seed(bytes(range(32)))
OTHER = SigningKey.of_seed(bytes(32))
KEYS = {KEY.id: KEY.public}
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
TICKET = Ticket(
    id="2f7c",
    issuer="demo-bus",
    product="single:2:adult",
    passengers=2,
    price=Money(720),
    tariff_version="sh-tarif-2026-04-01",
    valid_from=EIGHT,
    valid_until=EIGHT + timedelta(hours=2),
)


def test_what_was_issued_is_read_again():
    assert verify(issue(KEY, TICKET), KEYS, EIGHT) == TICKET


def test_issuing_again_gives_the_same_text():
    assert issue(KEY, TICKET) == issue(SigningKey.of_seed(bytes(range(32))), TICKET)


def test_a_ticket_fits_a_qr_code_that_can_be_scanned():
    assert len(issue(KEY, TICKET)) < 450


@pytest.mark.parametrize(
    ("at", "error"),
    [
        (EIGHT - timedelta(minutes=6), NotYetValidError),
        (EIGHT - timedelta(minutes=5), None),
        (EIGHT + timedelta(hours=2), None),
        (EIGHT + timedelta(hours=2, seconds=1), TicketExpiredError),
    ],
)
def test_a_ticket_has_its_time(at: datetime, error: type[TicketError] | None):
    if error is None:
        assert verify(issue(KEY, TICKET), KEYS, at) == TICKET
    else:
        with pytest.raises(error):
            verify(issue(KEY, TICKET), KEYS, at)


def test_a_key_that_is_not_trusted_any_more_opens_nothing():
    with pytest.raises(UnknownKeyError):
        verify(issue(KEY, TICKET), {OTHER.id: OTHER.public}, EIGHT)


def test_another_key_under_the_same_name_is_a_forgery():
    with pytest.raises(ForgedTicketError):
        verify(issue(KEY, TICKET), {KEY.id: OTHER.public}, EIGHT)


@given(st.data())
def test_no_character_can_be_changed(data: st.DataObject):
    text = issue(KEY, TICKET)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[at]))
    with pytest.raises(TicketError):
        read(text[:at] + other + text[at + 1 :], KEYS)


@given(st.text(max_size=300))
def test_rubbish_is_no_ticket(text: str):
    with pytest.raises(ForgedTicketError):
        read(text, KEYS)
    with pytest.raises(TicketError):
        read("MT1." + text, KEYS)
