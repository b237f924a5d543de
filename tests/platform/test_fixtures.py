from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.migrate import head


async def test_each_test_has_a_migrated_database_of_its_own(engine: AsyncEngine):
    async with engine.begin() as tx:
        versions = (await tx.execute(text("SELECT version_num FROM alembic_version"))).all()
    assert versions == [(head(),)]


async def test_instants_come_back_in_utc(engine: AsyncEngine):
    async with engine.begin() as tx:
        now = (await tx.execute(text("SELECT now()"))).scalar_one()
    assert now.utcoffset().total_seconds() == 0


async def test_each_test_has_keys_of_its_own(redis: Redis, redis_prefix: str):
    await redis.set(redis_prefix + "bike", "free", px=5_000)
    assert await redis.get(redis_prefix + "bike") == b"free"
    assert [key async for key in redis.scan_iter(redis_prefix + "*")] == [
        b"%sbike" % redis_prefix.encode()
    ]
