from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.provider_keys import (
    ProviderKey,
    add_key,
    find_provider_id,
    list_keys,
    revoke_keys,
)
from providers.values import ProviderId

RAD, AUTO = ProviderId("demo-rad"), ProviderId("demo-auto")


async def test_a_key_opens_its_provider_until_it_is_revoked(engine: AsyncEngine, now: datetime):
    later = now + timedelta(hours=1)
    async with transaction(engine) as tx:
        first, second, other = [await add_key(tx, p, now) for p in (RAD, RAD, AUTO)]
        found = [await find_provider_id(tx, key) for key in (first, second, other, "mpk_x", "")]
        assert found == [RAD, RAD, AUTO, None, None]
        assert await revoke_keys(tx, RAD, later) == 2
        assert await revoke_keys(tx, RAD, later) == 0
        found = [await find_provider_id(tx, key) for key in (first, second, other)]
        assert found == [None, None, AUTO]
        assert ProviderKey(AUTO, other[:10], now, None) in await list_keys(tx)
        assert ProviderKey(RAD, first[:10], now, later) in await list_keys(tx)


async def test_keys_are_stored_as_hashes(engine: AsyncEngine, now: datetime):
    async with transaction(engine) as tx:
        key = await add_key(tx, RAD, now)
        row = (await tx.execute(select(tables.provider_key))).one()
    assert key not in str(row)
