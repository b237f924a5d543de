"""What a rider's pass is worth: its states, and when it counts. Pure.

::

    declared ──asked──► pending ──valid──► verified ──revoked──► revoked
        │                  └──refused──► refused
        └──staff has seen it──► verified

Only a verified pass lowers a price, on days for which rider and issuer both say it is valid, until
its verification lapses. An issuer's word lapses unless it is asked again; what staff has seen holds
until the day printed on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from providers.entitlements import Entitlement, PassReason, Status


class PassKind(StrEnum):
    """The passes that change a fare."""

    DEUTSCHLANDTICKET = "deutschlandticket"
    WERTMARKE = "wertmarke"
    """Schwerbehindertenausweis with Wertmarke (§ 228 SGB IX)."""
    WERTMARKE_COMPANION = "wertmarke_companion"
    """The same with mark B: a companion travels free."""


class PassState(StrEnum):
    """How far a pass is known to be the rider's."""

    DECLARED = "declared"
    """The rider says so; nobody was asked."""
    PENDING = "pending"
    """The issuer was asked; what it says is not known yet."""
    VERIFIED = "verified"
    REFUSED = "refused"
    REVOKED = "revoked"
    """It was verified, and the issuer or staff took that back."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Who confirmed a pass: for which days, and until when that counts."""

    issuer: str | None
    """None: staff has seen it."""
    valid_from: date
    valid_until: date | None
    counts_until: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass as the rider declared it, from the first to the last day, and what is known of it."""

    id: str
    kind: PassKind
    valid_from: date
    valid_until: date | None
    reference: str | None = None
    """By which its issuer finds it, such as the number of a subscription."""
    state: PassState = PassState.DECLARED
    asked: str | None = None
    """The issuer that was asked, which has to be told when the pass is removed."""
    because: PassReason | None = None
    proof: Proof | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on that local day, by the rider and, once confirmed, by its proof."""
        return all(
            item.valid_from <= day and (item.valid_until is None or day <= item.valid_until)
            for item in (self, self.proof)
            if item is not None
        )

    def is_verified(self, now: datetime) -> bool:
        """Whether it is known now to be the rider's."""
        proof = self.proof if self.state is PassState.VERIFIED else None
        return proof is not None and now < proof.counts_until

    def declares_as(self, other: Pass) -> bool:
        """Whether the rider said the same of both."""
        mine, others = (
            (p.id, p.kind, p.valid_from, p.valid_until, p.reference) for p in (self, other)
        )
        return mine == others


def kinds_on(passes: Iterable[Pass], days: Iterable[date], now: datetime) -> frozenset[str]:
    """The kinds that lower a price on all those local days, as fares name them."""
    wanted = tuple(days)
    return frozenset(
        item.kind.value
        for item in passes
        if item.is_verified(now) and all(item.holds_on(day) for day in wanted)
    )


def ask(item: Pass, issuer: str) -> Pass:
    """The pass when its issuer is about to be asked for the first time."""
    return replace(item, state=PassState.PENDING, asked=issuer)


def hear(item: Pass, said: Entitlement | None, now: datetime, lapse: timedelta) -> Pass:
    """The pass after its issuer's word; None: the issuer knows nothing of it (any more).

    What the issuer was asked at ``now`` counts for ``lapse``.
    """
    seen = item.proof is not None and item.proof.issuer is None
    if item.state not in (PassState.PENDING, PassState.VERIFIED) or item.asked is None or seen:
        return item
    if said is None:
        return revoke(item, PassReason.UNKNOWN) if item.state is PassState.VERIFIED else item
    if said.status is Status.VALID:
        proof = Proof(item.asked, said.valid_from, said.valid_until, now + lapse)
        return replace(item, state=PassState.VERIFIED, because=None, proof=proof)
    if item.state is PassState.VERIFIED or said.status is Status.REVOKED:
        return revoke(item, said.reason or PassReason.NOT_VALID)
    return refuse(item, said.reason or PassReason.NOT_VALID)


def see(item: Pass, valid_until: date, counts_until: datetime) -> Pass:
    """The pass when staff has seen it; it counts to the end of the day printed on it."""
    proof = Proof(None, item.valid_from, valid_until, counts_until)
    return replace(item, state=PassState.VERIFIED, because=None, proof=proof)


def refuse(item: Pass, because: PassReason) -> Pass:
    """A pass that is not the rider's."""
    return replace(item, state=PassState.REFUSED, because=because, proof=None)


def revoke(item: Pass, because: PassReason) -> Pass:
    """A pass that is the rider's no longer."""
    return replace(item, state=PassState.REVOKED, because=because, proof=None)
