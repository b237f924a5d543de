"""When a pass counts: only while who issued it, or staff, stands by it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobility.identity.pass_states import (
    Pass,
    PassKind,
    PassState,
    Proof,
    ask,
    hear,
    kinds_on,
    refuse,
    revoke,
    see,
)
from providers.entitlements import Entitlement, PassReason, Status

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
TODAY = NOW.date()
LAPSE = timedelta(hours=72)
DECLARED = Pass("pas_1", PassKind.DEUTSCHLANDTICKET, date(2026, 11, 1), None, "DEMO-1")
PENDING = ask(DECLARED, "demo-abo")
VALID = Entitlement(Status.VALID, None, "DEMO-1", date(2026, 11, 1), date(2026, 11, 30))
VERIFIED = hear(PENDING, VALID, NOW, LAPSE)
UNKNOWN = Entitlement(Status.REFUSED, PassReason.UNKNOWN)
ENDED = Entitlement(Status.REVOKED, PassReason.NOT_VALID)
SEEN = see(DECLARED, date(2027, 6, 30), datetime(2027, 6, 30, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("before", "said", "state", "because"),
    [
        (PENDING, VALID, PassState.VERIFIED, None),
        (PENDING, UNKNOWN, PassState.REFUSED, PassReason.UNKNOWN),
        (PENDING, ENDED, PassState.REVOKED, PassReason.NOT_VALID),
        (PENDING, None, PassState.PENDING, None),
        (VERIFIED, VALID, PassState.VERIFIED, None),
        (VERIFIED, UNKNOWN, PassState.REVOKED, PassReason.UNKNOWN),
        (VERIFIED, ENDED, PassState.REVOKED, PassReason.NOT_VALID),
        (VERIFIED, None, PassState.REVOKED, PassReason.UNKNOWN),
        (DECLARED, VALID, PassState.DECLARED, None),
        (refuse(PENDING, PassReason.UNKNOWN), VALID, PassState.REFUSED, PassReason.UNKNOWN),
        (revoke(VERIFIED, PassReason.NOT_VALID), VALID, PassState.REVOKED, PassReason.NOT_VALID),
        (SEEN, UNKNOWN, PassState.VERIFIED, None),
    ],
)
def test_what_an_issuers_word_makes_of_a_pass(
    before: Pass, said: Entitlement | None, state: PassState, because: PassReason | None
):
    after = hear(before, said, NOW, LAPSE)
    assert (after.state, after.because) == (state, because)


def test_a_pass_counts_on_the_days_of_which_rider_and_issuer_both_say_so():
    days = {date(2026, 10, 31): False, date(2026, 11, 1): True, date(2026, 11, 30): True}
    days[date(2026, 12, 1)] = False
    assert {day: bool(kinds_on([VERIFIED], [day], NOW)) for day in days} == days
    short = replace(VERIFIED, valid_until=date(2026, 11, 15))
    assert kinds_on([short], [date(2026, 11, 20)], NOW) == frozenset()
    assert kinds_on([VERIFIED], [date(2026, 11, 30), date(2026, 12, 1)], NOW) == frozenset()


def test_an_issuers_word_lapses_and_is_renewed():
    last = NOW + LAPSE
    assert [
        bool(kinds_on([VERIFIED], [TODAY], at)) for at in (last - timedelta(seconds=1), last)
    ] == [
        True,
        False,
    ]
    again = hear(VERIFIED, VALID, last, LAPSE)
    assert kinds_on([again], [TODAY], last) == {"deutschlandticket"}


def test_what_staff_has_seen_counts_to_the_last_day_on_it():
    assert SEEN.proof == Proof(None, date(2026, 11, 1), date(2027, 6, 30), SEEN.proof.counts_until)
    at = datetime(2027, 6, 30, 21, tzinfo=UTC)
    assert kinds_on([SEEN], [date(2027, 6, 30)], at) == {"deutschlandticket"}
    assert kinds_on([SEEN], [date(2027, 7, 1)], at + timedelta(hours=1)) == frozenset()


words = st.sampled_from([VALID, UNKNOWN, ENDED, None])
events = st.lists(st.tuples(st.integers(1, 60), st.one_of(words, st.just("staff revokes"))))


@given(events, st.integers(0, 100))
def test_a_pass_never_counts_without_a_fresh_word_that_it_is_valid(
    said: list[tuple[int, Entitlement | str | None]], later: int
):
    item, at, fresh_until = PENDING, NOW, None
    for hours, word in said:
        at += timedelta(hours=hours)
        over = item.state in (PassState.REFUSED, PassState.REVOKED)
        if isinstance(word, str):
            item, fresh_until = revoke(item, PassReason.NOT_VALID), None
        else:
            item = hear(item, word, at, LAPSE)
            if word is VALID and not over:
                fresh_until = at + LAPSE
            elif word is not None or item.state is not PassState.PENDING:
                fresh_until = None
    at += timedelta(hours=later)
    counts = fresh_until is not None and at < fresh_until
    assert bool(kinds_on([item], [TODAY], at)) == counts
