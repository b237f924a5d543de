"""Prefixed, opaque, unguessable ids, such as ``bkg_…``."""

from __future__ import annotations

import base64
import secrets

PREFIXES = frozenset({"off", "bkg", "clm", "leg", "pay", "rdr", "stp", "rec", "pas", "case"})


def new_id(prefix: str) -> str:
    """A fresh id of 128 random bits: ``prefix_`` and 26 characters of lower-case base32.

    Raises:
        ValueError: a prefix that is not one of ``PREFIXES``.
    """
    if prefix not in PREFIXES:
        raise ValueError(f"no such kind of id: {prefix}")
    text = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    return f"{prefix}_{text}"
