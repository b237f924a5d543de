"""Passes are confirmed by who issued them, whatever happens on the way."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility import steps
from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.erasure import erase_rider
from mobility.identity.mailer import make_mailer
from mobility.identity.pass_states import PassKind, PassState
from mobility.identity.passes import (
    RELEASE_STEP,
    VERIFY_STEP,
    add_pass,
    held_passes,
    list_passes,
    remove_pass,
)
from mobility.identity.riders import get_or_add_rider
from mobility.identity.secrets import Secrets
from mobility.identity.vault import Vault
from mobility.identity.verify_pass import PassOffice, release_pass, verify_pass
from mobility.settings import Settings
from mobility.tables import step
from providers.entitlements import PassReason
from providers.errors import OutcomeUnknownError, UnreachableError
from tests.providers.issuers import DEMO, IssuerSandbox, run_issuer

BORN = date(1991, 4, 23)
TICKET = PassKind.DEUTSCHLANDTICKET


@dataclass
class Counter:
    """An installation with one issuer, at a time that tests move."""

    office: PassOffice
    issuer: IssuerSandbox
    now: datetime

    async def rider(self, name: str, born: date = BORN) -> str:
        async with transaction(self.office.engine) as tx:
            email = f"{name}@example.org"
            rider_id = await get_or_add_rider(tx, self.office.secrets, email, self.now)
            person = await self.office.vault.get_person(tx, rider_id)
            await self.office.vault.write(tx, rider_id, replace(person, birth_date=born))
        return rider_id

    async def add(self, rider_id: str, reference: str | None, kind: PassKind = TICKET) -> str:
        async with transaction(self.office.engine) as tx:
            added = await add_pass(
                tx, self.office.vault, rider_id, kind=kind, valid_from=self.now.date(),
                valid_until=None, reference=reference, now=self.now,
            )  # fmt: skip
        return added.id

    async def verify(self, rider_id: str, pass_id: str) -> datetime | None:
        return await verify_pass(self.office, f"{rider_id}/{pass_id}", self.now)

    async def added(self, rider_id: str, reference: str | None, kind: PassKind = TICKET) -> str:
        """A pass whose issuer was asked, and answered."""
        pass_id = await self.add(rider_id, reference, kind)
        await self.verify(rider_id, pass_id)
        return pass_id

    async def state(self, rider_id: str, pass_id: str) -> tuple[PassState, PassReason | None]:
        async with transaction(self.office.engine) as tx:
            held = await list_passes(tx, self.office.vault, rider_id)
        (found,) = (item for item in held if item.id == pass_id)
        return found.state, found.because

    async def held(self, rider_id: str) -> frozenset[str]:
        async with transaction(self.office.engine) as tx:
            return await held_passes(tx, self.office.vault, rider_id, [self.now.date()], self.now)

    async def steps(self, kind: str) -> list[str]:
        async with transaction(self.office.engine) as tx:
            rows = await tx.execute(select(step.c.key).where(step.c.kind == kind))
            return list(rows.scalars())

    async def release(self) -> None:
        """The worker's work on what is to be released."""

        async def handler(key: str, _now: datetime) -> None:
            await release_pass(self.office, key)

        await steps.run_due(
            self.office.engine, {RELEASE_STEP: handler}, worker="w",
            lease=timedelta(seconds=5), clock=lambda: self.now,
        )  # fmt: skip


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[IssuerSandbox]:
    with run_issuer(tmp_path / "issuer.sqlite") as found:
        yield found


@pytest.fixture
async def counter(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, issuer: IssuerSandbox
) -> AsyncIterator[Counter]:
    async with httpx.AsyncClient() as http:
        office = PassOffice(
            engine=engine, vault=vault, secrets=secrets, issuers={DEMO: issuer.ask(http)},
            issuer_of={TICKET.value: DEMO}, worker="w", lease=timedelta(seconds=5),
        )  # fmt: skip
        yield Counter(office, issuer, datetime.now(UTC) - timedelta(minutes=1))


async def test_a_confirmed_pass_counts_and_is_asked_for_again_before_it_lapses(counter: Counter):
    anna = await counter.rider("anna")
    pass_id = await counter.add(anna, "DEMO-1")
    assert await counter.held(anna) == frozenset()
    assert await counter.verify(anna, pass_id) == counter.now + timedelta(hours=24)
    assert await counter.held(anna) == {"deutschlandticket"}
    counter.now += timedelta(hours=72)
    assert await counter.held(anna) == frozenset()
    await counter.verify(anna, pass_id)
    assert await counter.held(anna) == {"deutschlandticket"}


async def test_the_issuer_learns_a_pseudonym_and_what_the_pass_needs(counter: Counter):
    anna = await counter.rider("anna")
    await counter.added(anna, "demo-1")
    (claim,) = counter.issuer.claims()
    assert claim["holder"].startswith("rp_")
    assert anna not in str(claim)
    await counter.added(anna, None)
    assert [claim["reference"] for claim in counter.issuer.claims()] == ["demo-1", None]


@pytest.mark.parametrize(
    ("reference", "known", "because"),
    [
        ("4711", None, PassReason.UNKNOWN),
        ("DEMO-1", {"birth_date": "1991-04-24"}, PassReason.WRONG_PERSON),
        ("DEMO-1", {"revoked": True}, PassReason.NOT_VALID),
    ],
)
async def test_a_pass_that_is_not_hers_is_refused_for_good(
    counter: Counter, reference: str, known: dict[str, object] | None, because: PassReason
):
    anna = await counter.rider("anna")
    if known is not None:
        counter.issuer.sell(reference, **known)
    pass_id = await counter.added(anna, reference)
    assert await counter.state(anna, pass_id) == (PassState.REFUSED, because)
    assert await counter.verify(anna, pass_id) is None
    assert await counter.held(anna) == frozenset()


