"""A cardholder's bank takes a charge back: what the books, the cases and the rider see of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.booking.payments_seen import apply_events
from payments import ledger, postings
from payments.cases import close_by_hand, list_cases
from payments.debt import count_paid, list_debts
from payments.disputes import record_disputes
from payments.gateway import DisputeState
from payments.money import Money
from payments.reconcile import reconcile
from payments.reconciliation import Reconciliation
from payments.refund import CAME_BACK, prepare_compensation, try_refused_again
from payments.stripe_events import Event, store_event
from payments.stripe_gateway import StripeGateway
from payments.tables import money_operation, payment, reconciliation_case
from tests.payments.conftest import KEY
from tests.payments.world import Till, split

TAKES_BACK = "pm_card_createDispute"
FEE = 2000


@pytest.fixture
def till(engine: AsyncEngine, gateway: StripeGateway, now: datetime) -> Till:
    return Till(engine, gateway, now)


async def disputed_ride(till: Till) -> None:
    """5.00 € by bike, taken back at once."""
    await till.authorise(1000, TAKES_BACK)
    await till.capture(split(500, commission=40, provider="bike"))


async def reconciled(till: Till, minutes: int = 1) -> Reconciliation:
    return await reconcile(till.engine, till.gateway, now=till.now + timedelta(minutes=minutes))


async def cases(till: Till) -> list[str]:
    async with till.engine.connect() as tx:
        found = await list_cases(tx)
    return [f"{each.case.kind} {each.case.difference.minor}" for each in found]


async def debts(till: Till) -> list[str]:
    async with till.engine.connect() as tx:
        found = await list_debts(tx, ["pay_1"])
    return [f"{each.state} {each.left.minor} {each.refused_because}" for each in found]


async def dispute_of(sandbox: str) -> str:
    async with httpx.AsyncClient(base_url=sandbox) as http:
        headers = {"Authorization": f"Bearer {KEY}"}
        found = (await http.get("/v1/disputes", headers=headers)).json()["data"]
    assert [each["amount"] for each in found] == [500]
    return str(found[0]["id"])


async def answer(sandbox: str, evidence: str) -> None:
    dispute_id = await dispute_of(sandbox)
    async with httpx.AsyncClient(base_url=sandbox) as http:
        sent = await http.post(
            f"/v1/disputes/{dispute_id}",
            data={"evidence[uncategorized_text]": evidence},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert sent.status_code == 200


async def test_an_open_dispute_is_money_in_question_and_a_case(till: Till) -> None:
    await disputed_ride(till)
    run = await reconciled(till)
    assert await cases(till) == ["dispute -500"]
    assert (run.unexplained.minor, run.matched_count) == (0, run.line_count)
    books = await till.balances()
    fee_of_charge = 33
    assert books["disputed:EUR"] == 500
    assert books["processor:EUR"] == -FEE - fee_of_charge
    assert books["processor_fees:EUR"] == FEE + fee_of_charge
    assert await debts(till) == []


async def test_a_case_that_a_person_closed_stays_closed_until_it_says_something_else(
    till: Till,
) -> None:
    await disputed_ride(till)
    assert (await reconciled(till)).case_count == 1
    async with till.engine.begin() as tx:
        (filed,) = await list_cases(tx)
        for closes in (True, False):
            done = await close_by_hand(tx, filed.case.subject, till.now)
            assert done is closes
    assert (await reconciled(till, 2)).case_count == 0
    assert await cases(till) == []
    async with till.engine.begin() as tx:
        await tx.execute(update(reconciliation_case).values(difference_minor=-400))
    assert (await reconciled(till, 3)).case_count == 1
    assert await cases(till) == ["dispute -500"]


async def test_one_that_is_won_comes_back_without_the_fee(till: Till, sandbox: str) -> None:
    await disputed_ride(till)
    await reconciled(till)
    await answer(sandbox, "winning_evidence")
    run = await reconciled(till, 2)
    assert (await cases(till), run.unexplained.minor) == ([], 0)
    books = await till.balances()
    assert "rider_receivable:EUR" not in books
    assert (books["disputed:EUR"], books["processor:EUR"]) == (0, 500 - FEE - 33)


async def test_one_that_is_lost_is_owed_by_the_rider_again_and_once(
    till: Till, sandbox: str
) -> None:
    await disputed_ride(till)
    await answer(sandbox, "losing_evidence")
    for minutes in (1, 2):
        run = await reconciled(till, minutes)
        assert (await cases(till), run.unexplained.minor) == ([], 0)
        assert await debts(till) == ["arrears 500 dispute_lost"]
    books = await till.balances()
    assert (books["disputed:EUR"], books["rider_receivable:EUR"]) == (0, 500)
    assert books["provider_payable:bike:EUR"] == -460


async def decided(till: Till, state: DisputeState) -> list[str]:
    """What a run makes of a bank that thinks better of it, told twice: its cases."""
    moved = {DisputeState.WON: Money(500), DisputeState.LOST: Money(-500)}[state]
    (found,) = await till.gateway.list_disputes(since=till.now - timedelta(days=1))
    said = replace(found, state=state)
    async with till.engine.begin() as tx:
        for draft in postings.disputed(f"txn_{state}", moved, found.id):
            await ledger.append(tx, draft, event_at=till.now, now=till.now)
        first, second = [await record_disputes(tx, [said], till.now) for _ in range(2)]
    assert first == second
    return [f"{each.kind} {each.difference.minor}" for each in first]


async def test_one_that_is_won_after_it_was_lost_is_owed_no_more(till: Till, sandbox: str) -> None:
    await disputed_ride(till)
    await answer(sandbox, "losing_evidence")
    await reconciled(till)
    assert (await decided(till, DisputeState.WON), await debts(till)) == ([], [])
    books = await till.balances()
    assert (books["disputed:EUR"], books["rider_receivable:EUR"]) == (0, 0)
    assert (await decided(till, DisputeState.LOST), await debts(till)) == (["dispute -500"], [])


async def test_one_that_is_won_after_the_rider_paid_for_it_is_left_to_a_person(
    till: Till, sandbox: str
) -> None:
    await disputed_ride(till)
    await answer(sandbox, "losing_evidence")
    await reconciled(till)
    async with till.engine.begin() as tx:
        (owed,) = await list_debts(tx, ["pay_1"])
        await count_paid(tx, owed.id, Money(500), till.now)
    assert await decided(till, DisputeState.WON) == ["dispute 500"]
    assert await debts(till) == ["paid 0 None"]


async def test_one_that_is_won_after_it_gave_what_was_granted_is_left_to_a_person(
    till: Till, sandbox: str
) -> None:
    await disputed_ride(till)
    async with till.engine.begin() as tx:
        granted = await prepare_compensation(
            tx, "pay_1", Money(200), reason="goodwill", key="goodwill.leg_1.0", now=till.now
        )
    await till.drive(granted)
    await answer(sandbox, "losing_evidence")
    await reconciled(till)
    assert await decided(till, DisputeState.WON) == ["dispute 500"]
    assert await debts(till) == ["arrears 300 dispute_lost"]


async def test_a_disputed_charge_cannot_be_refunded_as_well(till: Till) -> None:
    await disputed_ride(till)
    refused = await till.refund(500)
    assert refused.refunded.minor == 0


async def test_a_refund_that_was_refused_is_made_once_the_dispute_is_won(
    till: Till, sandbox: str
) -> None:
    """The processor repeats a refusal to whoever asks again under the same key."""
    await disputed_ride(till)
    await till.refund(500)
    await answer(sandbox, "winning_evidence")
    async with till.engine.begin() as tx:
        assert await try_refused_again(tx, "pay_1") == 1
    assert (await till.resume()).refunded == Money(500)


@pytest.mark.parametrize(
    ("reason", "borne_by"), [("goodwill", "goodwill_refunds"), ("guarantee", "claim_payable")]
)
async def test_one_that_is_lost_gives_what_was_granted_and_refused(
    till: Till, sandbox: str, reason: str, borne_by: str
) -> None:
    """At the expense of who bears it: the provider keeps its fare, and the rider owes nothing."""
    await disputed_ride(till)
    async with till.engine.begin() as tx:
        granted = await prepare_compensation(
            tx, "pay_1", Money(500), reason=reason, key="goodwill.leg_1.0", now=till.now
        )
    assert (await till.drive(granted)).refunded.minor == 0
    await answer(sandbox, "losing_evidence")
    for minutes in (1, 2):
        run = await reconciled(till, minutes)
        assert (await cases(till), run.unexplained.minor, await debts(till)) == ([], 0, [])
    books = await till.balances()
    assert (books["disputed:EUR"], books[f"{borne_by}:EUR"]) == (0, 500)
    assert books["provider_payable:bike:EUR"] == -460
    paid = await till.payment()
    assert (paid.refunded.minor, paid.compensated.minor) == (500, 500)


async def test_of_one_that_is_lost_what_was_to_go_back_anyway_is_not_owed(
    till: Till, sandbox: str
) -> None:
    """Of 5.00 € first 3.00 € were to go back, then 3.20 €, and 1.00 € granted: she owes 0.80 €."""
    await disputed_ride(till)
    for cents, key in ((300, "200"), (320, "180")):
        till.now += timedelta(seconds=1)
        assert (await till.refund(cents, key)).refunded.minor == 0
    async with till.engine.begin() as tx:
        granted = await prepare_compensation(
            tx, "pay_1", Money(100), reason="goodwill", key="goodwill.leg_1.0", now=till.now
        )
    assert (await till.drive(granted)).refunded.minor == 0
    await answer(sandbox, "losing_evidence")
    for minutes in (1, 2):
        run = await reconciled(till, minutes)
        assert (await cases(till), run.unexplained.minor) == ([], 0)
        assert await debts(till) == ["arrears 80 dispute_lost"]
    books = await till.balances()
    assert (books["disputed:EUR"], books["rider_receivable:EUR"]) == (0, 80)
    assert books["goodwill_refunds:EUR"] == 100
    assert books["provider_payable:bike:EUR"] == -(180 - 14)  # less 40 of 500, in proportion
    paid = await till.payment()
    assert (paid.refunded.minor, paid.compensated.minor) == (420, 100)


@pytest.mark.parametrize(
    "became",
    [
        {"state": "done", "error_code": None},
        {"state": "declined", "error_code": CAME_BACK},
    ],
)
async def test_of_one_that_is_lost_what_a_later_refund_gave_is_owed(
    till: Till, sandbox: str, became: dict[str, str | None]
) -> None:
    """1.00 € was refused, and 3.20 € with it in them were made: none of that is due any more."""
    await disputed_ride(till)
    for cents, key in ((100, "400"), (320, "180")):
        till.now += timedelta(seconds=1)
        await till.refund(cents, key)
    async with till.engine.begin() as tx:
        of = money_operation.c.id == "pay_1.refund.180"
        await tx.execute(update(money_operation).where(of).values(**became))
    await answer(sandbox, "losing_evidence")
    await reconciled(till)
    assert await debts(till) == ["arrears 500 dispute_lost"]


async def test_one_that_is_lost_gives_no_more_than_is_left_of_the_charge(
    till: Till, sandbox: str
) -> None:
    """Of 5.00 € went 1.00 € back before; 3.00 € and 2.00 € were granted and refused."""
    await disputed_ride(till)
    before = {"refunded_minor": 100, "compensated_minor": 100, "state": "partially_refunded"}
    async with till.engine.begin() as tx:
        await tx.execute(update(payment).values(**before))
    for cents, leg in ((300, "leg_1"), (200, "leg_2")):
        till.now += timedelta(seconds=1)
        async with till.engine.begin() as tx:
            granted = await prepare_compensation(
                tx, "pay_1", Money(cents), reason="goodwill", key=f"goodwill.{leg}.0", now=till.now
            )
        await till.drive(granted)
    await answer(sandbox, "losing_evidence")
    await reconciled(till)
    assert await debts(till) == ["arrears 200 dispute_lost"]
    assert (await till.payment()).refunded.minor == 400


async def test_a_word_of_the_processor_about_one_has_it_read_at_once(till: Till) -> None:
    event = Event("evt_1", "charge.dispute.created", till.now, "du_1", "pi_1", None)
    async with till.engine.begin() as tx:
        await store_event(tx, event, till.now)
    assert await apply_events(till.engine, till.now) == 1
    async with till.engine.connect() as tx:
        steps = (await tx.exec_driver_sql("select kind, key from step")).all()
    assert steps == [("reconcile", "all")]
