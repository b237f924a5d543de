"""Fetching one message over HTTP: bounded in time and size, only if it is another one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from gtfs.realtime_read import MAX_BYTES

TOTAL_SECONDS = 15.0


class FeedUnavailableError(Exception):
    """No message was to be had; it says why, without the address, which may hold a key."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as bytes, None where the one we have is still that; and how to ask next time."""

    raw: bytes | None
    etag: str | None = None
    modified: str | None = None


async def fetch(http: httpx.AsyncClient, url: str, before: Fetched | None = None) -> Fetched:
    """Ask for a message.

    Raises:
        FeedUnavailableError: no answer, no good one, or one that is too large.
    """
    headers = {"Accept-Encoding": "identity"}
    if before is not None and before.etag:
        headers["If-None-Match"] = before.etag
    if before is not None and before.modified:
        headers["If-Modified-Since"] = before.modified
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            request = http.build_request("GET", url, headers=headers)
            response = await http.send(request, stream=True, follow_redirects=False)
            try:
                return await _read(response, before)
            finally:
                await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise FeedUnavailableError(f"no answer: {type(error).__name__}") from error


async def _read(response: httpx.Response, before: Fetched | None) -> Fetched:
    if response.status_code == httpx.codes.NOT_MODIFIED and before is not None:
        return Fetched(None, before.etag, before.modified)
    if response.status_code != httpx.codes.OK:
        raise FeedUnavailableError(f"answered with status {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FeedUnavailableError("answered in an encoding that was not asked for")
    raw = bytearray()
    async for chunk in response.aiter_bytes():
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise FeedUnavailableError(f"answered with more than {MAX_BYTES} bytes")
    return Fetched(bytes(raw), response.headers.get("etag"), response.headers.get("last-modified"))