@pytest.mark.parametrize("fault", ["lost", "error_after", "garbled", "huge"])
async def test_an_answer_that_was_lost_is_read_and_the_pass_claimed_once(
    counter: Counter, fault: str
):
    anna = await counter.rider("anna")
    counter.issuer.fault("claim", fault)
    pass_id = await counter.add(anna, "DEMO-1")
    with pytest.raises(OutcomeUnknownError):
        await counter.verify(anna, pass_id)
    assert await counter.state(anna, pass_id) == (PassState.PENDING, None)
    assert await counter.held(anna) == frozenset()
    counter.issuer.fault("claim", "refuse", count=9)
    await counter.verify(anna, pass_id)
    assert await counter.state(anna, pass_id) == (PassState.VERIFIED, None)
    assert len(counter.issuer.claims()) == 1


@pytest.mark.parametrize("fault", ["refuse", "error"])
async def test_a_claim_that_did_not_arrive_is_sent_again_once_that_is_read(
    counter: Counter, fault: str
):
    anna = await counter.rider("anna")
    counter.issuer.fault("claim", fault)
    pass_id = await counter.add(anna, "DEMO-1")
    with pytest.raises((OutcomeUnknownError, UnreachableError)):
        await counter.verify(anna, pass_id)
    await counter.verify(anna, pass_id)
    assert await counter.held(anna) == {"deutschlandticket"}


async def test_an_outage_takes_nothing_before_the_word_lapses(counter: Counter):
    anna = await counter.rider("anna")
    pass_id = await counter.added(anna, "DEMO-1")
    counter.issuer.fault("look_up", "error", count=9)
    for hours, held in ((24, True), (47, True), (1, False)):
        counter.now += timedelta(hours=hours)
        with pytest.raises(UnreachableError):
            await counter.verify(anna, pass_id)
        assert bool(await counter.held(anna)) == held, hours


async def test_a_pass_that_ends_is_revoked_when_its_issuer_is_asked_again(counter: Counter):
    anna = await counter.rider("anna")
    pass_id = await counter.added(anna, "DEMO-1")
    counter.issuer.sell("DEMO-1", revoked=True)
    assert await counter.verify(anna, pass_id) is None
    assert await counter.state(anna, pass_id) == (PassState.REVOKED, PassReason.NOT_VALID)
    assert await counter.held(anna) == frozenset()


async def test_one_pass_serves_one_account_until_it_is_removed(counter: Counter):
    anna, otto = await counter.rider("anna"), await counter.rider("otto")
    hers = await counter.added(anna, "DEMO-1")
    his = await counter.added(otto, "demo-1")
    assert await counter.state(otto, his) == (PassState.REFUSED, PassReason.BOUND_ELSEWHERE)
    async with transaction(counter.office.engine) as tx:
        await remove_pass(tx, counter.office.vault, anna, hers, counter.now)
    await counter.release()
    again = await counter.added(otto, "DEMO-1")
    assert await counter.state(otto, again) == (PassState.VERIFIED, None)


async def test_an_issuer_that_gives_one_pass_twice_is_not_believed(counter: Counter):
    anna, otto = await counter.rider("anna"), await counter.rider("otto")
    await counter.added(anna, "DEMO-1")
    his = await counter.add(otto, "DEMO-2")
    answer = f'{{"id":"{his}","status":"valid","pass_id":"DEMO-1","valid_from":"2026-01-01"}}'
    counter.issuer.fault("claim", "raw", body=answer)
    await counter.verify(otto, his)
    assert await counter.state(otto, his) == (PassState.REFUSED, PassReason.BOUND_ELSEWHERE)
    assert await counter.held(anna) == {"deutschlandticket"}
    assert await counter.steps(RELEASE_STEP) == [f"{DEMO}/{his}"]


async def test_a_pass_removed_while_its_issuer_answers_is_released(counter: Counter):
    anna = await counter.rider("anna")
    pass_id = await counter.add(anna, "DEMO-1")
    counter.issuer.fault("claim", "lost")
    with pytest.raises(OutcomeUnknownError):
        await counter.verify(anna, pass_id)
    async with transaction(counter.office.engine) as tx:
        await remove_pass(tx, counter.office.vault, anna, pass_id, counter.now)
    assert await counter.verify(anna, pass_id) is None
    await counter.release()
    assert [claim["released"] for claim in counter.issuer.claims()] == [True]
    assert await counter.steps(RELEASE_STEP) == []


async def test_who_is_erased_is_forgotten_by_the_issuer_too(counter: Counter, tmp_path: Path):
    anna = await counter.rider("anna")
    pass_id = await counter.added(anna, "DEMO-1")
    office = counter.office
    mailer = make_mailer(Settings(data=tmp_path))
    await erase_rider(office.engine, office.vault, mailer, anna, counter.now)
    async with transaction(office.engine) as tx:
        assert (await tx.execute(select(tables.pass_binding))).all() == []
    assert await counter.verify(anna, pass_id) is None
    await counter.release()
    assert [claim["released"] for claim in counter.issuer.claims()] == [True]


async def test_a_pass_without_an_issuer_waits_for_staff_and_nobody_is_asked(counter: Counter):
    anna = await counter.rider("anna")
    pass_id = await counter.add(anna, None, PassKind.WERTMARKE)
    assert await counter.verify(anna, pass_id) == counter.now + timedelta(hours=24)
    assert await counter.state(anna, pass_id) == (PassState.DECLARED, None)
    assert counter.issuer.claims() == []
    assert await counter.steps(VERIFY_STEP) == [f"{anna}/{pass_id}"]
