"""Sessions: a signed access token for minutes, and a rotating refresh token for days.

Refresh tokens follow RFC 9700 section 4.14.2: each is used once, and one that is used again was
copied, so the whole family ends. What the database holds are hashes.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from mobility.identity.errors import NotSignedInError
from mobility.identity.roles import Role, get_roles

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
_ALGORITHM = "HS256"
_AUDIENCE = "mobility"


@dataclass(frozen=True, slots=True)
class RiderIdentity:
    """Who is asking: the rider's pseudonym and the roles this request may use."""

    rider_id: str
    roles: frozenset[Role]
    session: str = ""
    """The sign-in it comes from, the same through all its refreshes; empty where none is known."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a sign-in hands out."""

    access_token: str
    expires_in_s: int
    refresh_token: str


def issue_access_token(
    signing_key: bytes,
    identity: RiderIdentity,
    now: datetime,
    lifetime: timedelta = ACCESS_LIFETIME,
) -> str:
    """A JWT (RFC 7519) that names the rider and its roles, and nothing personal."""
    claims = {
        "aud": _AUDIENCE,
        "sub": identity.rider_id,
        "roles": sorted(identity.roles),
        "sid": identity.session,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
    return jwt.encode(claims, signing_key, algorithm=_ALGORITHM)


def read_access_token(signing_key: bytes, token: str, now: datetime) -> RiderIdentity:
    """Check a token's signature, audience and time.

    Raises:
        NotSignedInError: forged, signed with another key or algorithm, expired, or not a token.
    """
    try:
        claims = jwt.decode(
            token,
            signing_key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={
                "require": ["aud", "sub", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
        roles = frozenset(Role(role) for role in claims["roles"])
    except (jwt.InvalidTokenError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise NotSignedInError("the token is not valid; sign in again") from error
    if now >= expires_at:
        raise NotSignedInError("the token has expired; use the refresh token")
    return RiderIdentity(str(claims["sub"]), roles, str(claims.get("sid", "")))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def _add_refresh_token(tx: AsyncConnection, rider_id: str, family: str, now: datetime) -> str:
    token = f"mrt_{secrets.token_urlsafe(32)}"
    await tx.execute(
        insert(tables.refresh_token).values(
            token_hash=_hash(token),
            family=family,
            rider_id=rider_id,
            expires_at=now + REFRESH_LIFETIME,
        )
    )
    return token


async def _session(
    tx: AsyncConnection, signing_key: bytes, rider_id: str, family: str, now: datetime
) -> Session:
    identity = RiderIdentity(rider_id, await get_roles(tx, rider_id), family)
    return Session(
        access_token=issue_access_token(signing_key, identity, now),
        expires_in_s=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=await _add_refresh_token(tx, rider_id, family, now),
    )


async def open_session(
    tx: AsyncConnection, signing_key: bytes, rider_id: str, now: datetime
) -> Session:
    """Start a new family of refresh tokens, and drop the rider's expired ones.

    Raises:
        RiderErasedError: unknown or erased.
    """
    await tx.execute(
        delete(tables.refresh_token).where(
            tables.refresh_token.c.rider_id == rider_id, tables.refresh_token.c.expires_at <= now
        )
    )
    return await _session(tx, signing_key, rider_id, secrets.token_hex(16), now)


async def rotate(
    tx: AsyncConnection, signing_key: bytes, refresh_token: str, now: datetime
) -> Session | None:
    """Exchange a refresh token, once. None when it opens nothing; commit in either case.

    A token that was used before ends its family: whoever holds the newer one must sign in again.
    """
    column = tables.refresh_token.c
    used = await tx.execute(
        update(tables.refresh_token)
        .where(
            column.token_hash == _hash(refresh_token),
            column.used_at.is_(None),
            column.expires_at > now,
        )
        .values(used_at=now)
        .returning(column.rider_id, column.family)
    )
    if fresh := used.one_or_none():
        return await _session(tx, signing_key, fresh.rider_id, fresh.family, now)
    family = select(column.family).where(
        column.token_hash == _hash(refresh_token), column.used_at.is_not(None)
    )
    await tx.execute(
        delete(tables.refresh_token).where(column.family.in_(family.scalar_subquery()))
    )
    return None


async def close_sessions(tx: AsyncConnection, rider_id: str) -> None:
    """End all sessions of a rider."""
    await tx.execute(
        delete(tables.refresh_token).where(tables.refresh_token.c.rider_id == rider_id)
    )
