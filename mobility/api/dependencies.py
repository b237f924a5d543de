"""What a handler asks for by type: the wiring, the time, and who is asking."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from mobility.db import transaction
from mobility.identity.errors import NotSignedInError, RiderErasedError, RoleMissingError
from mobility.identity.provider_keys import find_provider_id
from mobility.identity.roles import Role, get_roles
from mobility.identity.tokens import RiderIdentity, read_access_token
from mobility.wiring import Wiring
from providers.values import ProviderId

_rider_bearer = HTTPBearer(
    scheme_name="rider",
    bearerFormat="JWT",
    description="An access token of `POST /v1/auth/tokens`; some paths need a role in it.",
    auto_error=False,
)
_provider_bearer = HTTPBearer(
    scheme_name="provider",
    description="A provider's key, as `mobility provider key` prints it.",
    auto_error=False,
)
_RiderBearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_rider_bearer)]
_ProviderBearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_provider_bearer)]


async def get_wiring(request: Request) -> Wiring:
    """What this process was composed of at its start.

    A coroutine, as is ``get_now``, because FastAPI sends plain functions through a thread.
    """
    wiring: Wiring = request.app.state.wiring
    return wiring


WiringDep = Annotated[Wiring, Depends(get_wiring)]


async def get_now(wiring: WiringDep) -> datetime:
    """The instant of this request, aware UTC; the same for all who ask within it."""
    now: datetime = wiring.clock()
    return now


Now = Annotated[datetime, Depends(get_now)]


async def find_rider(bearer: _RiderBearer, request: Request) -> RiderIdentity | None:
    """Who is asking; None without a token.

    The token's roles count as far as the rider still has them, so that erasing a rider or
    withdrawing a role works at once and not when the token ends.

    Raises:
        NotSignedInError: a token that is not valid, also where none is needed.
    """
    if bearer is None:
        if request.headers.get("authorization"):
            raise NotSignedInError("the Authorization header is not: Bearer <token>")
        return None
    wiring: Wiring = request.app.state.wiring
    key = wiring.secrets.token_signing_key
    claimed = read_access_token(key, bearer.credentials, wiring.clock())
    try:
        async with transaction(wiring.engine) as tx:
            roles = await get_roles(tx, claimed.rider_id)
    except RiderErasedError as error:
        raise NotSignedInError("there is no such account any more") from error
    return RiderIdentity(claimed.rider_id, claimed.roles & roles, claimed.session)


OptionalRiderDep = Annotated[RiderIdentity | None, Depends(find_rider)]


async def get_rider(found: OptionalRiderDep) -> RiderIdentity:
    """Who is asking.

    Raises:
        NotSignedInError: no token.
    """
    if found is None:
        raise NotSignedInError
    return found


RiderDep = Annotated[RiderIdentity, Depends(get_rider)]


def _with(rider: RiderIdentity, role: Role) -> RiderIdentity:
    if role not in rider.roles:
        raise RoleMissingError(role.value)
    return rider


async def get_finance(rider: RiderDep) -> RiderIdentity:
    """A person with the role finance; RoleMissingError otherwise."""
    return _with(rider, Role.FINANCE)


async def get_staff(rider: RiderDep) -> RiderIdentity:
    """A person with the role staff; RoleMissingError otherwise."""
    return _with(rider, Role.STAFF)


FinanceDep = Annotated[RiderIdentity, Depends(get_finance)]
StaffDep = Annotated[RiderIdentity, Depends(get_staff)]


async def get_provider(wiring: WiringDep, bearer: _ProviderBearer) -> ProviderId:
    """The provider whose key this is.

    Raises:
        NotSignedInError: no key, an unknown or a revoked one.
    """
    if bearer is None:
        raise NotSignedInError
    async with transaction(wiring.engine) as tx:
        provider_id = await find_provider_id(tx, bearer.credentials)
    if provider_id is None:
        raise NotSignedInError("the provider key is not valid")
    return provider_id


ProviderDep = Annotated[ProviderId, Depends(get_provider)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Yours, one per intention: a repetition gets the first answer again.",
        examples=["7f1c2a52-6f0e-4a0b-9d2f-3f6f0d1b1c55"],
    ),
]
"""None when the header is absent: a handler that needs it says so with its own problem."""
