"""Have a pass confirmed by who issued it: prepare (transaction), call (none), record (transaction).

What became of a claim that got no answer is read, never guessed. A pass without an issuer that can
be asked waits for staff, who have seen it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility import steps
from mobility.audit import Deed, write_down
from mobility.db import transaction
from mobility.identity.errors import PassBoundError, PassNotFoundError, RiderErasedError
from mobility.identity.pass_states import Pass, PassKind, PassState, ask, hear, refuse, revoke, see
from mobility.identity.passes import (
    VERIFY_STEP,
    ask_to_release,
    bind,
    list_passes,
    lock_pass,
    step_key,
    write_pass,
)
from mobility.identity.pseudonyms import provider_pseudonym
from mobility.identity.secrets import Secrets
from mobility.identity.vault import Vault
from providers.entitlements import Claim, Entitlement, Issuer, PassReason
from providers.errors import UnreachableError
from providers.values import ProviderId

WAIT_S = 3.0
"""How long a rider who adds a pass waits for its issuer."""
LOOK_AGAIN = timedelta(hours=24)
"""When a pass that no issuer confirms is looked at again: as often as others, so that the steps do
not tell them apart."""
POLL_S = 0.1
_running: set[asyncio.Future[None]] = set()
"""Keeps what goes on in the background from being collected."""


@dataclass(frozen=True, slots=True)
class PassOffice:
    """Who verifies passes, and with what."""

    engine: AsyncEngine
    vault: Vault
    secrets: Secrets
    issuers: Mapping[str, Issuer]
    """By id, those that can be asked."""
    issuer_of: Mapping[str, str]
    """The issuer's id by the kind of pass; of others staff has to see the pass."""
    worker: str
    lease: timedelta

    def find_issuer(self, kind: PassKind) -> Issuer | None:
        """Who confirms this kind; None where nobody can be asked."""
        return self.issuers.get(self.issuer_of.get(kind.value, ""))


class _Question(NamedTuple):
    """What to ask an issuer, and whether it may have been asked before."""

    issuer: Issuer
    claim: Claim
    before: Pass


async def verify_while_waiting(
    office: PassOffice, rider_id: str, pass_id: str, clock: Callable[[], datetime]
) -> None:
    """Have a pass confirmed while its rider waits, for ``WAIT_S``; then it goes on by itself.

    A worker may have taken the step before: then its outcome is waited for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_S
    task: asyncio.Future[None] | None = None
    while not await _is_settled(office, rider_id, pass_id) and loop.time() < deadline:
        if task is None or task.done():
            task = asyncio.ensure_future(_verify_if_free(office, rider_id, pass_id, clock()))
            _running.add(task)
            task.add_done_callback(_running.discard)
        await asyncio.wait({task}, timeout=max(0.0, deadline - loop.time()))
        if not await _is_settled(office, rider_id, pass_id):
            await asyncio.sleep(POLL_S)


async def _is_settled(office: PassOffice, rider_id: str, pass_id: str) -> bool:
    """Whether there is nothing to wait for: it is decided, nobody can be asked, or it is gone."""
    async with transaction(office.engine) as tx:
        try:
            held = await list_passes(tx, office.vault, rider_id)
        except RiderErasedError:
            return True
    item = next((item for item in held if item.id == pass_id), None)
    open_ones = (PassState.DECLARED, PassState.PENDING)
    return item is None or item.state not in open_ones or office.find_issuer(item.kind) is None


async def _verify_if_free(office: PassOffice, rider_id: str, pass_id: str, now: datetime) -> None:
    async def verify(key: str, now: datetime) -> datetime | None:
        return await verify_pass(office, key, now)

    await steps.run_if_free(
        office.engine,
        (VERIFY_STEP, step_key(rider_id, pass_id)),
        verify,
        worker=office.worker,
        lease=office.lease,
        now=now,
    )


async def verify_pass(office: PassOffice, key: str, now: datetime) -> datetime | None:
    """One step of a pass; returns when it is to be looked at again.

    Raises:
        providers.errors.ProviderError: the issuer gave no answer; the step runs again.
    """
    rider_id, _, pass_id = key.partition("/")
    try:
        found = await _prepare(office, rider_id, pass_id)
    except (RiderErasedError, PassNotFoundError):
        return None
    if isinstance(found, Pass):
        return None if found.state in _OVER else now + LOOK_AGAIN
    said = None
    if found.before.asked is not None:
        said = await found.issuer.find(pass_id)
    if said is None and found.before.state is not PassState.VERIFIED:
        said = await found.issuer.claim(found.claim)
    heard = await _record(office, rider_id, found, said, now)
    return now + found.issuer.recheck if heard and heard.state is PassState.VERIFIED else None


_OVER = (PassState.REFUSED, PassState.REVOKED)


async def _prepare(office: PassOffice, rider_id: str, pass_id: str) -> Pass | _Question:
    """What to ask; the pass itself where nobody is to be asked."""
    async with transaction(office.engine) as tx:
        item = await lock_pass(tx, office.vault, rider_id, pass_id)
        issuer = office.find_issuer(item.kind)
        seen = item.proof is not None and item.proof.issuer is None
        if issuer is None or item.state in _OVER or seen:
            return item
        person = await office.vault.get_person(tx, rider_id)
        if item.asked is None:
            await write_pass(tx, office.vault, rider_id, ask(item, issuer.id))
    holder = provider_pseudonym(office.secrets.pseudonym_key, ProviderId(issuer.id), rider_id)
    claim = Claim(
        id=item.id,
        kind=item.kind.value,
        holder=holder,
        valid_from=item.valid_from,
        valid_until=item.valid_until,
        reference=item.reference,
        birth_date=person.birth_date,
    )
    return _Question(issuer, claim, item)


async def _record(
    office: PassOffice, rider_id: str, asked: _Question, said: Entitlement | None, now: datetime
) -> Pass | None:
    """Store the issuer's word; None where the pass was removed meanwhile, and is released."""
    issuer = asked.issuer
    async with transaction(office.engine) as tx:
        try:
            item = await lock_pass(tx, office.vault, rider_id, asked.before.id)
        except (RiderErasedError, PassNotFoundError):
            await ask_to_release(tx, issuer.id, asked.before.id, now)
            return None
        heard = hear(item, said, now, issuer.lapse)
        if said is not None and heard.proof is not None and heard.proof.issuer == issuer.id:
            name = f"{issuer.id}/{said.pass_id}"
            if not await bind(tx, office.secrets.pass_index_key, rider_id, item.id, name):
                lose = revoke if item.state is PassState.VERIFIED else refuse
                heard = lose(item, PassReason.BOUND_ELSEWHERE)
                await ask_to_release(tx, issuer.id, item.id, now)
        await write_pass(tx, office.vault, rider_id, heard)
    return heard


