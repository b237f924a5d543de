"""The keys of this installation, each derived from one secret for one purpose (HKDF, RFC 5869).

A key that leaks opens one door only, and no purpose can be attacked through another.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MINIMUM_SECRET_LENGTH = 32


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Derived keys of 32 bytes each. Never printed: the class has no ``repr``."""

    token_signing_key: bytes
    """Signs access tokens (HS256)."""
    email_index_key: bytes
    """Makes the blind index by which an e-mail address finds its rider."""
    login_code_key: bytes
    """Hashes the six digits of a sign-in code."""
    pseudonym_key: bytes
    """Makes the name under which one provider knows one rider."""
    vault_key: bytes
    """Wraps each rider's own key."""
    ticket_signing_seed: bytes
    """The seed of the Ed25519 keys that sign tickets, one for each day, and revocation lists."""
    client_key: bytes
    """Hides client addresses in the counters of the rate limits."""
    cursor_key: bytes
    """Signs cursors and stream tickets."""
    pass_index_key: bytes
    """Makes the blind index that keeps one pass to one account."""


def derive_secrets(secret_key: str, ticket_epoch: int = 0) -> Secrets:
    """All keys of an installation from its one ``MOBILITY_SECRET_KEY``.

    Another ``ticket_epoch`` gives another seed of the keys of tickets, and changes nothing else.

    Raises:
        ValueError: a secret of fewer than 32 characters.
    """
    if len(secret_key) < MINIMUM_SECRET_LENGTH:
        raise ValueError(
            f"MOBILITY_SECRET_KEY has {len(secret_key)} characters; set at least "
            f"{MINIMUM_SECRET_LENGTH} random ones, such as from: openssl rand -hex 32"
        )
    root = secret_key.encode()

    def key(purpose: str) -> bytes:
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"mobility/{purpose}".encode())
        return kdf.derive(root)

    return Secrets(
        token_signing_key=key("access-token"),
        email_index_key=key("email-index"),
        login_code_key=key("login-code"),
        pseudonym_key=key("provider-pseudonym"),
        vault_key=key("vault"),
        ticket_signing_seed=key(f"bus-ticket/{ticket_epoch}" if ticket_epoch else "bus-ticket"),
        client_key=key("client-address"),
        cursor_key=key("cursor"),
        pass_index_key=key("pass-index"),
    )
