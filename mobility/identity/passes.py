"""Passes a rider holds: season tickets and the severely disabled person's Wertmarke.

That somebody holds a Wertmarke is a datum about health (Art. 9 GDPR): kind and dates are sealed
under the rider's key, and other tables hold prices, never passes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from mobility.identity.errors import PassKeyReusedError, PassNotFoundError
from mobility.identity.vault import Vault, seal, unseal
from mobility.ids import new_id


class PassKind(StrEnum):
    """The passes that change a fare."""

    DEUTSCHLANDTICKET = "deutschlandticket"
    WERTMARKE = "wertmarke"
    """Schwerbehindertenausweis with Wertmarke (§ 228 SGB IX)."""
    WERTMARKE_COMPANION = "wertmarke_companion"
    """The same with mark B: a companion travels free."""


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass as the rider declared it, valid from the first to the last day, both included."""

    id: str
    kind: PassKind
    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the pass is valid on that day (in local time)."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


async def add_pass(
    tx: AsyncConnection,
    vault: Vault,
    rider_id: str,
    *,
    kind: PassKind,
    valid_from: date,
    valid_until: date | None,
    idempotency_key: str | None = None,
) -> Pass:
    """Store a pass; with the same ``idempotency_key`` only once.

    The key goes into the pass's id and not into the table of answers, which would then tell who
    holds which pass.

    Raises:
        RiderErasedError: unknown or erased.
        PassKeyReusedError: the key came before with another pass.
    """
    key = await vault.get_key(tx, rider_id)
    pass_id = new_id("pas") if idempotency_key is None else _id_of(key, idempotency_key)
    added = Pass(pass_id, kind, valid_from, valid_until)
    text = json.dumps(
        {
            "kind": kind.value,
            "valid_from": valid_from.isoformat(),
            "valid_until": valid_until.isoformat() if valid_until else None,
        }
    )
    sealed = seal(key, text.encode(), f"pass/{rider_id}/{added.id}")
    stored = await tx.execute(
        insert(tables.rider_pass)
        .values(rider_id=rider_id, id=added.id, sealed=sealed)
        .on_conflict_do_nothing()
        .returning(tables.rider_pass.c.id)
    )
    if stored.one_or_none() is None and added not in await list_passes(tx, vault, rider_id):
        raise PassKeyReusedError("this Idempotency-Key was used for another pass; use a new key")
    return added


def _id_of(key: bytes, idempotency_key: str) -> str:
    digest = hmac.new(key, idempotency_key.encode(), hashlib.sha256).digest()[:16]
    return "pas_" + base64.b32encode(digest).decode().rstrip("=").lower()


async def list_passes(tx: AsyncConnection, vault: Vault, rider_id: str) -> tuple[Pass, ...]:
    """All passes of a rider, by first day.

    Raises:
        RiderErasedError: unknown or erased.
    """
    key = await vault.get_key(tx, rider_id)
    column = tables.rider_pass.c
    rows = await tx.execute(select(column.id, column.sealed).where(column.rider_id == rider_id))
    found = [_of_json(row.id, unseal(key, row.sealed, f"pass/{rider_id}/{row.id}")) for row in rows]
    return tuple(sorted(found, key=lambda item: (item.valid_from, item.id)))


def _of_json(pass_id: str, text: bytes) -> Pass:
    found: dict[str, str | None] = json.loads(text)
    until = found["valid_until"]
    return Pass(
        pass_id,
        PassKind(found["kind"] or ""),
        date.fromisoformat(found["valid_from"] or ""),
        date.fromisoformat(until) if until else None,
    )


async def remove_all_passes(tx: AsyncConnection, rider_id: str) -> None:
    """Delete all passes of a rider."""
    await tx.execute(delete(tables.rider_pass).where(tables.rider_pass.c.rider_id == rider_id))


async def remove_pass(tx: AsyncConnection, rider_id: str, pass_id: str) -> None:
    """Delete one pass.

    Raises:
        PassNotFoundError: this rider has no such pass.
    """
    column = tables.rider_pass.c
    gone = await tx.execute(
        delete(tables.rider_pass)
        .where(column.rider_id == rider_id, column.id == pass_id)
        .returning(column.id)
    )
    if gone.one_or_none() is None:
        raise PassNotFoundError("there is no such pass")


def kinds_on(passes: Iterable[Pass], day: date) -> frozenset[str]:
    """The kinds of pass that are valid on a local day, as fares name them."""
    return frozenset(item.kind.value for item in passes if item.holds_on(day))


async def held_passes(tx: AsyncConnection, vault: Vault, rider_id: str, on: date) -> frozenset[str]:
    """The kinds of pass the rider holds on a local day of travel.

    Raises:
        RiderErasedError: unknown or erased.
    """
    return kinds_on(await list_passes(tx, vault, rider_id), on)
