"""The name under which one provider knows one rider."""

from __future__ import annotations

import base64
import hashlib
import hmac

from providers.values import ProviderId


def provider_pseudonym(pseudonym_key: bytes, provider_id: ProviderId, rider_id: str) -> str:
    """A name that is stable for this pair, and that two providers cannot match with each other.

    160 bits of HMAC-SHA256 over both ids, as ``rp_`` and 32 characters of lower-case base32.
    """
    message = f"{len(provider_id)}:{provider_id}{rider_id}".encode()
    digest = hmac.new(pseudonym_key, message, hashlib.sha256).digest()[:20]
    return "rp_" + base64.b32encode(digest).decode().lower()
