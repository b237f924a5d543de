"""Passes a rider holds: season tickets and the severely disabled person's Wertmarke, stored.

That somebody holds a Wertmarke is a datum about health (Art. 9 GDPR): all that is known of a pass
is sealed under the rider's key. Beside it stands only a keyed digest of the pass confirmed, so that
one pass serves one account; and other tables hold prices, never passes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy import update as update_row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.identity import tables
from mobility.identity.errors import PassKeyReusedError, PassNotFoundError
from mobility.identity.pass_states import Pass, PassKind, PassState, Proof, kinds_on
from mobility.identity.vault import Vault, seal, unseal
from mobility.ids import new_id
from providers.entitlements import PassReason

VERIFY_STEP = "verify_pass"
"""The durable step that has a pass confirmed, and confirmed again; its key names rider and pass."""
RELEASE_STEP = "release_pass"
"""The durable step that tells an issuer that a pass is used here no longer."""


def step_key(first: str, pass_id: str) -> str:
    """The key of a pass's step: of the rider (to verify) or of the issuer (to release)."""
    return f"{first}/{pass_id}"


async def add_pass(
    tx: AsyncConnection,
    vault: Vault,
    rider_id: str,
    *,
    kind: PassKind,
    valid_from: date,
    valid_until: date | None,
    now: datetime,
    reference: str | None = None,
    idempotency_key: str | None = None,
) -> Pass:
    """Store a pass and ask for its verification; with the same ``idempotency_key`` only once.

    The key goes into the pass's id and not into the table of answers, which would then tell who
    holds which pass.

    Raises:
        RiderErasedError: unknown or erased.
        PassKeyReusedError: the key came before with another pass.
    """
    key = await vault.get_key(tx, rider_id)
    pass_id = new_id("pas") if idempotency_key is None else _id_of(key, idempotency_key)
    added = Pass(pass_id, kind, valid_from, valid_until, reference)
    stored = await tx.execute(
        insert(tables.rider_pass)
        .values(rider_id=rider_id, id=added.id, sealed=_sealed(key, rider_id, added))
        .on_conflict_do_nothing()
        .returning(tables.rider_pass.c.id)
    )
    if stored.one_or_none() is not None:
        verify = step_key(rider_id, added.id)
        await steps.enqueue(tx, kind=VERIFY_STEP, key=verify, run_at=now)
        return added
    held = await list_passes(tx, vault, rider_id)
    earlier = next((item for item in held if item.declares_as(added)), None)
    if earlier is None:
        raise PassKeyReusedError("this Idempotency-Key was used for another pass; use a new key")
    return earlier


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
    found = [_opened(key, rider_id, row.id, row.sealed) for row in rows]
    return tuple(sorted(found, key=lambda item: (item.valid_from, item.id)))


async def lock_pass(tx: AsyncConnection, vault: Vault, rider_id: str, pass_id: str) -> Pass:
    """One pass, which no other transaction changes meanwhile.

    Raises:
        RiderErasedError: unknown or erased.
        PassNotFoundError: this rider has no such pass (any more).
    """
    key = await vault.get_key(tx, rider_id)
    column = tables.rider_pass.c
    found = await tx.execute(
        select(column.sealed)
        .where(column.rider_id == rider_id, column.id == pass_id)
        .with_for_update()
    )
    sealed = found.scalar_one_or_none()
    if sealed is None:
        raise PassNotFoundError("there is no such pass")
    return _opened(key, rider_id, pass_id, sealed)


async def write_pass(tx: AsyncConnection, vault: Vault, rider_id: str, changed: Pass) -> None:
    """Store what is now known of a pass that ``lock_pass`` locked.

    A pass that is verified no longer is free for another account.
    """
    key = await vault.get_key(tx, rider_id)
    column = tables.rider_pass.c
    await tx.execute(
        update_row(tables.rider_pass)
        .where(column.rider_id == rider_id, column.id == changed.id)
        .values(sealed=_sealed(key, rider_id, changed))
    )
    if changed.state is not PassState.VERIFIED:
        await _unbind(tx, rider_id, [changed.id])


