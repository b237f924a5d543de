"""Every operation of the API, asked by everybody, with what fits its description and what does not.

``CASES`` says how many requests are made in all, ``SEED`` with which chance.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import httpx
import pytest
import requests
import schemathesis
from fastapi.routing import APIRoute, APIRouter
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode

from mobility.app import ROUTERS
from tests.api.test_motis_hostile import QUESTIONS
from tests.api_client import Rider, rider_of, run_mobility
from tests.processes import FREELY_ASKED, Instance, running_instance

pytestmark = [pytest.mark.processes]

CASES = int(os.environ.get("CASES", "1000"))
MINUTES = float(os.environ.get("MINUTES", "60"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**9)
DOCUMENT = json.loads(Path("docs/openapi.json").read_text(encoding="utf-8"))
OPERATIONS = {
    each.ok().label: each.ok()
    for each in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
}
ROLES = ("nobody", "rider", "stranger", "finance", "staff", "provider")
ENDS_THE_ACCOUNT = "DELETE /v1/me"
"""Asked by nobody and with tokens that are none: with a good one all that follows would be 401."""
ANY_TEXT_FITS = {"GET /problems/{slug}", "GET /v1/streams/{ticket}"}


@dataclass(frozen=True)
class Known:
    """What there is."""

    paths: list[dict[str, str]]
    """Parameters of paths that belong together, and some that do not."""
    bodies: dict[str, list[str]]
    """Values by the name they have in a body."""


@dataclass(frozen=True)
class World:
    """Who asks, and what there is to ask for: a rider's bookings, in several states."""

    url: str
    headers: dict[str, dict[str, str]]
    known: Known
    session: requests.Session = field(default_factory=requests.Session)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On a product of its own, as vehicles are pushed and sales are stopped as chance will."""
    folder = tmp_path_factory.mktemp("asked") / "data"
    with (
        running_instance(folder, env=FREELY_ASKED) as instance,
        httpx.Client(base_url=instance.url, timeout=30) as http,
    ):
        yield _world(instance, http)


def _world(instance: Instance, http: httpx.Client) -> World:
    anna, eve = (rider_of(instance, http, name) for name in ("anna-asks", "eve-asks"))
    key = run_mobility(instance, "provider", "key", "demo-rad").stdout.split()[-1]
    tokens = {"rider": anna.token, "stranger": eve.token, "provider": key}
    for role in ("finance", "staff"):
        tokens[role] = run_mobility(instance, "token", role, f"{role}@example.org").stdout.strip()
    headers = {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}
    offers = [each["offer_id"] for each in anna.search()["journeys"] if each["bookable"]]
    known = Known(
        [*_bookings(anna), *_others(http, headers)],
        {"offer_id": offers, "payment_method": ["pm_card_visa"]},
    )
    return World(instance.url, headers, known)


def _bookings(anna: Rider) -> list[dict[str, str]]:
    """A ride that is over, one that goes on, one that waits for the bank, one that was refused."""
    answers = [
        anna.book(anna.offer("bike"), method=method).json()
        for method in (
            "pm_card_visa",
            "pm_card_visa",
            "pm_card_threeDSecure2Required",
            "pm_card_chargeDeclined",
        )
    ]
    ids = [answer.get("id") or answer["booking_id"] for answer in answers]
    legs = [leg["id"] for answer in answers[:3] for leg in answer["legs"] if leg["provider_id"]]
    for path in (
        f"{ids[0]}/legs/{legs[0]}/start",
        f"{ids[0]}/legs/{legs[0]}/finish",
        f"{ids[1]}/legs/{legs[1]}/start",
    ):
        assert anna.post(f"/v1/bookings/{path}").status_code == 200
    of_each_other = [
        {"booking_id": booking_id, "leg_id": leg_id}
        for booking_id, leg_id in zip(ids, legs, strict=False)
    ]
    return [*of_each_other, {"booking_id": ids[3], "leg_id": legs[0]}]


def _others(http: httpx.Client, headers: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """A stop, an error, a reconciliation."""
    begun = http.post("/v1/finance/reconciliations", headers=headers["finance"])
    return [
        {"stop_id": "station-technische-hochschule"},
        {"slug": "offer-expired"},
        {"reconciliation_id": str(begun.json()["id"])},
    ]


def cases(operation: APIOperation, known: Known) -> st.SearchStrategy[Case]:
    """Half of them fit the description and ask for what there is; of the others some do not fit."""
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    kinds = [fitting]
    described = operation.definition.raw
    if operation.label not in ANY_TEXT_FITS and (
        described.get("parameters") or "requestBody" in described
    ):
        kinds.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    made = st.one_of(kinds)
    names = set(re.findall(r"{(\w+)}", operation.path))
    paths = [
        {name: each[name] for name in names} for each in known.paths if names and names <= set(each)
    ] or [{}]
    values = st.fixed_dictionaries(
        {name: st.sampled_from(found) for name, found in known.bodies.items()}
    )

    def with_known(case: Case, path: dict[str, str], body: dict[str, str]) -> Case:
        case.path_parameters = {**(case.path_parameters or {}), **path}
        if isinstance(case.body, dict):
            case.body |= {name: body[name] for name in body.keys() & case.body.keys()}
        return case

    return st.one_of(made, st.builds(with_known, fitting, st.sampled_from(paths), values))


def ask(world: World, role: str, case: Case) -> requests.Response:
    """Send a request as somebody; nobody keeps the token that was made up."""
    request = case.as_transport_kwargs(base_url=world.url)
    request["headers"] = {**request["headers"], **world.headers.get(role, {})}
    return world.session.request(**request, timeout=30, allow_redirects=False)


def wrong_with(
    operation: APIOperation, role: str, case: Case, answer: requests.Response
) -> str | None:
    """What should not be about an answer; None if all is well."""
    status = str(answer.status_code)
    described = operation.definition.raw["responses"]
    if status[0] == "5" and (status != "503" or "Retry-After" not in answer.headers):
        return answer.text[:300]
    if status not in described and status != "405":
        return f"not described: {answer.text[:300]}"
    of_a_rider = "{booking_id}" in operation.path and operation.path.startswith("/v1/bookings")
    if of_a_rider and role != "rider" and status[0] == "2":
        return f"what is not theirs: {answer.text[:300]}"
    return None


@dataclass
class Told:
    """What was answered, by its kind, and what should not have been."""

    seen: Counter[str] = field(default_factory=Counter)
    of: dict[str, set[int]] = field(default_factory=dict)
    """The statuses that each operation answered."""
    wrong: dict[str, str] = field(default_factory=dict)


def ask_often(world: World, operation: APIOperation, role: str, times: int, told: Told) -> None:
    @seed(SEED + told.seen["requests"])
    @settings(
        max_examples=times,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(operation, world.known))
    def ask_once(case: Case) -> None:
        answer = ask(world, role, case)
        told.seen.update(("requests", f"{answer.status_code // 100}xx"))
        told.of.setdefault(operation.label, set()).add(answer.status_code)
        what = wrong_with(operation, role, case, answer)
        if what is not None:
            asked = f"{what}\n    as {role}: {case.as_curl_command()}"
            told.wrong.setdefault(f"{operation.label}: {answer.status_code}", asked)

    ask_once()


def _routes(router: APIRouter) -> Iterator[APIRoute]:
    for each in router.routes:
        if isinstance(each, APIRoute):
            yield each
        else:
            yield from _routes(each.original_router)  # type: ignore[attr-defined]


def test_what_the_document_hides_is_asked_elsewhere() -> None:
    routes = [each for part in ROUTERS for each in _routes(part)]
    hidden = {each.path for each in routes if not each.include_in_schema}
    shown = {f"{m} {each.path}" for each in routes if each.path not in hidden for m in each.methods}
    assert shown == OPERATIONS.keys()
    foreign = {each for each in hidden if each.startswith("/api/v")}
    assert hidden - foreign == {"/", "/payment-done", "/docs", "/docs/start.js", "/docs/{name}"}
    asked = {re.sub(r"/v\d/", "/", each) for each in QUESTIONS}
    assert {re.sub(r"/v(\d|{version:int})/", "/", each) for each in foreign} == asked


@pytest.mark.timeout(60 * MINUTES + 240)
def test_no_request_of_anybody_is_an_error_of_ours(world: World) -> None:
    pairs = [(label, role) for label in OPERATIONS for role in ROLES]
    pairs = [each for each in pairs if each[0] != ENDS_THE_ACCOUNT or each[1] == "nobody"]
    random.Random(SEED).shuffle(pairs)
    until = monotonic() + 60 * MINUTES
    told = Told()
    times = min(50, -(-CASES // len(pairs)))
    for n_asked, (label, role) in enumerate(itertools.cycle(pairs), 1):
        ask_often(world, OPERATIONS[label], role, times, told)
        enough = told.seen["requests"] >= CASES and n_asked >= len(pairs)
        if enough or monotonic() > until:
            break
    never = sorted(label for label in told.of if not any(200 <= s < 300 for s in told.of[label]))
    sys.stdout.write(f"{dict(told.seen)} to {len(told.of)} operations, SEED={SEED}\n")
    sys.stdout.write(f"always refused: {', '.join(never)}\n")
    assert told.of.keys() == OPERATIONS.keys() or monotonic() > until
    assert not told.wrong, "\n".join(f"{what} {how}" for what, how in told.wrong.items())
