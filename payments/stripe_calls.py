"""Calling Stripe: in turn, with the errors in our words.

Calls wait for a token, the urgent ones first; after a 429 all wait (docs.stripe.com/rate-limits).
The SDK's own retries are used for reads only: an effect is repeated by ``payments.call``, which
reads first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
import stripe
from stripe import RequestOptions

from payments.errors import (
    DeclinedError,
    MisconfiguredError,
    OutcomeUnknownError,
    RefusedError,
    UnreachableError,
)
from payments.throttle import Throttle, Urgency

BUSY_TRIES = 3
_T = TypeVar("_T")
READ: RequestOptions = {"max_network_retries": 2}


def key_of(key: str) -> RequestOptions:
    """The options of a call with an idempotency key."""
    return {"idempotency_key": key}


class Calls:
    """Calls to Stripe under one throttle.

    Raises, from both methods:
        DeclinedError, RefusedError, UnreachableError, OutcomeUnknownError (effects only),
        MisconfiguredError.
    """

    def __init__(self, per_second: float) -> None:
        self._throttle = Throttle(per_second)

    async def effect(self, urgency: Urgency, send: Callable[[], Awaitable[_T]]) -> _T:
        """Send something that changes Stripe's state; 429 means not done, and is retried."""
        for _ in range(BUSY_TRIES):
            await self._turn(urgency)
            try:
                return await send()
            except stripe.RateLimitError:
                self._throttle.slow_down()
            except stripe.StripeError as error:
                raise _translated(error, reading=False) from error
        raise UnreachableError("Stripe is busy (429); nothing was done")

    async def read(self, send: Callable[[], Awaitable[_T]]) -> _T:
        """Read; repeated by the SDK where the connection fails."""
        await self._turn(Urgency.READ)
        try:
            return await send()
        except stripe.StripeError as error:
            if isinstance(error, stripe.RateLimitError):
                self._throttle.slow_down()
            raise _translated(error, reading=True) from error

    async def _turn(self, urgency: Urgency) -> None:
        try:
            await self._throttle.turn(urgency)
        except TimeoutError as error:
            raise UnreachableError("too many calls to Stripe at once; nothing was sent") from error


def _translated(error: stripe.StripeError, *, reading: bool) -> Exception:
    """Stripe's error in our words; see docs.stripe.com/api/errors."""
    message = error.user_message or str(error)
    if isinstance(error, stripe.CardError):
        detail = error.error.decline_code if error.error else None
        return DeclinedError(message, detail or error.code or "card_declined")
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return MisconfiguredError(f"Stripe refuses our key: {message}")
    if isinstance(error, stripe.IdempotencyError):
        return MisconfiguredError(f"an idempotency key was used for two different calls: {message}")
    if isinstance(error, stripe.InvalidRequestError):
        return RefusedError(message, error.code or "invalid_request")
    if reading:
        return UnreachableError(f"Stripe could not be read: {message}")
    if isinstance(error, stripe.APIConnectionError):
        if isinstance(
            error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
        ):
            return UnreachableError(f"Stripe cannot be reached; nothing was sent: {message}")
        return OutcomeUnknownError(f"Stripe did not answer in time: {message}")
    conflict = error.http_status == httpx.codes.CONFLICT
    return OutcomeUnknownError(
        f"Stripe answered {error.http_status}: {message}", answered=not conflict
    )


@asynccontextmanager
async def absent_is_fine() -> AsyncIterator[None]:
    """Let what Stripe does not know (any more) count as done."""
    try:
        yield
    except RefusedError as refusal:
        if refusal.code != "resource_missing" and "not attached" not in str(refusal):
            raise