async def bind(
    tx: AsyncConnection, index_key: bytes, rider_id: str, pass_id: str, name: str
) -> bool:
    """Bind a confirmed pass, by its ``name``, to this rider's one; False if it is bound already."""
    digest = hmac.new(index_key, name.encode(), hashlib.sha256).digest()
    column = tables.pass_binding.c
    await _unbind(tx, rider_id, [pass_id])
    await tx.execute(
        insert(tables.pass_binding)
        .values(digest=digest, rider_id=rider_id, pass_id=pass_id)
        .on_conflict_do_nothing()
    )
    found = await tx.execute(select(column.rider_id, column.pass_id).where(column.digest == digest))
    return tuple(found.one()) == (rider_id, pass_id)


async def _unbind(tx: AsyncConnection, rider_id: str, pass_ids: Iterable[str]) -> None:
    column = tables.pass_binding.c
    await tx.execute(
        delete(tables.pass_binding).where(
            column.rider_id == rider_id, column.pass_id.in_(list(pass_ids))
        )
    )


async def remove_all_passes(
    tx: AsyncConnection, vault: Vault, rider_id: str, now: datetime
) -> None:
    """Delete all passes of a rider, and have their issuers told.

    Raises:
        RiderErasedError: unknown or erased.
    """
    for item in await list_passes(tx, vault, rider_id):
        await remove_pass(tx, vault, rider_id, item.id, now)


async def remove_pass(
    tx: AsyncConnection, vault: Vault, rider_id: str, pass_id: str, now: datetime
) -> None:
    """Delete one pass, and have its issuer told.

    Raises:
        RiderErasedError: unknown or erased.
        PassNotFoundError: this rider has no such pass.
    """
    gone = await lock_pass(tx, vault, rider_id, pass_id)
    column = tables.rider_pass.c
    await tx.execute(
        delete(tables.rider_pass).where(column.rider_id == rider_id, column.id == pass_id)
    )
    await _unbind(tx, rider_id, [pass_id])
    if gone.asked is not None:
        await ask_to_release(tx, gone.asked, pass_id, now)


async def ask_to_release(tx: AsyncConnection, issuer: str, pass_id: str, now: datetime) -> None:
    """Have an issuer told that a pass is used here no longer."""
    await steps.enqueue(tx, kind=RELEASE_STEP, key=step_key(issuer, pass_id), run_at=now)


async def held_passes(
    tx: AsyncConnection, vault: Vault, rider_id: str, on: Iterable[date], now: datetime
) -> frozenset[str]:
    """The kinds of pass that are verified now and hold on all those local days of travel.

    Raises:
        RiderErasedError: unknown or erased.
    """
    return kinds_on(await list_passes(tx, vault, rider_id), on, now)


def _sealed(key: bytes, rider_id: str, item: Pass) -> bytes:
    proof = item.proof
    text = json.dumps(
        {
            "kind": item.kind.value,
            "valid_from": item.valid_from.isoformat(),
            "valid_until": _day(item.valid_until),
            "reference": item.reference,
            "state": item.state.value,
            "asked": item.asked,
            "because": item.because.value if item.because else None,
            "proof": None
            if proof is None
            else {
                "issuer": proof.issuer,
                "valid_from": proof.valid_from.isoformat(),
                "valid_until": _day(proof.valid_until),
                "counts_until": proof.counts_until.isoformat(),
            },
        }
    )
    return seal(key, text.encode(), f"pass/{rider_id}/{item.id}")


def _opened(key: bytes, rider_id: str, pass_id: str, sealed: bytes) -> Pass:
    """A pass as stored; those stored before passes were verified are only declared."""
    found = json.loads(unseal(key, sealed, f"pass/{rider_id}/{pass_id}"))
    proof, because = found.get("proof"), found.get("because")
    return Pass(
        pass_id,
        PassKind(found["kind"]),
        date.fromisoformat(found["valid_from"]),
        _of_day(found["valid_until"]),
        reference=found.get("reference"),
        state=PassState(found.get("state", PassState.DECLARED)),
        asked=found.get("asked"),
        because=PassReason(because) if because else None,
        proof=None
        if proof is None
        else Proof(
            proof["issuer"],
            date.fromisoformat(proof["valid_from"]),
            _of_day(proof["valid_until"]),
            datetime.fromisoformat(proof["counts_until"]),
        ),
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _of_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
