from datetime import date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.errors import PassKeyReusedError, PassNotFoundError
from mobility.identity.pass_states import Pass, PassKind
from mobility.identity.passes import (
    add_pass,
    bind,
    held_passes,
    list_passes,
    remove_all_passes,
    remove_pass,
)
from mobility.identity.riders import get_or_add_rider
from mobility.identity.secrets import Secrets
from mobility.identity.vault import Vault, seal


async def test_a_pass_that_is_only_declared_is_not_held(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        for kind in PassKind:
            await add_pass(
                tx, vault, anna, kind=kind, valid_from=now.date(), valid_until=None, now=now
            )
        assert await held_passes(tx, vault, anna, [now.date()], now) == frozenset()
        assert await held_passes(tx, vault, anna, [], now) == frozenset()


async def test_passes_stored_before_they_were_verified_are_declared(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        text = b'{"kind": "wertmarke", "valid_from": "2026-11-01", "valid_until": null}'
        sealed = seal(await vault.get_key(tx, anna), text, f"pass/{anna}/pas_old")
        await tx.execute(
            tables.rider_pass.insert().values(rider_id=anna, id="pas_old", sealed=sealed)
        )
        assert await list_passes(tx, vault, anna) == (
            Pass("pas_old", PassKind.WERTMARKE, date(2026, 11, 1), None),
        )


async def test_one_pass_serves_one_account(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    key = secrets.pass_index_key
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        otto = await get_or_add_rider(tx, secrets, "otto@example.org", now)
        mine = await add_pass(
            tx, vault, anna, kind=PassKind.WERTMARKE, valid_from=now.date(), valid_until=None,
            now=now,
        )  # fmt: skip
        assert await bind(tx, key, anna, mine.id, "card/4711")
        assert await bind(tx, key, anna, mine.id, "card/4711")
        assert not await bind(tx, key, otto, "pas_2", "card/4711")
        assert not await bind(tx, key, anna, "pas_3", "card/4711")
        await remove_pass(tx, vault, anna, mine.id, now)
        assert await bind(tx, key, otto, "pas_2", "card/4711")
        (row,) = await tx.execute(select(tables.pass_binding))
    assert b"4711" not in row.digest


async def test_that_somebody_holds_a_wertmarke_is_sealed(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    async with transaction(engine) as tx:
        anna = await get_or_add_rider(tx, secrets, "anna@example.org", now)
        await add_pass(
            tx,
            vault,
            anna,
            kind=PassKind.WERTMARKE,
            valid_from=now.date(),
            valid_until=None,
            now=now,
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
                now=now,
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
            tx,
            vault,
            anna,
            kind=PassKind.WERTMARKE,
            valid_from=now.date(),
            valid_until=None,
            now=now,
        )
        with pytest.raises(PassNotFoundError):
            await remove_pass(tx, vault, otto, mine.id, now)
        await remove_all_passes(tx, vault, otto, now)
        assert await list_passes(tx, vault, anna) == (mine,)
        await remove_pass(tx, vault, anna, mine.id, now)
        assert await list_passes(tx, vault, anna) == ()
