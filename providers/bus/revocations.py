"""What is valid no more before its time: a signed list, small enough to be carried along.

A list names bindings of tickets and withdrawn keys, as long as they could else be valid. Whoever
is without a network goes on with an older one, at most for a day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from providers.bus.envelope import decode, is_signed, seal
from providers.bus.ticket_errors import TrustError
from providers.bus.ticket_keys import LIST_KEY, KeySet, SigningKey

PREFIX = "MR1"
UPDATED_EVERY = timedelta(minutes=1)
USABLE_FOR = timedelta(days=1)
_MOST_CHARACTERS = 20_000_000
_Instant = Annotated[int, Field(ge=0, le=4_102_444_800)]


class _Payload(BaseModel):
    """Claims named as in JWT (RFC 7519) and the Token Status List: ``ttl`` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    iat: _Instant
    ttl: Annotated[int, Field(ge=1, le=86_400)]
    exp: _Instant
    tids: dict[str, int]
    kids: tuple[str, ...]


class SignedList(BaseModel):
    """The file: the list as one signed text, and for people when it was made."""

    list: Annotated[str, Field(max_length=_MOST_CHARACTERS, examples=["MR1.eyJpYXQiOj.c2lnbmF0"])]
    issued_at: Annotated[datetime | None, Field(examples=["2026-11-26T08:00:00Z"])] = None
    next_update: Annotated[datetime | None, Field(examples=["2026-11-26T08:01:00Z"])] = None


@dataclass(frozen=True, slots=True)
class Revocations:
    """A list that can be trusted."""

    issued_at: datetime
    next_update: datetime
    usable_until: datetime
    tickets: Mapping[str, int]
    """By ticket id the last binding that is revoked; later ones are not."""
    keys: Collection[str]


def publish_list(
    seed: bytes, now: datetime, tickets: Mapping[str, int], keys: Collection[str]
) -> SignedList:
    """The list of this moment."""
    issued_at = now.replace(microsecond=0)
    payload = _Payload(
        iat=int(issued_at.timestamp()),
        ttl=int(UPDATED_EVERY.total_seconds()),
        exp=int((issued_at + USABLE_FOR).timestamp()),
        tids=dict(tickets),
        kids=tuple(sorted(keys)),
    )
    text = seal(PREFIX, payload, SigningKey.derive(seed, LIST_KEY).private)
    return SignedList(list=text, issued_at=issued_at, next_update=issued_at + UPDATED_EVERY)


def read_list(raw: bytes | str, keys: KeySet, now: datetime) -> Revocations:
    """The list of a file, as ``GET /v1/tickets/revocations`` answers.

    Raises:
        TrustError: it is none, is not signed by the key of the lists, or is too old.
    """
    try:
        text = SignedList.model_validate_json(raw).list
        prefix, payload, _ = text.split(".")
        found = _Payload.model_validate_json(decode(payload))
    except (ValidationError, ValueError) as error:
        raise TrustError("this is not a revocation list") from error
    if prefix != PREFIX or not is_signed(text, keys.revocations):
        raise TrustError("the revocation list is not signed by the key of the lists")
    issued_at = datetime.fromtimestamp(found.iat, UTC)
    usable_until = datetime.fromtimestamp(found.exp, UTC)
    if now > usable_until:
        raise TrustError(f"the revocation list is of {issued_at:%Y-%m-%d %H:%M} UTC: too old")
    return Revocations(
        issued_at=issued_at,
        next_update=issued_at + timedelta(seconds=found.ttl),
        usable_until=usable_until,
        tickets=found.tids,
        keys=frozenset(found.kids),
    )
