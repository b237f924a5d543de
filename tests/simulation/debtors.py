"""What is owed is paid from an account: it takes days, comes or fails, and may be taken back."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
from sqlalchemy import select

from payments.cases import list_cases
from payments.methods import SavedAccount
from payments.tables import reconciliation
from tests.simulation.network import PROCESSOR
from tests.simulation.open_ends import find_open_ends
from tests.simulation.world import Outside, Process, World

ACCOUNTS = {
    "pm_success_de": 4,
    "pm_insufficientFunds_de": 2,
    "pm_disputed_de": 1,
}


async def save_account(process: Process, rider_id: str, outside: Outside, token: str) -> str:
    """A rider agrees to a mandate on the processor's page; her newest account."""
    customer = await process.desk.customer(rider_id)
    session = await process.gateway.create_setup_session(
        customer, return_url="http://rider.test/saved", key=f"{rider_id}-{process.life.passed}"
    )
    assert session.url is not None
    if not session.complete:
        async with httpx.AsyncClient(transport=outside.wire.hosts[PROCESSOR]) as http:
            await http.post(session.url, data={"method": token})
    saved = await process.gateway.list_methods(customer)
    return next(each.id for each in saved if isinstance(each, SavedAccount))


def is_debit(intent: dict[str, Any]) -> bool:
    """Whether a PaymentIntent is of an account."""
    return "sepa_debit" in intent["payment_method_types"]


async def count_debits(outside: Outside) -> int:
    """How many debits there were, whatever became of them."""
    return sum(is_debit(each) for each in await outside.intents())


async def bank_speaks(world: World, chance: Random) -> str | None:
    """A bank carries out a debit under way before its time, or not; or has one returned."""
    debits = [
        (each["id"], each["status"]) for each in await world.outside.intents() if is_debit(each)
    ]
    ways = {"processing": ("succeed", "fail"), "succeeded": ("return",)}
    said = [(id_, chance.choice(ways[status])) for id_, status in debits if status in ways]
    if not said:
        return None
    id_, outcome = chance.choice(said)
    await tell_bank(world.outside, id_, outcome)
    return outcome


async def tell_bank(outside: Outside, intent_id: str, outcome: str) -> None:
    """What a bank does with a debit; nothing, where it did that before."""
    async with httpx.AsyncClient(transport=outside.wire.hosts[PROCESSOR]) as http:
        answer = await http.post(f"http://{PROCESSOR}/sandbox/debits/{intent_id}/{outcome}")
    assert answer.status_code in (200, 400), answer.text


async def list_unexplained(world: World) -> list[str]:
    """What the last reconciliation could not explain, and the cases that no open end has."""
    ends = await find_open_ends(world)
    async with world.engine.begin() as tx:
        cases = [each.case for each in await list_cases(tx) if each.case.subject not in ends]
        last = select(reconciliation.c.unexplained_minor).order_by(reconciliation.c.fetched_at)
        unexplained = list(await tx.scalars(last))[-1]
    breaks = [f"{unexplained} ct are unexplained"] if unexplained else []
    return breaks + [f"case {each.kind}: {each.explanation}" for each in cases]
