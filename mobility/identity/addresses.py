"""E-mail addresses: read strictly, and found again by a blind index."""

from __future__ import annotations

import hashlib
import hmac
import re

from mobility.identity.errors import AddressRefusedError

_ATEXT = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATEXT}(\.{_ATEXT})*", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_MAX_LENGTH = 254


def read_address(text: str) -> str:
    """The address in the one spelling under which it is stored and found: lower case, IDNA.

    Dot-atoms only (RFC 5322 section 3.2.3), so that no address can smuggle a header or a second
    recipient.

    Raises:
        AddressRefusedError: anything else.
    """
    refused = AddressRefusedError("email: not an address that we can write to")
    if len(text) > _MAX_LENGTH:
        raise refused
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if domain else ""
    except UnicodeError as error:
        raise refused from error
    address = f"{local}@{domain}"
    if (
        not at
        or len(address) > _MAX_LENGTH
        or len(local) > 64
        or not _LOCAL.fullmatch(local)
        or not all(_LABEL.fullmatch(label) for label in domain.split("."))
    ):
        raise refused
    return address


def email_hash(email_index_key: bytes, address: str) -> bytes:
    """The blind index of an address: HMAC-SHA256 under the installation's key."""
    return hmac.new(email_index_key, address.encode(), hashlib.sha256).digest()
