import base64
import json
from datetime import datetime, timedelta

import jwt
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.errors import NotSignedInError, RiderErasedError
from mobility.identity.riders import get_or_add_rider
from mobility.identity.roles import Role, get_roles, grant
from mobility.identity.secrets import Secrets
from mobility.identity.tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    RiderIdentity,
    issue_access_token,
    open_session,
    read_access_token,
    rotate,
)

KEY = b"k" * 32
ANNA = RiderIdentity("rdr_anna", frozenset({Role.RIDER, Role.FINANCE}))


def test_a_token_says_who_and_which_roles(now: datetime):
    token = issue_access_token(KEY, ANNA, now)
    assert read_access_token(KEY, token, now + timedelta(minutes=14)) == ANNA


def test_it_ends_after_a_quarter_of_an_hour(now: datetime):
    token = issue_access_token(KEY, ANNA, now)
    with pytest.raises(NotSignedInError, match="expired"):
        read_access_token(KEY, token, now + ACCESS_LIFETIME)


def _forged(header: dict[str, str], claims: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(claims)}."


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_what_is_not_ours_is_refused(now: datetime):
    claims: dict[str, object] = {
        "aud": "mobility",
        "sub": "rdr_anna",
        "roles": ["staff"],
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 900,
    }
    good = issue_access_token(KEY, ANNA, now)
    head, body, signature = good.split(".")
    refused = [
        "",
        "x",
        "a.b.c",
        "..",
        good[:-2],
        f"{head}.{body}.",
        f"{head}.{body[:-4]}AAAA.{signature}",
        issue_access_token(b"x" * 32, ANNA, now),
        _forged({"alg": "none", "typ": "JWT"}, claims),
        _forged({"alg": "HS256", "typ": "JWT"}, claims),
        jwt.encode(claims, KEY, algorithm="HS384"),
        jwt.encode({**claims, "aud": "another"}, KEY, algorithm="HS256"),
        jwt.encode({**claims, "exp": "soon"}, KEY, algorithm="HS256"),
        jwt.encode({**claims, "exp": 10**30}, KEY, algorithm="HS256"),
        jwt.encode({**claims, "roles": ["king"]}, KEY, algorithm="HS256"),
        jwt.encode({**claims, "roles": None}, KEY, algorithm="HS256"),
        jwt.encode({k: v for k, v in claims.items() if k != "roles"}, KEY, algorithm="HS256"),
        jwt.encode({k: v for k, v in claims.items() if k != "exp"}, KEY, algorithm="HS256"),
        jwt.encode({k: v for k, v in claims.items() if k != "sub"}, KEY, algorithm="HS256"),
    ]
    for token in refused:
        with pytest.raises(NotSignedInError):
            read_access_token(KEY, token, now)


async def _anna(engine: AsyncEngine, secrets: Secrets, now: datetime) -> str:
    async with transaction(engine) as tx:
        return await get_or_add_rider(tx, secrets, "anna@example.org", now)


async def test_a_refresh_token_works_once_and_its_return_ends_the_family(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    rider_id = await _anna(engine, secrets, now)
    async with transaction(engine) as tx:
        first = await open_session(tx, KEY, rider_id, now)
        elsewhere = await open_session(tx, KEY, rider_id, now)
    later = now + timedelta(days=1)
    async with transaction(engine) as tx:
        second = await rotate(tx, KEY, first.refresh_token, later)
    assert second is not None
    assert read_access_token(KEY, second.access_token, later).rider_id == rider_id
    async with transaction(engine) as tx:
        assert await rotate(tx, KEY, first.refresh_token, later) is None
    async with transaction(engine) as tx:
        assert await rotate(tx, KEY, second.refresh_token, later) is None
        assert await rotate(tx, KEY, elsewhere.refresh_token, later) is not None


async def test_a_session_is_the_same_through_its_refreshes_and_no_other(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    rider_id = await _anna(engine, secrets, now)
    async with transaction(engine) as tx:
        first = await open_session(tx, KEY, rider_id, now)
        other = await open_session(tx, KEY, rider_id, now)
        again = await rotate(tx, KEY, first.refresh_token, now)
    assert again is not None
    opened = [read_access_token(KEY, s.access_token, now).session for s in (first, again, other)]
    assert opened[0] == opened[1] != opened[2]
    assert all(opened)


async def test_a_refresh_token_ends(engine: AsyncEngine, secrets: Secrets, now: datetime):
    rider_id = await _anna(engine, secrets, now)
    async with transaction(engine) as tx:
        session = await open_session(tx, KEY, rider_id, now)
    async with transaction(engine) as tx:
        assert await rotate(tx, KEY, session.refresh_token, now + REFRESH_LIFETIME) is None
        assert await rotate(tx, KEY, "mrt_invented", now) is None
        assert await rotate(tx, KEY, "", now) is None


async def test_the_database_holds_hashes_of_refresh_tokens(
    engine: AsyncEngine, secrets: Secrets, now: datetime
):
    rider_id = await _anna(engine, secrets, now)
    async with transaction(engine) as tx:
        session = await open_session(tx, KEY, rider_id, now)
        stored = (await tx.execute(select(tables.refresh_token.c.token_hash))).scalar_one()
    assert session.refresh_token.encode() not in stored


async def test_roles_are_granted(engine: AsyncEngine, secrets: Secrets, now: datetime):
    rider_id = await _anna(engine, secrets, now)
    async with transaction(engine) as tx:
        assert await get_roles(tx, rider_id) == {Role.RIDER}
        for role in (Role.RIDER, Role.STAFF, Role.FINANCE, Role.STAFF):
            await grant(tx, rider_id, role, now)
        assert await get_roles(tx, rider_id) == {Role.RIDER, Role.STAFF, Role.FINANCE}
        with pytest.raises(RiderErasedError):
            await get_roles(tx, "rdr_nobody")
