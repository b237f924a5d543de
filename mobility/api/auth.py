"""Sign in by an e-mailed code; go on with a refresh token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.limits import client_key, take_or_refuse
from mobility.api.openapi import problems
from mobility.db import transaction
from mobility.identity.addresses import email_hash, read_address
from mobility.identity.errors import SignInRefusedError
from mobility.identity.login import CODE_LIFETIME, MAX_TRIES, redeem, request_code
from mobility.identity.tokens import Session, close_sessions, open_session, rotate

router = APIRouter(prefix="/v1/auth", tags=["sign-in"])

_HOUR = timedelta(hours=1)
_CODES_PER_ADDRESS = 4
"""The share of a client's codes that may go to one address: a quarter."""
_Address = Annotated[str, StringConstraints(min_length=3, max_length=254)]


class CodeRequest(BaseModel):
    """Where to send a code."""

    model_config = ConfigDict(extra="forbid")
    email: _Address = Field(examples=["anna@example.org"])


class CodeSent(BaseModel):
    """The same for every address, whether it has an account or not."""

    expires_in: int = Field(description="Seconds that the code is valid.", examples=[600])


class CodeGrant(BaseModel):
    """A code that came by mail."""

    model_config = ConfigDict(extra="forbid")
    email: _Address = Field(examples=["anna@example.org"])
    code: str = Field(pattern=r"^[0-9]{6}$", examples=["204816"])


class RefreshGrant(BaseModel):
    """The refresh token of the last answer; each works once."""

    model_config = ConfigDict(extra="forbid")
    refresh_token: str = Field(
        min_length=1, max_length=200, examples=["mrt_8mD3oXlS0V2pW4tQyK6uZr1cE7fG9hJ5aB0nLxTqYvI"]
    )


def _which(grant: object) -> str:
    refreshes = (
        "refresh_token" in grant if isinstance(grant, Mapping) else isinstance(grant, RefreshGrant)
    )
    return "<refresh>" if refreshes else "<code>"


Grant = Annotated[
    Annotated[CodeGrant, Tag("<code>")] | Annotated[RefreshGrant, Tag("<refresh>")],
    Discriminator(_which),
]


class Tokens(BaseModel):
    """A session."""

    access_token: str = Field(
        examples=["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOi4uLn0.c2ln"]
    )
    token_type: str = Field(default="Bearer", examples=["Bearer"])
    expires_in: int = Field(description="Seconds.", examples=[900])
    refresh_token: str = Field(examples=["mrt_8mD3oXlS0V2pW4tQyK6uZr1cE7fG9hJ5aB0nLxTqYvI"])


@router.post(
    "/codes",
    status_code=202,
    response_model=CodeSent,
    summary="Ask for a sign-in code by e-mail",
    responses=problems(422, 429, 503),
)
async def ask_for_code(
    body: CodeRequest, request: Request, wiring: WiringDep, now: Now
) -> CodeSent:
    """Send six digits, valid for ten minutes. The answer says nothing about accounts."""
    address = read_address(body.email)
    hourly = wiring.settings.rate_limit_codes_per_hour
    index = email_hash(wiring.secrets.email_index_key, address).hex()[:24]
    await take_or_refuse(
        wiring,
        f"codes:client:{client_key(request.scope, wiring.secrets)}",
        limit=hourly,
        period=_HOUR,
        now=now,
        detail="too many codes were asked for from here",
    )
    await take_or_refuse(
        wiring,
        f"codes:address:{index}",
        limit=max(1, hourly // _CODES_PER_ADDRESS) if hourly > 0 else 0,
        period=_HOUR,
        now=now,
        detail="too many codes were asked for with this address",
    )
    async with transaction(wiring.engine) as tx:
        mail = await request_code(tx, wiring.secrets, address, now)
    await wiring.mailer.send(mail)
    return CodeSent(expires_in=int(CODE_LIFETIME.total_seconds()))


@router.post(
    "/tokens",
    response_model=Tokens,
    summary="Exchange a code or a refresh token for a session",
    responses=problems(401, 422, 429),
)
async def exchange(body: Grant, request: Request, wiring: WiringDep, now: Now) -> Tokens:
    """Sign in, or go on. A refresh token that comes twice ends all sessions that grew from it."""
    key = wiring.secrets.token_signing_key
    if isinstance(body, RefreshGrant):
        async with transaction(wiring.engine) as tx:
            session = await rotate(tx, key, body.refresh_token, now)
        return _tokens(session)
    address = read_address(body.email)
    await take_or_refuse(
        wiring,
        f"tokens:client:{client_key(request.scope, wiring.secrets)}",
        limit=wiring.settings.rate_limit_codes_per_hour * (MAX_TRIES + 1),
        period=_HOUR,
        now=now,
        detail="too many codes were tried from here",
    )
    async with transaction(wiring.engine) as tx:
        rider_id = await redeem(tx, wiring.secrets, address, body.code, now)
        session = await open_session(tx, key, rider_id, now) if rider_id else None
    return _tokens(session)


def _tokens(session: Session | None) -> Tokens:
    if session is None:
        raise SignInRefusedError("wrong, used or expired; ask for a new code")
    return Tokens(
        access_token=session.access_token,
        expires_in=session.expires_in_s,
        refresh_token=session.refresh_token,
    )


@router.delete("/tokens", status_code=204, summary="Sign out everywhere")
async def sign_out(wiring: WiringDep, rider: RiderDep) -> None:
    """End all sessions; access tokens that are out still work until they run out."""
    async with transaction(wiring.engine) as tx:
        await close_sessions(tx, rider.rider_id)
