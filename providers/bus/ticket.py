"""Bus and ferry tickets: a short signed text that an inspector verifies without a network.

``MT1.<payload>.<signature>``, both base64url without padding; the payload is JSON with short
names, the signature Ed25519 (RFC 8032) over everything before the last dot. Equal claims give
equal tickets. It is a scheme of our own and not VDV-KA, whose keys only its members have. Nothing
in it names a rider: the ticket's id is what an inspection compares to spot a copy.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payments.money import Money

PREFIX = "MT1"
MAX_CHARACTERS = 2000
EARLY = timedelta(minutes=5)
"""A bus may come early, and the inspector's clock run ahead."""


class TicketError(Exception):
    """A ticket that does not entitle to this ride; the subclass says why."""


class ForgedTicketError(TicketError):
    """Not a ticket, or not signed by the key it names."""


class UnknownKeyError(TicketError):
    """Signed by a key that is not trusted here, or not any more."""


class NotYetValidError(TicketError):
    """Valid later."""


class TicketExpiredError(TicketError):
    """Was valid."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says. Instants are UTC, to the second."""

    id: str
    issuer: str
    product: str
    passengers: int
    price: Money
    tariff_version: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is published."""

    id: str
    private: Ed25519PrivateKey

    @classmethod
    def of_seed(cls, seed: bytes) -> SigningKey:
        """The key of 32 secret bytes; its id is the start of its public key's SHA-256."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(hashlib.sha256(raw).hexdigest()[:8], private)

    @property
    def public(self) -> Ed25519PublicKey:
        """What inspectors need."""
        return self.private.public_key()


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kid: str
    tid: str
    iss: str
    prd: str
    pax: int = Field(ge=1, le=99)
    amt: int
    cur: str = Field(pattern="^[A-Z]{3}$")
    trf: str
    nbf: int = Field(ge=0, le=4_102_444_800)
    exp: int = Field(ge=0, le=4_102_444_800)


def issue(key: SigningKey, ticket: Ticket) -> str:
    """The ticket as text, to be shown as a QR code; the same again for the same ticket."""
    payload = _Payload(
        kid=key.id,
        tid=ticket.id,
        iss=ticket.issuer,
        prd=ticket.product,
        pax=ticket.passengers,
        amt=ticket.price.minor,
        cur=ticket.price.currency,
        trf=ticket.tariff_version,
        nbf=int(ticket.valid_from.timestamp()),
        exp=int(ticket.valid_until.timestamp()),
    )
    body = json.dumps(payload.model_dump(), separators=(",", ":"), ensure_ascii=False).encode()
    signed = f"{PREFIX}.{_encode(body)}"
    return f"{signed}.{_encode(key.private.sign(signed.encode()))}"


def verify(text: str, keys: Mapping[str, Ed25519PublicKey], now: datetime) -> Ticket:
    """The ticket, if it is genuine and valid now.

    Raises:
        ForgedTicketError, UnknownKeyError, NotYetValidError, TicketExpiredError.
    """
    ticket = read(text, keys)
    if now < ticket.valid_from - EARLY:
        raise NotYetValidError(f"valid from {ticket.valid_from.isoformat()}")
    if now > ticket.valid_until:
        raise TicketExpiredError(f"was valid until {ticket.valid_until.isoformat()}")
    return ticket


def read(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Ticket:
    """The ticket, if it is genuine, whenever it is valid.

    Raises:
        ForgedTicketError, UnknownKeyError.
    """
    if len(text) > MAX_CHARACTERS or text.count(".") != 2 or not text.startswith(PREFIX + "."):
        raise ForgedTicketError("not a ticket of this scheme")
    signed, _, signature = text.rpartition(".")
    try:
        payload = _Payload.model_validate_json(_decode(signed.partition(".")[2]))
        proof = _decode(signature)
    except (ValueError, ValidationError) as error:
        raise ForgedTicketError("not readable") from error
    key = keys.get(payload.kid)
    if key is None:
        raise UnknownKeyError(f"signed by key {payload.kid!r}, which is not trusted")
    try:
        key.verify(proof, signed.encode())
    except InvalidSignature as error:
        raise ForgedTicketError("the signature does not fit") from error
    return Ticket(
        id=payload.tid,
        issuer=payload.iss,
        product=payload.prd,
        passengers=payload.pax,
        price=Money(payload.amt, payload.cur),
        tariff_version=payload.trf,
        valid_from=datetime.fromtimestamp(payload.nbf, UTC),
        valid_until=datetime.fromtimestamp(payload.exp, UTC),
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(raw) != text:
        raise ValueError("not the only way to write this")
    return raw
