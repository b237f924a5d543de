"""The audit after the kills sees every step that is stuck, of whatever kind."""

from __future__ import annotations

import psycopg
from psycopg.rows import namedtuple_row

from tests.whole.audit import Sides, list_breaks, read_ours

STEPS = {
    **dict.fromkeys(("advance_booking", "cap_day", "collect_debt", "pay_claim"), "soon"),
    **dict.fromkeys(("apply_events", "poll_payments", "pull_availability"), "soon"),
    **dict.fromkeys(("forget_trips", "reconcile"), "soon"),
    "forget_customer": "tomorrow, as it failed",
    "advance_later": "tomorrow",
}


def test_a_debt_a_day_or_a_claim_that_is_stuck_is_a_break(database_url: str) -> None:
    with psycopg.connect(database_url, row_factory=namedtuple_row) as database:
        for kind, when in STEPS.items():
            database.execute(
                "INSERT INTO step (kind, key, run_at, last_error) VALUES"
                " (%s, 'k', now() + %s::interval, %s)",
                (kind, "1 second" if when == "soon" else "1 day", "no" if "fail" in when else None),
            )
        breaks = list_breaks(Sides(read_ours(database), [], [], []))
    assert sorted(breaks) == [
        "advance_booking k is left to be done: None",
        "cap_day k is left to be done: None",
        "collect_debt k is left to be done: None",
        "forget_customer k is left to be done: no",
        "pay_claim k is left to be done: None",
    ]
