"""Prefixed, opaque, unguessable ids, such as ``bkg_…``."""

from __future__ import annotations

import base64
import hashlib
import secrets

PREFIXES = frozenset({"off", "bkg", "clm", "leg", "pay", "rdr", "stp", "rec", "pas", "case"})


def new_id(prefix: str) -> str:
    """A fresh id of 128 random bits: ``prefix_`` and 26 characters of lower-case base32.

    Raises:
        ValueError: a prefix that is not one of ``PREFIXES``.
    """
    if prefix not in PREFIXES:
        raise ValueError(f"no such kind of id: {prefix}")
    return f"{prefix}_{_text(secrets.token_bytes(16))}"


def leg_id(booking_id: str, position: int) -> str:
    """The id of a booking's leg, which is also the key that its provider knows it by.

    It follows from the booking's id, which no provider knows: so who knows the booking finds what
    providers keep for it, and they cannot tell which legs belong together.
    """
    return f"leg_{_text(hashlib.sha256(f'{booking_id}/{position}'.encode()).digest()[:16])}"


def _text(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()
