"""Personal data, sealed under each rider's own key. Without the key nothing of it is readable.

AES-256-GCM with a fresh 96-bit nonce in front. The rider's id and the purpose are authenticated
with the text, so that a sealed row cannot be moved to another rider or column. The rider's key is
itself wrapped by the installation's ``vault_key``: a copy of the database alone opens nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from mobility.identity.errors import RiderErasedError

_NONCE_BYTES = 12


class LicenceStatus(StrEnum):
    """What is known of a driving licence."""

    DECLARED = "declared"
    """The rider says so; nobody looked."""
    VERIFIED = "verified"
    """Staff saw it."""


@dataclass(frozen=True, slots=True)
class DrivingLicence:
    """A driving licence, and since when its status is what it is."""

    status: LicenceStatus
    on: date


@dataclass(frozen=True, slots=True)
class PersonalData:
    """All that we know of a person. Name, birth date and licence are what the rider declares."""

    email: str
    name: str | None = None
    birth_date: date | None = None
    driving_licence: DrivingLicence | None = None

    def with_verified_licence(self, on: date) -> PersonalData:
        """The same person, whose driving licence staff has seen."""
        return replace(self, driving_licence=DrivingLicence(LicenceStatus.VERIFIED, on))


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """Encrypt and authenticate ``plain`` together with ``context``."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The text that ``seal`` took.

    Raises:
        ValueError: another key or context, or altered.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except InvalidTag as error:
        raise ValueError(f"{context}: sealed under another key, or altered") from error


def _to_json(person: PersonalData) -> bytes:
    licence = person.driving_licence
    return json.dumps(
        {
            "email": person.email,
            "name": person.name,
            "birth_date": person.birth_date.isoformat() if person.birth_date else None,
            "licence_status": licence.status.value if licence else None,
            "licence_on": licence.on.isoformat() if licence else None,
        }
    ).encode()


def _of_json(text: bytes) -> PersonalData:
    found: dict[str, str | None] = json.loads(text)
    birth_date, status, on = found["birth_date"], found["licence_status"], found["licence_on"]
    return PersonalData(
        email=found["email"] or "",
        name=found["name"],
        birth_date=date.fromisoformat(birth_date) if birth_date else None,
        driving_licence=DrivingLicence(LicenceStatus(status), date.fromisoformat(on))
        if status and on
        else None,
    )


@dataclass(frozen=True, slots=True, repr=False)
class Vault:
    """Opens and seals what riders own; holds the key that wraps their keys."""

    vault_key: bytes

    async def add_key(self, tx: AsyncConnection, rider_id: str) -> None:
        """Give a new rider a key."""
        wrapped = seal(self.vault_key, AESGCM.generate_key(256), f"key/{rider_id}")
        await tx.execute(insert(tables.rider_key).values(rider_id=rider_id, wrapped_key=wrapped))

    async def get_key(self, tx: AsyncConnection, rider_id: str) -> bytes:
        """A rider's key.

        Raises:
            RiderErasedError: there is none, or it was shredded.
        """
        column = tables.rider_key.c
        found = await tx.execute(select(column.wrapped_key).where(column.rider_id == rider_id))
        wrapped = found.scalar_one_or_none()
        if wrapped is None:
            raise RiderErasedError(rider_id)
        return unseal(self.vault_key, wrapped, f"key/{rider_id}")

    async def write(self, tx: AsyncConnection, rider_id: str, person: PersonalData) -> None:
        """Store a rider's personal data in place of what was there."""
        key = await self.get_key(tx, rider_id)
        sealed = seal(key, _to_json(person), f"person/{rider_id}")
        await tx.execute(
            insert(tables.vault)
            .values(rider_id=rider_id, sealed=sealed)
            .on_conflict_do_update(index_elements=["rider_id"], set_={"sealed": sealed})
        )

    async def get_person(
        self, tx: AsyncConnection, rider_id: str, *, for_update: bool = False
    ) -> PersonalData:
        """A rider's personal data; ``for_update`` lets no other transaction change it meanwhile.

        Raises:
            RiderErasedError: unknown or erased.
        """
        key = await self.get_key(tx, rider_id)
        query = select(tables.vault.c.sealed).where(tables.vault.c.rider_id == rider_id)
        found = await tx.execute(query.with_for_update() if for_update else query)
        sealed = found.scalar_one_or_none()
        if sealed is None:
            raise RiderErasedError(rider_id)
        return _of_json(unseal(key, sealed, f"person/{rider_id}"))


async def shred(tx: AsyncConnection, rider_id: str) -> None:
    """Delete a rider's key and everything that it, or the rider's address, leads to."""
    for table in (
        tables.rider_key,
        tables.vault,
        tables.rider_pass,
        tables.pass_binding,
        tables.role_grant,
        tables.refresh_token,
    ):
        await tx.execute(delete(table).where(table.c.rider_id == rider_id))
    gone = await tx.execute(
        delete(tables.email_index)
        .where(tables.email_index.c.rider_id == rider_id)
        .returning(tables.email_index.c.email_hash)
    )
    await tx.execute(
        delete(tables.login_code).where(tables.login_code.c.email_hash.in_(gone.scalars().all()))
    )