async def release_pass(office: PassOffice, key: str) -> None:
    """Tell an issuer that a pass is used here no longer; the step's work.

    Raises:
        providers.errors.ProviderError: it may not know yet; the step runs again.
    """
    issuer_id, _, pass_id = key.partition("/")
    issuer = office.issuers.get(issuer_id)
    if issuer is None:
        raise UnreachableError(issuer_id, "has no address; set MOBILITY_ISSUER_URLS")
    await issuer.release(pass_id)


@dataclass(frozen=True, slots=True)
class Seen:
    """What staff has seen: a card, by its number, that is valid to the end of a day."""

    kind: PassKind
    card: str
    valid_until: date


async def see_pass(
    tx: AsyncConnection,
    vault: Vault,
    secrets: Secrets,
    rider_id: str,
    seen: Seen,
    zone: ZoneInfo,
    deed: tuple[str, datetime],
) -> None:
    """Record that staff has seen the pass that a rider declared. ``deed``: who, and when.

    The audit log says that a pass was seen and not of which kind: that may tell of her health.

    Raises:
        RiderErasedError: unknown or erased.
        PassNotFoundError: the rider has declared no pass of this kind.
        PassBoundError: the card serves another account, or another pass of this one.
    """
    item = await _declared(tx, vault, rider_id, seen.kind)
    name = f"card/{seen.kind.value}/{''.join(seen.card.split()).upper()}"
    if not await bind(tx, secrets.pass_index_key, rider_id, item.id, name):
        raise PassBoundError("this card serves another account, or another pass of this one")
    ends = datetime.combine(seen.valid_until + timedelta(days=1), time(0), zone).astimezone(UTC)
    await write_pass(tx, vault, rider_id, see(item, seen.valid_until, ends))
    actor, now = deed
    await write_down(tx, Deed(actor, "pass.see", item.id, "the card was shown", now))


async def revoke_pass(
    tx: AsyncConnection,
    vault: Vault,
    rider_id: str,
    kind: PassKind,
    deed: tuple[str, str, datetime],
) -> None:
    """Take back the verification of a rider's passes of a kind. ``deed``: who, why and when.

    Raises:
        RiderErasedError: unknown or erased.
        PassNotFoundError: none of this kind is verified.
    """
    actor, why, now = deed
    verified = [
        item
        for item in await list_passes(tx, vault, rider_id)
        if item.kind is kind and item.state is PassState.VERIFIED
    ]
    if not verified:
        raise PassNotFoundError("the rider has no verified pass of this kind")
    for item in verified:
        held = await lock_pass(tx, vault, rider_id, item.id)
        await write_pass(tx, vault, rider_id, revoke(held, PassReason.NOT_VALID))
        if held.asked is not None:
            await ask_to_release(tx, held.asked, held.id, now)
        await write_down(tx, Deed(actor, "pass.revoke", held.id, why, now))


async def _declared(tx: AsyncConnection, vault: Vault, rider_id: str, kind: PassKind) -> Pass:
    """The latest pass of a kind, one that is not verified before one that is."""
    found = [item for item in await list_passes(tx, vault, rider_id) if item.kind is kind]
    if not found:
        raise PassNotFoundError("the rider has added no pass of this kind; she has to do it first")
    found.sort(key=lambda item: (item.state is not PassState.VERIFIED, item.valid_from))
    return await lock_pass(tx, vault, rider_id, found[-1].id)
