from datetime import date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.errors import PassKeyReusedError, PassNotFoundError
from mobility.identity.passes import (
    PassKind,
    add_pass,
    held_passes,
    list_passes,
    remove_all_passes,
    remove_pass,
)
from mobility.identity.riders import get_or_add_rider
from mobility.identity.secrets import Secrets
from mobility.identity.vault import Vault


async def test_passes_are_held_from_the_first_to_the_last_day(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        await add_pass(
            tx,
            vault,
            anna,
            kind=PassKind.DEUTSCHLANDTICKET,
            valid_from=date(2026, 11, 1),
            valid_until=date(2026, 11, 30),
        )
        await add_pass(
            tx,
            vault,
            anna,
            kind=PassKind.WERTMARKE,
            valid_from=date(2026, 11, 30),
            valid_until=None,
        )
        held = {
            day: await held_passes(tx, vault, anna, date.fromisoformat(day))
            for day in ("2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01")
        }
    assert held == {
        "2026-10-31": frozenset(),
        "2026-11-01": {"deutschlandticket"},
        "2026-11-30": {"deutschlandticket", "wertmarke"},
        "2026-12-01": {"wertmarke"},
    }


async def test_that_somebody_holds_a_wertmarke_is_sealed(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        await add_pass(
            tx, vault, anna, kind=PassKind.WERTMARKE, valid_from=now.date(), valid_until=None
        )
        row = (await tx.execute(select(tables.rider_pass))).one()
    assert b"wertmarke" not in row.sealed
    assert set(row._mapping) == {"rider_id", "id", "sealed"}


async def test_the_same_key_adds_a_pass_once(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)

        async def add(kind: PassKind) -> object:
            return await add_pass(
                tx,
                vault,
                anna,
                kind=kind,
                valid_from=date(2026, 11, 1),
                valid_until=None,
                idempotency_key="k1",
            )

        first = await add(PassKind.DEUTSCHLANDTICKET)
        assert await add(PassKind.DEUTSCHLANDTICKET) == first
        assert await list_passes(tx, vault, anna) == (first,)
        with pytest.raises(PassKeyReusedError):
            await add(PassKind.WERTMARKE)


async def test_another_riders_pass_cannot_be_removed(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        otto = await get_or_add_rider(tx, secrets, "otto@example.org", now)
        mine = await add_pass(
            tx, vault, anna, kind=PassKind.WERTMARKE, valid_from=now.date(), valid_until=None
        )
        with pytest.raises(PassNotFoundError):
            await remove_pass(tx, otto, mine.id)
        await remove_all_passes(tx, otto)
        assert await list_passes(tx, vault, anna) == (mine,)
        await remove_pass(tx, anna, mine.id)
        assert await list_passes(tx, vault, anna) == ()
