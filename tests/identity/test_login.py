import asyncio
import re
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.login import CODE_LIFETIME, MAX_TRIES, redeem, request_code
from mobility.identity.riders import find_rider_id, get_or_add_rider
from mobility.identity.secrets import Secrets

ANNA = "anna@example.org"


async def _code(engine: AsyncEngine, secrets: Secrets, now: datetime, address: str = ANNA) -> str:
    async with transaction(engine) as tx:
        mail = await request_code(tx, secrets, address, now)
    assert mail.to == address
    found = re.search(r"\b\d{6}\b", mail.text)
    assert found
    assert found[0] in mail.subject
    return found[0]


async def _try(
    engine: AsyncEngine, secrets: Secrets, code: str, now: datetime, address: str = ANNA
) -> str | None:
    async with transaction(engine) as tx:
        return await redeem(tx, secrets, address, code, now)


def _other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_the_first_sign_in_makes_the_account_and_the_next_finds_it(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    code = await _code(engine, secrets, now)
    async with transaction(engine) as tx:
        assert await find_rider_id(tx, secrets, ANNA) is None
    rider_id = await _try(engine, secrets, code, now)
    assert rider_id is not None
    assert rider_id.startswith("rdr_")
    assert await _try(engine, secrets, await _code(engine, secrets, now), now) == rider_id


async def test_a_code_works_once(engine: AsyncEngine, secrets: Secrets, now: datetime):
    code = await _code(engine, secrets, now)
    tried = await asyncio.gather(*(_try(engine, secrets, code, now) for _ in range(4)))
    assert len([rider_id for rider_id in tried if rider_id]) == 1


async def test_a_code_ends_after_ten_minutes(engine: AsyncEngine, secrets: Secrets, now: datetime):
    code = await _code(engine, secrets, now)
    assert await _try(engine, secrets, code, now + CODE_LIFETIME) is None
    assert await _try(engine, secrets, code, now + CODE_LIFETIME - timedelta(seconds=1))


async def test_a_newer_code_replaces_the_older(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    first = await _code(engine, secrets, now)
    second = await _code(engine, secrets, now)
    if first != second:
        assert await _try(engine, secrets, first, now) is None
    assert await _try(engine, secrets, second, now)


async def test_a_code_is_of_one_address(engine: AsyncEngine, secrets: Secrets, now: datetime):
    code = await _code(engine, secrets, now)
    assert await _try(engine, secrets, code, now, "otto@example.org") is None


async def test_after_five_wrong_tries_the_right_one_is_refused_too(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    code = await _code(engine, secrets, now)
    wrong = [_try(engine, secrets, _other(code), now) for _ in range(MAX_TRIES)]
    assert set(await asyncio.gather(*wrong)) == {None}
    assert await _try(engine, secrets, code, now) is None


async def test_guesses_sent_at_the_same_time_count_each(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    code = await _code(engine, secrets, now)
    guesses = [_other(code)] * 19
    await asyncio.gather(*(_try(engine, secrets, guess, now) for guess in guesses))
    async with transaction(engine) as tx:
        assert (await tx.execute(select(tables.login_code.c.tries))).scalar_one() == MAX_TRIES


async def test_codes_that_ran_out_are_not_kept(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    await _code(engine, secrets, now)
    await _code(engine, secrets, now + timedelta(hours=1), "otto@example.org")
    async with transaction(engine) as tx:
        kept = await tx.execute(select(func.count()).select_from(tables.login_code))
        assert kept.scalar_one() == 1


async def test_two_first_sign_ins_at_once_make_one_account(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    async def sign_in() -> str:
        async with transaction(engine) as tx:
            return await get_or_add_rider(tx, secrets, ANNA, now)

    assert len(set(await asyncio.gather(*(sign_in() for _ in range(8))))) == 1
    async with transaction(engine) as tx:
        riders = await tx.execute(select(func.count()).select_from(tables.rider))
        assert riders.scalar_one() == 1
