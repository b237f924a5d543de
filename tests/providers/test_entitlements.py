"""What an issuer of passes is asked and may answer; what it answers is hostile."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from providers.entitlements import Claim, Entitlement, Issuer, PassReason, Status
from providers.errors import OutcomeUnknownError, UnreachableError
from tests.providers.issuers import IssuerSandbox, run_issuer

CLAIM = Claim(
    id="pas_1",
    kind="deutschlandticket",
    holder="rp_anna",
    valid_from=date(2026, 11, 1),
    valid_until=None,
    reference="DEMO-4711",
    birth_date=date(1991, 4, 23),
)
GOOD = {
    "id": "pas_1",
    "status": "valid",
    "pass_id": "DEMO-4711",
    "valid_from": "2023-05-01",
    "valid_until": None,
}
VALID = Entitlement(Status.VALID, None, "DEMO-4711", date(2023, 5, 1), None)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[IssuerSandbox]:
    with run_issuer(tmp_path / "issuer.sqlite") as found:
        yield found


@pytest.fixture
async def issuer(sandbox: IssuerSandbox) -> AsyncIterator[Issuer]:
    async with httpx.AsyncClient() as http:
        yield sandbox.ask(http)


async def test_a_claim_is_confirmed_found_and_released(issuer: Issuer, sandbox: IssuerSandbox):
    assert await issuer.find("pas_1") is None
    assert await issuer.claim(CLAIM) == VALID
    assert await issuer.claim(CLAIM) == VALID
    assert await issuer.find("pas_1") == VALID
    assert len(sandbox.claims()) == 1
    await issuer.release("pas_1")
    await issuer.release("pas_1")
    assert await issuer.find("pas_1") is None


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"birth_date": "1991-04-24"}, PassReason.WRONG_PERSON),
        ({"revoked": True}, PassReason.NOT_VALID),
    ],
)
async def test_a_pass_of_somebody_else_or_ended_is_refused(
    issuer: Issuer, sandbox: IssuerSandbox, known: dict[str, object], reason: PassReason
):
    sandbox.sell("DEMO-4711", **known)
    assert await issuer.claim(CLAIM) == Entitlement(Status.REFUSED, reason)


async def test_what_was_lost_on_the_way_back_is_unknown_until_read(
    issuer: Issuer, sandbox: IssuerSandbox
):
    for fault in ("lost", "error_after", "garbled"):
        sandbox.fault("claim", fault)
        with pytest.raises(OutcomeUnknownError):
            await issuer.claim(CLAIM)
        assert await issuer.find("pas_1") == VALID


async def test_a_token_that_opens_nothing_says_nothing_of_the_pass(sandbox: IssuerSandbox):
    async with httpx.AsyncClient() as http:
        with pytest.raises(UnreachableError):
            await sandbox.ask(http, token="another").claim(CLAIM)


NO_ENTITLEMENTS: list[object] = [
    None,
    [],
    {},
    "valid",
    {**GOOD, "id": "pas_2"},
    {**GOOD, "status": "VALID"},
    {**GOOD, "status": True},
    {**GOOD, "pass_id": ""},
    {**GOOD, "pass_id": None},
    {**GOOD, "pass_id": 4711},
    {**GOOD, "pass_id": "x" * 201},
    {**GOOD, "valid_from": None},
    {**GOOD, "valid_from": "2026-02-30"},
    {**GOOD, "valid_from": "0001-01-01"},
    {**GOOD, "valid_from": {"year": 2026}},
    {**GOOD, "valid_from": 1795680000},
    {**GOOD, "valid_until": "9999-12-31"},
    {**GOOD, "valid_until": "2023-04-30"},
    {**GOOD, "reason": ["x"]},
]


@pytest.mark.parametrize("answer", NO_ENTITLEMENTS, ids=lambda answer: json.dumps(answer)[:60])
async def test_what_is_no_entitlement_grants_nothing(
    issuer: Issuer, sandbox: IssuerSandbox, answer: object
):
    sandbox.fault("claim", "raw", body=json.dumps(answer))
    with pytest.raises(OutcomeUnknownError):
        await issuer.claim(CLAIM)
    sandbox.fault("look_up", "raw", body=json.dumps(answer))
    with pytest.raises(UnreachableError):
        await issuer.find("pas_1")


async def test_more_than_an_answer_can_be_is_none(issuer: Issuer, sandbox: IssuerSandbox):
    sandbox.fault("claim", "huge")
    with pytest.raises(OutcomeUnknownError):
        await issuer.claim(CLAIM)


async def test_a_reason_without_a_word_here_is_not_valid(issuer: Issuer, sandbox: IssuerSandbox):
    sandbox.fault("claim", "raw", body='{"id": "pas_1", "status": "refused", "reason": "mood"}')
    assert await issuer.claim(CLAIM) == Entitlement(Status.REFUSED, PassReason.NOT_VALID)


async def test_an_error_never_repeats_what_tells_of_a_person(
    issuer: Issuer, sandbox: IssuerSandbox
):
    said = json.dumps({"detail": "no DEMO-4711 of 1991-04-23", "title": "Anna Hansen"})
    for status in (400, 404, 409, 422, 500):
        sandbox.fault("claim", "raw", status=status, body=said)
        with pytest.raises((OutcomeUnknownError, UnreachableError)) as found:
            await issuer.claim(CLAIM)
        assert found.value.__cause__ is None
        assert not {"4711", "1991", "Anna"} & set(str(found.value).replace("-", " ").split())
    assert "4711" not in repr(CLAIM)
