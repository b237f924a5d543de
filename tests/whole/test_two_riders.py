"""Two riders do whatever comes to their minds, twice and at once; nothing is ever lost or doubled.

``RUNS`` says how often they start over, each time with up to ``STEPS`` deeds;
where ``SEED`` is set, each run of the tests draws the same.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.api_client import Rider, rider_of, run_mobility
from tests.processes import Instance
from tests.whole.audit import breaks_when_calm, list_breaks, read_sides

pytestmark = [pytest.mark.processes, pytest.mark.timeout(3600)]

RUNS = int(os.environ.get("RUNS", "8"))
STEPS = int(os.environ.get("STEPS", "15"))
METHODS = (
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_threeDSecure2Required",
    "pm_card_chargeDeclined",
)
BOOKING = "/v1/bookings/{booking_id}"
LEG = f"{BOOKING}/legs/{{leg_id}}"
RIDE = (f"POST {LEG}/start", f"POST {LEG}/finish")
CANCEL = f"POST {BOOKING}/cancel"
LOOK = tuple(
    f"GET {path}"
    for path in (
        *(BOOKING, f"{BOOKING}/receipt", f"{BOOKING}/cancellation", f"{BOOKING}/claims"),
        *(f"{BOOKING}/rebooking", f"{LEG}/ticket"),
    )
)
WISH: dict[str, object] = {
    f"POST {BOOKING}/extend-hold": None,
    f"POST {BOOKING}/split": {"equal": 2},
    f"POST {BOOKING}/claims": {"guarantee_id": "bus-punctuality"},
    f"POST {BOOKING}/stream-ticket": None,
    f"POST {BOOKING}/rebook": {},
    f"POST {LEG}/ticket": {},
    "POST /v1/me/arrears/{booking_id}/pay": {"payment_method": "pm_card_visa"},
}
"""What else may be asked for, and how."""
REPORT = f"POST {LEG}/problem"
GIVE_BACK = "POST /v1/operations/bookings/{booking_id}/release-and-refund"
GOODWILL = "POST /v1/operations/bookings/{booking_id}/legs/{leg_id}/goodwill"
MOST_REPORTS = 12
"""In all: a bike that is reported is hidden, and there are only so many."""
BANK = httpx.Client(verify=False, trust_env=False)
UNDER_WAY = ("the operator keeps", "leg_", "I8", "I9", "I12: pay", "bkg_", "advance_booking", "I6")
"""What may be so while something is under way."""


@dataclass(frozen=True)
class Booked:
    """A booking that somebody was told of, and how it was asked for."""

    owner: str
    id: str
    leg: str
    key: str
    offer: str
    method: str


class TwoRiders(RuleBasedStateMachine):
    """Searches, bookings, double clicks, rides, approvals, cancellations."""

    instance: Instance
    riders: dict[str, Rider]
    staff: Rider
    reports: ClassVar[int] = 0
    ends: ClassVar[Counter[str]] = Counter()
    offers = Bundle("offers")
    bookings = Bundle("bookings")
    who = st.sampled_from(["anna", "ben"])

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Booked] = {}

    @rule(target=offers, rider=who)
    def search(self, rider: str) -> str:
        return self.riders[rider].offer("bike")

    @rule(
        target=bookings,
        offer=consumes(offers),
        rider=who,
        method=st.sampled_from(METHODS),
        clicks=st.integers(1, 3),
    )
    def book(self, offer: str, rider: str, method: str, clicks: int) -> Any:
        """Once, or with impatient clicks that carry the same key."""
        key = str(uuid.uuid4())
        answers = _at_once(clicks, lambda: self.riders[rider].book(offer, method=method, key=key))
        return self._learn(rider, offer, method, key, answers)

    @rule(target=bookings, offer=offers, rider=who)
    def book_with_two_keys(self, offer: str, rider: str) -> Any:
        """One vehicle cannot be had twice, not even by the same rider."""
        found = []
        for answer in _at_once(2, lambda: self.riders[rider].book(offer, key=str(uuid.uuid4()))):
            found += [self._told(rider, offer, "pm_card_visa", "", answer)]
        won = [each for each in found if each is not None]
        assert len(won) <= 1, won
        return multiple(*won)

    def _learn(
        self, rider: str, offer: str, method: str, key: str, answers: list[httpx.Response]
    ) -> Any:
        ids = {a.json().get("id") or a.json().get("booking_id") for a in answers} - {None}
        assert len(ids) <= 1, f"one key made {ids}"
        told = [self._told(rider, offer, method, key, answer) for answer in answers]
        return multiple(*{each for each in told if each is not None})

    def _told(
        self, rider: str, offer: str, method: str, key: str, answer: httpx.Response
    ) -> Booked | None:
        assert answer.status_code in (201, 402, 409, 410), answer.text
        if answer.status_code != 201:
            return None
        body = answer.json()
        leg = next(leg["id"] for leg in body["legs"] if leg["provider_id"])
        booked = Booked(rider, body["id"], leg, key, offer, method)
        self.known[booked.id] = booked
        return booked

    @rule(booked=bookings)
    def ask_the_same_again(self, booked: Booked) -> None:
        if booked.key:
            rider = self.riders[booked.owner]
            again = rider.book(booked.offer, method=booked.method, key=booked.key)
            assert (again.status_code, again.json()["id"]) == (201, booked.id)
            other = rider.book(booked.offer, method="pm_card_mastercard", key=booked.key)
            assert other.json()["type"] == "/problems/idempotency-key-reused"

    @rule(
        booked=bookings,
        deeds=st.sampled_from([RIDE, RIDE, RIDE[:1], RIDE[1:]]),
        clicks=st.integers(1, 2),
    )
    def ride(self, booked: Booked, deeds: tuple[str, ...], clicks: int) -> None:
        for deed in deeds:
            self._ask(booked, deed, clicks=clicks)

    @rule(booked=bookings, clicks=st.integers(1, 2))
    def cancel(self, booked: Booked, clicks: int) -> None:
        self._ask(booked, CANCEL, clicks=clicks)

    @rule(booked=bookings, deed=st.sampled_from((*WISH, *LOOK)), clicks=st.integers(1, 2))
    def ask_for_something_else(self, booked: Booked, deed: str, clicks: int) -> None:
        self._ask(booked, deed, WISH.get(deed), clicks=clicks)

    @rule(booked=bookings, kind=st.sampled_from(["vehicle_missing", "vehicle_broken", "other"]))
    def report(self, booked: Booked, kind: str) -> None:
        if TwoRiders.reports < MOST_REPORTS:
            TwoRiders.reports += 1
            self._ask(booked, REPORT, {"kind": kind}, clicks=2)

    @rule(booked=bookings)
    def give_back(self, booked: Booked) -> None:
        self._ask(booked, GIVE_BACK, {"reason": "a test"}, clicks=2, of=self.staff)

    @rule(booked=bookings, cents=st.sampled_from([None, 1, 100]))
    def grant_goodwill(self, booked: Booked, cents: int | None) -> None:
        amount = None if cents is None else {"amount": cents, "currency": "EUR"}
        body = {"reason": "a test", "amount": amount}
        self._ask(booked, GOODWILL, body, clicks=2, of=self.staff)

    def _ask(
        self,
        booked: Booked,
        deed: str,
        body: object = None,
        *,
        clicks: int,
        of: Rider | None = None,
    ) -> None:
        """Done, or refused with a reason; by impatient clicks with one key."""
        rider, key = of or self.riders[booked.owner], str(uuid.uuid4())
        for answer in _at_once(clicks, lambda: _send(rider, booked, deed, body, key)):
            assert answer.status_code in (200, 201, 202, 404, 409), f"{deed}: {answer.text}"

    @rule(booked=bookings, answer=st.sampled_from(["accept", "refuse"]))
    def face_the_bank(self, booked: Booked, answer: str) -> None:
        page = self._get(booked)["payment"]["redirect_url"]
        if page:
            assert BANK.post(page, data={"answer": answer}).status_code in (303, 400, 404, 409)

    @rule(booked=bookings)
    def ask_for_what_is_not_theirs(self, booked: Booked) -> None:
        other = self.riders["ben" if booked.owner == "anna" else "anna"]
        for deed in (*LOOK, *RIDE, CANCEL, *WISH, REPORT):
            body = {"kind": "other"} if deed == REPORT else WISH.get(deed)
            answer = _send(other, booked, deed, body, str(uuid.uuid4()))
            assert answer.status_code == 404, f"{deed}: {answer.text}"

    def _get(self, booked: Booked) -> Any:
        answer = self.riders[booked.owner].get(f"/v1/bookings/{booked.id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        breaks = list_breaks(read_sides(self.instance), self.known)
        assert [each for each in breaks if not each.startswith(UNDER_WAY)] == []

    def teardown(self) -> None:
        """Everybody goes home; then nothing is under way, and all of it must hold."""
        for booked in self.known.values():
            rider = self.riders[booked.owner]
            rider.post(f"/v1/bookings/{booked.id}/legs/{booked.leg}/finish")
            rider.post(f"/v1/bookings/{booked.id}/cancel")
        assert breaks_when_calm(self.instance, self.known) == []
        TwoRiders.ends.update(self._get(booked)["state"] for booked in self.known.values())


def _send(rider: Rider, booked: Booked, deed: str, body: object, key: str) -> httpx.Response:
    method, path = deed.format(booking_id=booked.id, leg_id=booked.leg).split()
    return rider.get(path) if method == "GET" else rider.post(path, body, key=key)


def _at_once(times: int, click: Any) -> list[httpx.Response]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _n: click(), range(times)))


def test_they_do_all_that_there_is_to_do_with_a_booking() -> None:
    """Finance's and an operator's views of one are asked in ``test_every_operation``."""
    paths = json.loads(Path("docs/openapi.json").read_text(encoding="utf-8"))["paths"]
    there_is = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if "{booking_id}" in path and not path.startswith(("/v1/finance", "/v1/operations"))
    }
    assert there_is == {*LOOK, *RIDE, CANCEL, *WISH, REPORT}


def test_two_riders_never_lose_or_double_anything(instance: Instance, http: httpx.Client) -> None:
    TwoRiders.instance = instance
    TwoRiders.riders = {
        name: rider_of(instance, http, f"{name}-of-two") for name in ("anna", "ben")
    }
    staff = run_mobility(instance, "token", "staff", "staff-of-two@example.org").stdout.strip()
    TwoRiders.staff = Rider(http, staff)
    run_state_machine_as_test(
        TwoRiders,
        settings=settings(
            max_examples=RUNS,
            derandomize="SEED" in os.environ,
            stateful_step_count=STEPS,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    sys.stdout.write(f"bookings of {RUNS} runs ended: {dict(TwoRiders.ends)}\n")
    assert TwoRiders.ends.total() >= RUNS
