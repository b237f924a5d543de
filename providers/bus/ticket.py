"""Bus and ferry tickets: what one says, how it is signed, shown and verified without a network.

``MT2.<payload>.<device key>.<signature>.<slot>.<signature of the device>``. The payload, JSON with
short names, is signed together with the public key of the device to which it is bound, by the key
of the ticket's day (``ticket_keys``). The device adds the rest, anew every fifteen seconds and
without a network: the slot is the Unix time divided by fifteen. Each signature is over everything
before it. A picture of a code is worth nothing half a minute later.

It is a scheme of our own and not VDV-KA, whose keys only its members have. Nothing in it names a
rider: the ticket's id is what an inspection compares to spot a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payments.money import Money
from providers.bus.envelope import decode, encode, is_signed, sign
from providers.bus.revocations import Revocations
from providers.bus.ticket_errors import (
    ForgedTicketError,
    KeyOfAnotherDayError,
    NotYetValidError,
    RevokedKeyError,
    RevokedTicketError,
    StaleCodeError,
    TicketExpiredError,
    UnknownKeyError,
    WrongDeviceError,
)
from providers.bus.ticket_keys import KeySet, PublicKey, SigningKey

PREFIX = "MT2"
MAX_CHARACTERS = 2000
EARLY = timedelta(minutes=5)
"""A bus may come early, and the inspector's clock run ahead."""
LONGEST = timedelta(days=1)
"""No ticket is valid longer: the key of its day ends then."""
SLOT_S = 15
SLOTS_APART = 1
"""How far the clocks of phone and inspector may be apart, in slots."""
_FIELD = 2**255 - 19
_ORDER_8 = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_WEAK = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
"""The y of the points of small order, for which anybody can sign; libsodium refuses the same."""


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
class Inspected:
    """A ticket that is valid here and now, and which binding of it was shown."""

    ticket: Ticket
    binding: int


class _Claims(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tid: str
    iss: str
    prd: str
    pax: int = Field(ge=1, le=99)
    amt: int
    cur: str = Field(pattern="^[A-Z]{3}$")
    trf: str
    nbf: int = Field(ge=0, le=4_102_444_800)
    exp: int = Field(ge=0, le=4_102_444_800)

    @classmethod
    def fields_of(cls, ticket: Ticket) -> dict[str, object]:
        return {
            "tid": ticket.id,
            "iss": ticket.issuer,
            "prd": ticket.product,
            "pax": ticket.passengers,
            "amt": ticket.price.minor,
            "cur": ticket.price.currency,
            "trf": ticket.tariff_version,
            "nbf": int(ticket.valid_from.timestamp()),
            "exp": int(ticket.valid_until.timestamp()),
        }

    def ticket(self) -> Ticket:
        return Ticket(
            id=self.tid,
            issuer=self.iss,
            product=self.prd,
            passengers=self.pax,
            price=Money(self.amt, self.cur),
            tariff_version=self.trf,
            valid_from=datetime.fromtimestamp(self.nbf, UTC),
            valid_until=datetime.fromtimestamp(self.exp, UTC),
        )


class _Payload(_Claims):
    kid: str
    seq: int = Field(ge=1)


def write_claims(ticket: Ticket) -> str:
    """What a ticket says, to be kept until it is bound to a device; equal for equal tickets."""
    return _Claims.model_validate(_Claims.fields_of(ticket)).model_dump_json()


def read_claims(text: str) -> Ticket:
    """What ``write_claims`` wrote.

    Raises:
        ValueError: something else.
    """
    return _Claims.model_validate_json(text).ticket()


def read_device_key(text: str) -> Ed25519PublicKey:
    """A device's public key: 32 bytes as base64url without padding (RFC 8037, ``x``).

    Raises:
        ValueError: something else, or a key for which anybody can sign.
    """
    raw = decode(text)
    if len(raw) != 32:
        raise ValueError("a device key has 32 bytes")
    if (int.from_bytes(raw, "little") & (2**255 - 1)) % _FIELD in _WEAK:
        raise ValueError("anybody could sign for this device key")
    return Ed25519PublicKey.from_public_bytes(raw)


def bind(key: SigningKey, ticket: Ticket, binding: int, device_key: str) -> str:
    """The signed ticket for one device, which adds a slot to show it; the same for the same."""
    payload = _Payload.model_validate(_Claims.fields_of(ticket) | {"kid": key.id, "seq": binding})
    said = encode(payload.model_dump_json().encode())
    return sign(f"{PREFIX}.{said}.{device_key}", key.private)


def slot_of(at: datetime) -> int:
    """The slot of an instant."""
    return int(at.timestamp()) // SLOT_S


def show(bound: str, device: Ed25519PrivateKey, at: datetime) -> str:
    """The code of a moment, as the device shows it; what ``bind`` gave is ``bound``."""
    return sign(f"{bound}.{slot_of(at)}", device)


def verify(code: str, keys: KeySet, revocations: Revocations, now: datetime) -> Inspected:
    """The ticket, if the code is genuine, of now, of its device, and the ticket valid.

    Raises:
        TicketError: the subclass says why not; see ``ticket_errors``.
    """
    bound, payload = _read(code)
    published = keys.tickets.get(payload.kid)
    if payload.kid in revocations.keys:
        raise RevokedKeyError(f"key {payload.kid} was withdrawn: the ticket has to be loaded again")
    if published is None:
        raise UnknownKeyError(f"signed by key {payload.kid!r}, which is not published")
    if not is_signed(bound, published.key):
        raise ForgedTicketError("the signature does not fit")
    ticket = payload.ticket()
    _check_day(ticket, payload.kid, published)
    _check_device(code, now)
    if payload.seq <= revocations.tickets.get(ticket.id, 0):
        raise RevokedTicketError("cancelled, or moved to another phone since")
    if now < ticket.valid_from - EARLY:
        raise NotYetValidError(f"valid from {ticket.valid_from.isoformat()}")
    if now > ticket.valid_until:
        raise TicketExpiredError(f"was valid until {ticket.valid_until.isoformat()}")
    return Inspected(ticket, payload.seq)


def _read(code: str) -> tuple[str, _Payload]:
    if not code.isascii() or len(code) > MAX_CHARACTERS:
        raise ForgedTicketError("not a ticket of this scheme")
    parts = code.split(".")
    if len(parts) != 6 or parts[0] != PREFIX:
        raise ForgedTicketError("not a ticket of this scheme")
    try:
        return ".".join(parts[:4]), _Payload.model_validate_json(decode(parts[1]))
    except (ValueError, ValidationError) as error:
        raise ForgedTicketError("not readable") from error


def _check_day(ticket: Ticket, kid: str, key: PublicKey) -> None:
    if ticket.valid_from < key.valid_from or ticket.valid_until > key.valid_until:
        raise KeyOfAnotherDayError(f"key {kid} does not sign tickets of that day")


def _check_device(code: str, now: datetime) -> None:
    _, _, device_key, _, slot, _ = code.split(".")
    try:
        device = read_device_key(device_key)
    except ValueError as error:
        raise ForgedTicketError("bound to no device") from error
    if not is_signed(code, device):
        raise WrongDeviceError("not shown by the device that it is bound to")
    if not (slot.isdigit() and len(slot) < 12 and str(int(slot)) == slot):
        raise ForgedTicketError("a code of no moment")
    apart = slot_of(now) - int(slot)
    if abs(apart) > SLOTS_APART:
        when = f"{abs(apart) * SLOT_S} s {'ago' if apart > 0 else 'ahead'}"
        raise StaleCodeError(f"a code of {when}: a copy, or the phone's clock is wrong")
