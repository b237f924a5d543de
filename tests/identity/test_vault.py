from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.errors import RiderErasedError
from mobility.identity.riders import get_or_add_rider
from mobility.identity.secrets import Secrets
from mobility.identity.vault import (
    DrivingLicence,
    LicenceStatus,
    PersonalData,
    Vault,
    seal,
    shred,
    unseal,
)

ANNA = PersonalData(
    email="anna@example.org",
    name="Anna Hänsel",
    birth_date=date(1991, 4, 23),
    driving_licence=DrivingLicence(LicenceStatus.DECLARED, date(2026, 11, 25)),
)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_opens_under_the_same_key_and_context_only(plain: bytes, context: str):
    sealed = seal(b"k" * 32, plain, context)
    assert unseal(b"k" * 32, sealed, context) == plain
    assert sealed != seal(b"k" * 32, plain, context)
    for key, text, where in (
        (b"x" * 32, sealed, context),
        (b"k" * 32, sealed, context + "/other"),
        (b"k" * 32, sealed[:-1] + bytes([sealed[-1] ^ 1]), context),
    ):
        with pytest.raises(ValueError, match="altered"):
            unseal(key, text, where)


async def _add(engine: AsyncEngine, secrets: Secrets, now: datetime, person: PersonalData) -> str:
    async with transaction(engine) as tx:
        rider_id = await get_or_add_rider(tx, secrets, person.email, now)
        await Vault(secrets.vault_key).write(tx, rider_id, person)
    return rider_id


async def test_a_person_is_kept_whole_and_unreadable(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    rider_id = await _add(engine, secrets, now, ANNA)
    async with transaction(engine) as tx:
        assert await vault.get_person(tx, rider_id) == ANNA
        stored = (await tx.execute(select(tables.vault.c.sealed))).scalar_one()
    for part in (b"anna", b"1991", "Hänsel".encode()):
        assert part not in stored


async def test_a_sealed_row_cannot_be_moved_to_another_rider(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    anna = await _add(engine, secrets, now, ANNA)
    otto = await _add(engine, secrets, now, replace(ANNA, email="otto@example.org"))
    async with transaction(engine) as tx:
        for table, column in ((tables.vault, "sealed"), (tables.rider_key, "wrapped_key")):
            moved = select(table.c[column]).where(table.c.rider_id == anna).scalar_subquery()
            await tx.execute(update(table).where(table.c.rider_id == otto).values({column: moved}))
        with pytest.raises(ValueError, match="altered"):
            await vault.get_person(tx, otto)


async def test_a_copy_of_the_database_alone_opens_nothing(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    rider_id = await _add(engine, secrets, now, ANNA)
    async with transaction(engine) as tx:
        with pytest.raises(ValueError, match="another key"):
            await Vault(b"guess" + b"-" * 27).get_person(tx, rider_id)


async def test_shredding_takes_one_rider_and_no_other(
    engine: AsyncEngine, secrets: Secrets, vault: Vault, now: datetime
):
    anna = await _add(engine, secrets, now, ANNA)
    otto = await _add(engine, secrets, now, replace(ANNA, email="otto@example.org"))
    async with transaction(engine) as tx:
        await shred(tx, anna)
    async with transaction(engine) as tx:
        with pytest.raises(RiderErasedError):
            await vault.get_person(tx, anna)
        assert (await vault.get_person(tx, otto)).email == "otto@example.org"


async def test_staff_verifies_a_licence():
    seen = ANNA.with_verified_licence(date(2026, 12, 1))
    assert seen == replace(
        ANNA, driving_licence=DrivingLicence(LicenceStatus.VERIFIED, date(2026, 12, 1))
    )
