"""What the three sides of a booking know of it: we, the operators and the processor.

Read from the outside of the API: our database, the processor's objects, the operators' files. The
numbers I1 to I12 are used throughout the tests.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.rows import namedtuple_row

from mobility.embedded.folder import find_running
from tests.processes import Instance

Json = dict[str, Any]
OVER = ("settled", "cancelled", "failed")
ALIVE = ("PENDING", "CONFIRMED", "STARTED")
LEG_IS_KEPT = ("held", "confirmed", "active")
_HTTP = httpx.Client(verify=False, trust_env=False)
"""One for all: reading the certificates of the world takes longer than what is asked."""
_ROWS = {
    "bookings": "SELECT id, state, payment_id FROM booking",
    "legs": "SELECT id, state, scarce FROM leg WHERE provider_id IS NOT NULL",
    "payments": "SELECT * FROM payment",
    "operations": "SELECT id, kind, state, psp_id, payment_id FROM money_operation",
    "entries": "SELECT account_code, amount_minor FROM entry JOIN journal ON id = journal_id"
    " WHERE kind NOT IN ('fee', 'payout')",
    "due": "SELECT kind, key, last_error FROM step WHERE kind NOT IN ('apply_events',"
    " 'poll_payments', 'pull_availability', 'forget_trips', 'reconcile')"
    " AND (run_at < now() + interval '30 seconds' OR last_error IS NOT NULL)",
}


@dataclass(frozen=True)
class Sides:
    """Everything that all sides have, at one moment each."""

    ours: dict[str, list[Any]]
    intents: list[Json]
    refunds: list[Json]
    kept: list[Json]
    """The operators' bookings."""


def read_sides(instance: Instance) -> Sides:
    """Ours last, so that nothing is missing in it which another side already has."""
    running = find_running(instance.folder)
    assert running is not None
    processor, key = running["STRIPE_API_BASE"], running["STRIPE_API_KEY"]
    operators = json.loads(running["MOBILITY_PROVIDER_URLS"])
    kept = [
        row
        for url in operators.values()
        for row in _HTTP.get(f"{url}/sandbox/state").json()["bookings"]
    ]
    intents, refunds = (_list_all(processor, key, kind) for kind in ("payment_intents", "refunds"))
    with psycopg.connect(running["DATABASE_URL"], row_factory=namedtuple_row) as database:
        ours = read_ours(database)
    return Sides(ours, intents, refunds, kept)


def read_ours(database: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """What our database has; ``due`` are the steps left to do, but for those that never end."""
    return {name: database.execute(query).fetchall() for name, query in _ROWS.items()}


def _list_all(processor: str, key: str, kind: str) -> list[Json]:
    found: list[Json] = []
    headers = {"Authorization": f"Bearer {key}"}
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        asked = {"limit": 100, **after}
        page = _HTTP.get(f"{processor}/v1/{kind}", params=asked, headers=headers).json()
        found += page["data"]
        if not page["has_more"]:
            return found


def list_breaks(sides: Sides, acknowledged: Collection[str] = ()) -> list[str]:
    """What does not hold, as sentences, when nothing is under way; empty when all does.

    ``acknowledged`` are the bookings that riders were told of.
    """
    return [
        *_of_bookings(sides, acknowledged),
        *_of_holds(sides),
        *_of_vehicles(sides),
        *_of_objects(sides),
        *_of_books(sides),
    ]


def _of_bookings(sides: Sides, acknowledged: Collection[str]) -> list[str]:
    known = {row.id for row in sides.ours["bookings"]}
    lost = [f"lost: {each} was acknowledged" for each in acknowledged if each not in known]
    due = [
        f"{row.kind} {row.key} is left to be done: {row.last_error}" for row in sides.ours["due"]
    ]
    stuck = [
        row.id
        for row in sides.ours["bookings"]
        if row.state in ("held", "completed", "needs_attention")
    ]
    return [*lost, *due, *(f"{each} does not come to rest" for each in stuck)]


def _of_holds(sides: Sides) -> list[str]:
    state_of = {row.id: row.state for row in sides.ours["bookings"]}
    return [
        f"I8: {intent['amount_capturable']} ct are held for {booking}: {state_of.get(booking)}"
        for intent in sides.intents
        if intent["amount_capturable"]
        and state_of.get(booking := intent["metadata"]["booking"], "lost") in (*OVER, "lost")
    ]


def _of_vehicles(sides: Sides) -> list[str]:
    legs = {row.id: row.state for row in sides.ours["legs"]}
    scarce = {row.id for row in sides.ours["legs"] if row.scarce}
    alive = {row["id"]: row["vehicle_ref"] for row in sides.kept if row["state"] in ALIVE}
    ours = {each for each in scarce if legs[each] in LEG_IS_KEPT}
    breaks = [f"I5: {ref} is had {n} times" for ref, n in Counter(alive.values()).items() if n > 1]
    breaks += [
        f"the operator keeps {each}, which is {legs.get(each)}"
        for each in alive
        if each not in ours
    ]
    breaks += [f"{each} is {legs[each]} and no operator knows of it" for each in ours - set(alive)]
    ridden = {row["id"] for row in sides.kept if row["state"] == "FINISHED"}
    ended = {each for each in scarce if legs[each] == "ended"}
    return breaks + [f"I6: {each} was ridden on one side only" for each in ridden ^ ended]


def _of_objects(sides: Sides) -> list[str]:
    done = {row.id for row in sides.ours["operations"] if row.state == "done"}
    known = {row.id for row in sides.ours["operations"]}
    made = {"authorise": sides.intents, "refund": sides.refunds}
    breaks = []
    for kind, objects in made.items():
        names = Counter(each["metadata"].get("money_op") for each in objects)
        breaks += [f"I12: {n} objects of {name}" for name, n in names.items() if n > 1]
        breaks += [f"I12: an object of unknown {name}" for name in names if name not in known]
        wanted = {row.id for row in sides.ours["operations"] if row.kind == kind} & done
        breaks += [f"I12: {name} is done without an object" for name in wanted - set(names)]
    return breaks + [
        f"I4: {row.id}: {row.captured_minor} of {row.authorised_minor}, back {row.refunded_minor}"
        for row in sides.ours["payments"]
        if not row.refunded_minor <= row.captured_minor <= row.authorised_minor
    ]


def _of_books(sides: Sides) -> list[str]:
    taken = sum(intent["amount_received"] for intent in sides.intents)
    back = sum(refund["amount"] for refund in sides.refunds if refund["status"] != "failed")
    entries = sides.ours["entries"]
    ledger = sum(row.amount_minor for row in entries if row.account_code == "processor:EUR")
    breaks = []
    if sum(row.amount_minor for row in entries):
        breaks.append("I1: the ledger does not sum to zero")
    if ledger != taken - back:
        breaks.append(f"I9: the ledger has {ledger} ct at the processor, which has {taken - back}")
    return breaks


def breaks_when_calm(
    instance: Instance, acknowledged: Collection[str] = (), *, within_s: float = 60
) -> list[str]:
    """The breaks that are still there when there was time enough to work everything off."""
    deadline = time.monotonic() + within_s
    while True:
        breaks = list_breaks(read_sides(instance), acknowledged)
        if not breaks or time.monotonic() > deadline:
            return breaks
        time.sleep(0.2)
