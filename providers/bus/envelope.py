"""A signed text: ``PREFIX.<payload>.<signature>``, both base64url without padding (RFC 4648).

The signature is Ed25519 (RFC 8032) over everything before the last dot, the prefix included, so
that what was signed as one kind of text never passes as another. There is one way to write a text:
a changed bit makes another one, or none.
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel


def seal(prefix: str, payload: BaseModel, key: Ed25519PrivateKey) -> str:
    """The payload as JSON, signed; the same again for the same payload and key."""
    return sign(f"{prefix}.{encode(payload.model_dump_json().encode())}", key)


def sign(text: str, key: Ed25519PrivateKey) -> str:
    """The text with the signature over it behind a dot."""
    return f"{text}.{encode(key.sign(text.encode()))}"


def is_signed(text: str, key: Ed25519PublicKey) -> bool:
    """Whether what stands behind the last dot is this key's signature over what is before it."""
    signed, _, signature = text.rpartition(".")
    try:
        key.verify(decode(signature), signed.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of what ``encode`` wrote.

    Raises:
        ValueError: anything else.
    """
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(raw) != text:
        raise ValueError("not the only way to write this")
    return raw
