"""Every alert of deploy/alerts.yml fires on what it warns of, and not before."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.watch import QUESTIONS
from tests.api.alert_faults import FAULTS, Fault
from tests.api.alert_rows import live_a_normal_day, pay
from tests.api.alert_rules import ROOT, list_firing, list_series, read_rules
from tests.api.conftest import World
from tests.platform.test_cli import COMMANDS

RULES = read_rules()
MOMENT = timedelta(seconds=11)


@pytest.fixture
async def watched(world: World) -> World:
    """A city whose one operator answers, after a normal day."""
    wiring = world.wiring
    known: Any = {name: wiring.providers[name] for name in list(wiring.providers)[:1]}
    world.wiring = world.app.state.wiring = replace(wiring, providers=known)
    await live_a_normal_day(world)
    return world


async def scrape(world: World) -> str:
    """What Prometheus would get a moment later, when nothing is remembered any more."""
    world.pass_time(seconds=MOMENT.seconds)
    if hasattr(world.app.state, "outside"):
        del world.app.state.outside
    answer = await world.client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


CASES = [(name, fault) for name, faults in FAULTS.items() for fault in faults]


@pytest.mark.parametrize(("name", "fault"), CASES, ids=[f"{n}-{f.act.__name__}" for n, f in CASES])
async def test_an_alert_fires_on_what_it_warns_of_and_not_before(
    watched: World, name: str, fault: Fault
) -> None:
    assert list_firing(await scrape(watched)) == set()
    await fault.act(watched)
    if fault.after:
        watched.pass_time(seconds=(fault.after - 2 * MOMENT).total_seconds())
        assert list_firing(await scrape(watched)) <= fault.also
        watched.pass_time(seconds=MOMENT.seconds)
    assert list_firing(await scrape(watched)) == {name} | fault.also


def test_every_rule_is_brought_about() -> None:
    assert set(FAULTS) == set(RULES)


async def test_every_metric_of_a_rule_is_exported(watched: World) -> None:
    await FAULTS["ReconciliationOld"][0].act(watched)
    series = list_series(await scrape(watched))
    for rule in RULES.values():
        found = [labels for labels, _ in series[rule.metric]]
        assert rule.label is None or rule.label in [pair for each in found for pair in each.items()]


def test_every_question_has_a_rule() -> None:
    assert {question.metric for question in QUESTIONS} <= {rule.metric for rule in RULES.values()}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_has_a_runbook_that_says_what_to_do(rule: Any) -> None:
    page, _, anchor = rule.runbook.partition("#")
    assert page.startswith("docs/runbooks/")
    assert anchor == rule.name.lower()
    section = re.search(
        rf"^## {rule.name}\n(.*?)(?=^## |\Z)", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    assert section is not None, f"{page} has no section {rule.name}"
    for part in ("**Means:**", "**Look:**", "**Do:**"):
        assert part in section[1], f"{rule.name} does not say {part}"
    assert rule.severity in {"page", "ticket"}
    assert rule.summary.endswith(".")


async def test_metrics_name_nobody_and_are_read_anew_only_after_a_while(watched: World) -> None:
    first = await scrape(watched)
    assert not re.search(r"(?<!{)(bkg|rdr|pay|leg)_[a-z0-9]", first)
    await pay(watched, "authorised", capture_before=watched.now)
    assert list_firing((await watched.client.get("/metrics")).text) == set()
    assert list_firing(await scrape(watched)) == {"HoldLapses"}


PAGES = {page.stem: page.read_text() for page in (ROOT / "docs" / "runbooks").glob("*.md")}


@pytest.mark.parametrize("said", PAGES.values(), ids=PAGES)
async def test_the_commands_of_the_runbooks_are_there(said: str, engine: AsyncEngine) -> None:
    for statement in re.findall(r'`db "(select [^"]*)"`', said):
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    known = [" ".join(("mobility", *path)) for path in COMMANDS]
    for command in re.findall(r"`(mobility [a-z -]+)", said):
        assert any(f"{command} ".startswith(f"{name} ") for name in known[1:]), command
