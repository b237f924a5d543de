"""One way to call an operator over HTTP, in which every failure has a name.

::

    refused or timed out while connecting    UnreachableError    nothing was sent
    429                                      UnreachableError    turned away unread
    4xx                                      RefusedError        decided against it (see below)
    5xx, cut off, late, garbled, too large   OutcomeUnknownError it may have happened

A call that only *reads* changes nothing, so its last row is an ``UnreachableError`` too. What an
operator sends is hostile: at most ``max_bytes`` of plain JSON, without NaN, its decimals exact.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import NoReturn

import httpx

from providers.errors import (
    ExpiredError,
    OutcomeUnknownError,
    ProviderError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from providers.values import ProviderId

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 6.0
MAX_BYTES = 1_000_000
DETAIL_CHARACTERS = 200
EXPIRED_CODES = frozenset({3202})
"""TOMP error codes (module, then number) for a booking that ran out."""
IN_USE_CODES = frozenset({1203, 2203, 3203, 4203})
"""TOMP error codes for an asset that somebody else has."""


class Deadline:
    """A point in time that several calls of one operation share."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self._at = asyncio.get_running_loop().time() + seconds

    def remaining_seconds(self) -> float:
        """What is left; never negative."""
        return max(0.0, self._at - asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class Answer:
    """A trusted-to-be-JSON answer with status 2xx, or 404 where the caller allows for it."""

    status: int
    body: object
    expires_at: datetime | None = None
    """The ``Expires`` header; None if absent or no date."""


@dataclass(frozen=True, slots=True)
class OperatorHttp:
    """The operator at ``base_url``, as ``provider_id`` in errors."""

    provider_id: ProviderId
    base_url: str
    http: httpx.AsyncClient
    headers: tuple[tuple[str, str], ...] = ()
    max_bytes: int = MAX_BYTES

    async def read(self, path: str, deadline: Deadline, *, absent_is_none: bool = False) -> Answer:
        """GET ``path``.

        Raises:
            RefusedError: 4xx; with ``absent_is_none`` a 404 or 410 is an answer instead.
            UnreachableError: no answer to be had now; safe to ask again.
        """
        allowed = frozenset({404, 410}) if absent_is_none else frozenset[int]()
        return await self._call("GET", path, None, deadline, changes=False, allowed=allowed)

    async def ask(self, path: str, body: object, deadline: Deadline) -> Answer:
        """POST a question that changes nothing on the other side; errors as in ``read``."""
        return await self._call("POST", path, body, deadline, changes=False)

    async def change(self, path: str, body: object, deadline: Deadline) -> Answer:
        """POST what has an effect.

        Raises:
            RefusedError: the operator decided against it.
            UnreachableError: nothing was sent.
            OutcomeUnknownError: sent, and no answer that could be trusted.
        """
        return await self._call("POST", path, body, deadline, changes=True)

    def garbled(self, detail: str, *, changes: bool) -> ProviderError:
        """The error for an answer that cannot be what it claims to be."""
        return self._no_answer(f"answered with {detail}", changes=changes)

    def _no_answer(self, detail: str, *, changes: bool) -> ProviderError:
        kind = OutcomeUnknownError if changes else UnreachableError
        return kind(self.provider_id, detail)

    async def _call(
        self,
        method: str,
        path: str,
        body: object,
        deadline: Deadline,
        *,
        changes: bool,
        allowed: frozenset[int] = frozenset(),
    ) -> Answer:
        what = f"{method} {path}"
        try:
            async with asyncio.timeout(deadline.remaining_seconds()):
                status, raw, expires = await self._exchange(method, path, body, changes=changes)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise UnreachableError(self.provider_id, f"{what}: no connection") from error
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise self._no_answer(f"{what}: {type(error).__name__}", changes=changes) from error
        if status in allowed:
            return Answer(status, None)
        if 200 <= status < 300:
            return Answer(status, self._parse(raw, changes=changes), expires)
        raise self._refusal(what, status, raw, changes=changes)

    async def _exchange(
        self, method: str, path: str, body: object, *, changes: bool
    ) -> tuple[int, bytes, datetime | None]:
        request = self.http.build_request(
            method,
            self.base_url.rstrip("/") + path,
            json=body,
            headers=[
                *self.headers,
                ("Accept", "application/json"),
                ("Accept-Encoding", "identity"),
            ],
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        )
        response = await self.http.send(request, stream=True, follow_redirects=False)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise self.garbled("an encoding that was not asked for", changes=changes)
            raw = bytearray()
            async for chunk in response.aiter_raw():
                raw += chunk
                if len(raw) > self.max_bytes:
                    raise self.garbled(f"more than {self.max_bytes} bytes", changes=changes)
        finally:
            await response.aclose()
        return response.status_code, bytes(raw), _http_date(response.headers.get("expires"))

    def _parse(self, raw: bytes, *, changes: bool) -> object:
        if not raw:
            return None
        try:
            return parse_json(raw)
        except ValueError as error:
            raise self.garbled("something that is not JSON", changes=changes) from error

    def _refusal(self, what: str, status: int, raw: bytes, *, changes: bool) -> ProviderError:
        code, told = _problem(raw)
        detail = f"{what}: {status} {told}".rstrip()
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return UnreachableError(self.provider_id, detail)
        if status == httpx.codes.GONE or code in EXPIRED_CODES:
            return ExpiredError(self.provider_id, detail)
        if status == httpx.codes.CONFLICT or code in IN_USE_CODES:
            return UnavailableError(self.provider_id, detail)
        if 400 <= status < 500:
            return RefusedError(self.provider_id, detail)
        return self._no_answer(detail, changes=changes)


def parse_json(raw: bytes) -> object:
    """JSON with exact decimals.

    Raises:
        ValueError: not UTF-8, not JSON, nested beyond reason, NaN or an infinity in it.
    """
    try:
        return json.loads(raw, parse_float=_finite, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _finite(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > 30:
        raise ValueError(f"out of any range: {text[:40]}")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _problem(raw: bytes) -> tuple[int | None, str]:
    """A TOMP error's code, and what it says, shortened to be logged."""
    try:
        body = parse_json(raw)
    except ValueError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    code = body.get("errorcode")
    told = body.get("detail") or body.get("title")
    return (
        code if type(code) is int else None,
        "".join(c if c.isprintable() else " " for c in told[:DETAIL_CHARACTERS])
        if isinstance(told, str)
        else "",
    )


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment and moment.tzinfo else None
