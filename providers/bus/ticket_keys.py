"""The keys that sign tickets: one for the tickets of each day, derived from one seed.

A key's day is that of the ticket's first minute, in UTC, so that daylight saving does not exist
here. What a key signs is valid within its two days at most, and so is the worth of a leaked one.
Withdrawn before, its day goes on with the next generation, which is published ahead.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from providers.bus.envelope import decode, encode
from providers.bus.ticket_errors import TrustError

LASTS = timedelta(days=2)
"""From the start of its day until nothing signed by a key is valid any more."""
DAYS_AHEAD = 7
"""How long an inspector's device may be without a network and still know the day's keys."""
GENERATIONS = 2
"""How many keys of a day are published: the one in use, and the one that would follow it."""
LIST_KEY = "revocations"
"""The id of the key that signs revocation lists, and nothing else."""
_MOST_BYTES = 1_000_000
_KEY_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[1-9][0-9]?)?")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is published."""

    id: str
    private: Ed25519PrivateKey

    @classmethod
    def derive(cls, seed: bytes, key_id: str) -> SigningKey:
        """The key of that id (HKDF, RFC 5869); ``seed`` is 32 secret bytes."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"ticket-key/{key_id}".encode())
        return cls(key_id, Ed25519PrivateKey.from_private_bytes(kdf.derive(seed)))


def key_of_day(seed: bytes, day: date, revoked: Collection[str]) -> SigningKey:
    """The key that signs the tickets of a day: the first that was not withdrawn."""
    return SigningKey.derive(seed, next(_key_ids(day, revoked)))


def _key_ids(day: date, revoked: Collection[str]) -> Iterator[str]:
    for generation in count():
        key_id = f"{day:%Y-%m-%d}.{generation}" if generation else f"{day:%Y-%m-%d}"
        if key_id not in revoked:
            yield key_id


def read_day(key_id: str) -> date:
    """The day that a key's id names.

    Raises:
        ValueError: it is no such id.
    """
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError(f"no key has the id {key_id}")
    return date.fromisoformat(key_id[:10])


class Jwk(BaseModel):
    """One public key (RFC 8037); ``nbf`` and ``exp`` are Unix seconds."""

    model_config = ConfigDict(frozen=True)

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    kid: Annotated[str, Field(min_length=1, max_length=40, examples=["2026-11-26"])]
    x: Annotated[
        str,
        Field(
            min_length=43,
            max_length=43,
            description="The public key, base64url.",
            examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"],
        ),
    ]
    nbf: Annotated[
        int,
        Field(
            ge=0,
            le=4_102_444_800,
            description="Nothing it signs is valid before.",
            examples=[1795651200],
        ),
    ]
    exp: Annotated[
        int,
        Field(
            ge=0,
            le=4_102_444_800,
            description="Nothing it signs is valid after.",
            examples=[1795824000],
        ),
    ]


class JwkSet(BaseModel):
    """A JWK Set (RFC 7517)."""

    model_config = ConfigDict(frozen=True)

    keys: Annotated[tuple[Jwk, ...], Field(max_length=1000)]


def publish(seed: bytes, now: datetime, revoked: Collection[str]) -> JwkSet:
    """The keys an inspector needs from now until a week ahead, and the one that signs lists."""
    today = now.astimezone(UTC).date()
    keys = [_jwk(SigningKey.derive(seed, LIST_KEY), now - LASTS, now + LASTS * DAYS_AHEAD)]
    for day in (today + timedelta(days=ahead) for ahead in range(-1, DAYS_AHEAD + 1)):
        start = datetime.combine(day, time(), UTC)
        keys += [
            _jwk(SigningKey.derive(seed, key_id), start, start + LASTS)
            for key_id in islice(_key_ids(day, revoked), GENERATIONS)
        ]
    return JwkSet(keys=tuple(keys))


def _jwk(key: SigningKey, start: datetime, end: datetime) -> Jwk:
    raw = key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Jwk(kid=key.id, x=encode(raw), nbf=int(start.timestamp()), exp=int(end.timestamp()))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A published key and the time within which what it signs may be valid."""

    key: Ed25519PublicKey
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class KeySet:
    """What an inspector trusts."""

    tickets: Mapping[str, PublicKey]
    revocations: Ed25519PublicKey


def read_keys(raw: bytes | str) -> KeySet:
    """The key set of a file, as ``GET /v1/tickets/keys`` answers.

    Raises:
        TrustError: it is none.
    """
    if len(raw) > _MOST_BYTES:
        raise TrustError("this is too large for a key set")
    try:
        found = {jwk.kid: _public(jwk) for jwk in JwkSet.model_validate_json(raw).keys}
    except (ValidationError, ValueError) as error:
        raise TrustError("this is not a set of ticket keys") from error
    lists = found.pop(LIST_KEY, None)
    if lists is None:
        raise TrustError("the key that signs revocation lists is not among the keys")
    return KeySet(found, lists.key)


def _public(jwk: Jwk) -> PublicKey:
    return PublicKey(
        Ed25519PublicKey.from_public_bytes(decode(jwk.x)),
        datetime.fromtimestamp(jwk.nbf, UTC),
        datetime.fromtimestamp(jwk.exp, UTC),
    )
