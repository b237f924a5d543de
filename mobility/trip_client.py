"""A client of our own API for the narrated trip: as rider, finance or provider, failing loudly."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
_CODE = re.compile(r"\b(\d{6})\b")


class TripFailedError(Exception):
    """The trip cannot go on, or a number does not add up."""


@dataclass(slots=True)
class Client:
    """Calls the API with one person's token."""

    http: httpx.Client
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Json:
        """GET, or fail with what the problem document says."""
        return self._call("GET", path)

    def post(self, path: str, body: Json | None = None, *, key: bool = False) -> Json:
        """POST, with a fresh Idempotency-Key if asked."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if key else {}
        return self._call("POST", path, body, headers)

    def patch(self, path: str, body: Json) -> Json:
        """PATCH."""
        return self._call("PATCH", path, body)

    def _call(
        self, method: str, path: str, body: Json | None = None, more: dict[str, str] | None = None
    ) -> Json:
        headers = dict(more or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = self.http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise TripFailedError(f"{method} {path}: {type(error).__name__}: {error}") from error
        if answer.status_code >= 400:
            raise TripFailedError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        found: Json = answer.json() if answer.content else {}
        return found


def sign_in(http: httpx.Client, mail_folder: Path, email: str) -> Client:
    """Sign in as a rider does: ask for a code, read it in the mail, redeem it.

    Raises:
        TripFailedError: no mail came, or it holds no code.
    """
    anyone = Client(http)
    before = set(mail_folder.glob("*.eml"))
    anyone.post("/v1/auth/codes", {"email": email})
    for _ in range(50):
        fresh = sorted(set(mail_folder.glob("*.eml")) - before)
        mails = [path.read_text(encoding="utf-8") for path in fresh]
        codes = [_CODE.search(mail.split("\n\n", 1)[-1]) for mail in mails if email in mail]
        if codes and codes[-1]:
            session = anyone.post("/v1/auth/tokens", {"email": email, "code": codes[-1][1]})
            return Client(http, session["access_token"])
        time.sleep(0.1)
    raise TripFailedError(f"no mail with a sign-in code came into {mail_folder}")


def token_for(role: str, email: str) -> str:
    """A token with a role, from `mobility token`, which needs this machine's instance.

    Raises:
        TripFailedError: the command failed.
    """
    command = [sys.executable, "-m", "mobility.cli", "token", role, email]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if made.returncode != 0:
        raise TripFailedError(f"mobility token {role}: {made.stderr.strip()}")
    return made.stdout.strip()
