"""A demo issuer of passes as a program of its own: ``python -m providers.sandbox.issuer``.

It confirms, per claim, whether somebody holds a pass (``providers/entitlements.py`` gives the
interface). A real one knows its subscribers. This one is made up, and says so: it knows those that
``PUT /sandbox/subscriptions/{reference}`` tells it of, takes every other reference that begins with
``DEMO-`` for a paid subscription of whoever names it, and believes who names none. It remembers who
claimed what in an SQLite file, and misbehaves on command like the demo operators.
"""

import argparse
import json
import os
import sqlite3
from datetime import date
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

from providers.sandbox.answers import Json
from providers.sandbox.control import FaultIn
from providers.sandbox.faults import Fault, Faults, FaultyOperator

DEMO = "DEMO-"
SCHEMA = """
CREATE TABLE IF NOT EXISTS subscription (reference TEXT PRIMARY KEY, told TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entitlement (
    id TEXT PRIMARY KEY, holder TEXT NOT NULL, reference TEXT, answer TEXT NOT NULL,
    released INTEGER NOT NULL DEFAULT 0);
"""


class ClaimIn(BaseModel):
    """Somebody's claim to a pass."""

    id: str = Field(min_length=1, max_length=100)
    kind: str = Field(min_length=1, max_length=60)
    holder: str = Field(min_length=1, max_length=100)
    valid_from: date
    valid_until: date | None = None
    reference: str | None = Field(default=None, max_length=100)
    birth_date: date | None = None


class Subscription(BaseModel):
    """What the issuer knows of one pass that it sold."""

    birth_date: date | None = None
    """Whose it is; None: of whoever names it."""
    valid_from: date = date(2023, 5, 1)
    valid_until: date | None = None
    revoked: bool = False


class Register:
    """Who subscribed, and who claimed what, in the file at ``path``."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA)

    def tell(self, reference: str, known: Subscription) -> None:
        """Sell, change or revoke a pass."""
        told = known.model_dump_json()
        self._db.execute("INSERT OR REPLACE INTO subscription VALUES (?, ?)", (reference, told))

    def claim(self, claim: ClaimIn) -> Json:
        """The entitlement of a claim; the same again when it comes again."""
        if (found := self.find(claim.id)) is not None:
            return found
        answer = json.dumps({"id": claim.id, **self._decide(claim)})
        self._db.execute(
            "INSERT OR REPLACE INTO entitlement VALUES (?, ?, ?, ?, 0)",
            (claim.id, claim.holder, claim.reference, answer),
        )
        return dict(json.loads(answer))

    def find(self, claim_id: str) -> Json | None:
        """A claim's entitlement as it is now; None if there is none, or it was released."""
        row = self._db.execute(
            "SELECT reference, answer FROM entitlement WHERE id = ? AND NOT released", (claim_id,)
        ).fetchone()
        if row is None:
            return None
        answer: Json = json.loads(row[1])
        known = self._subscription(row[0])
        if answer["status"] == "valid" and known is not None:
            if known.revoked:
                return {"id": claim_id, "status": "revoked", "reason": "not_valid"}
            return {**answer, **_days(known.valid_from, known.valid_until)}
        return answer

    def release(self, claim_id: str) -> None:
        """Let go of a pass, so that somebody else may claim it."""
        self._db.execute("UPDATE entitlement SET released = 1 WHERE id = ?", (claim_id,))

    def list_claims(self) -> list[Json]:
        """Everything claimed, for those who look into the demo."""
        rows = self._db.execute(
            "SELECT id, holder, reference, answer, released FROM entitlement ORDER BY rowid"
        )
        return [
            {"id": i, "holder": h, "reference": r, "released": bool(x), "answer": json.loads(a)}
            for i, h, r, a, x in rows
        ]

    def _decide(self, claim: ClaimIn) -> Json:
        if claim.reference is None:
            name = f"unchecked-{claim.kind}-{claim.holder}"
            return _valid(name, claim.valid_from, claim.valid_until)
        reference = claim.reference.upper()
        known = self._subscription(reference)
        if known is None:
            return {"status": "refused", "reason": "unknown"}
        if known.birth_date is not None and known.birth_date != claim.birth_date:
            return {"status": "refused", "reason": "wrong_person"}
        if known.revoked:
            return {"status": "refused", "reason": "not_valid"}
        if self._is_held_by_another(reference, claim.holder):
            return {"status": "refused", "reason": "bound_elsewhere"}
        return _valid(reference, known.valid_from, known.valid_until)

    def _subscription(self, reference: str | None) -> Subscription | None:
        if reference is None:
            return None
        reference = reference.upper()
        row = self._db.execute(
            "SELECT told FROM subscription WHERE reference = ?", (reference,)
        ).fetchone()
        if row is not None:
            return Subscription.model_validate_json(row[0])
        return Subscription() if reference.startswith(DEMO) and reference != DEMO else None

    def _is_held_by_another(self, reference: str, holder: str) -> bool:
        rows = self._db.execute(
            "SELECT holder, answer FROM entitlement WHERE upper(reference) = ? AND NOT released",
            (reference,),
        )
        return any(
            other != holder and json.loads(answer)["status"] == "valid" for other, answer in rows
        )


def _valid(name: str, first: date, last: date | None) -> Json:
    return {"status": "valid", "pass_id": name, **_days(first, last)}


def _days(first: date, last: date | None) -> Json:
    return {
        "valid_from": first.isoformat(),
        "valid_until": None if last is None else last.isoformat(),
    }


def make_app(issuer_id: str, register: Register, *, token: str) -> FaultyOperator:
    """The issuer as an ASGI application; ``/sandbox`` steers it and asks for no token."""

    async def caller(request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {token}":
            raise HTTPException(401, "this token opens nothing here")

    faults = Faults()
    app = FastAPI(title=issuer_id)
    known = [Depends(caller)]

    @app.post("/entitlements", status_code=201, dependencies=known)
    async def claim(body: ClaimIn) -> Json:
        return register.claim(body)

    @app.get("/entitlements/{claim_id}", dependencies=known)
    async def look_up(claim_id: str) -> Json:
        found = register.find(claim_id)
        if found is None:
            raise HTTPException(404, "nothing was claimed under this id")
        return found

    @app.post("/entitlements/{claim_id}/release", dependencies=known)
    async def release(claim_id: str) -> Json:
        register.release(claim_id)
        return {}

    @app.put("/sandbox/subscriptions/{reference}", status_code=204)
    async def tell(reference: Annotated[str, Field(max_length=100)], body: Subscription) -> None:
        register.tell(reference.upper(), body)

    @app.get("/sandbox/claims")
    async def claims() -> list[Json]:
        return register.list_claims()

    @app.post("/sandbox/faults", status_code=204)
    async def add_fault(body: FaultIn) -> None:
        faults.planned.append(
            Fault(body.operation, body.fault, body.count, body.seconds, body.status, body.body)
        )

    return FaultyOperator(app, faults)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m providers.sandbox.issuer",
        description="Run a demo issuer of passes.",
        epilog="example: SANDBOX_TOKEN=secret python -m providers.sandbox.issuer --id demo-abo "
        "--port 8103 --state /tmp/demo-abo.sqlite",
    )
    parser.add_argument("--id", required=True, help="the issuer to be, of the city's fares.toml")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that outlives us")
    parser.add_argument("--token", default=os.environ.get("SANDBOX_TOKEN"), help="callers' token")
    arguments = parser.parse_args()
    if not arguments.token:
        parser.error("no token: give --token or SANDBOX_TOKEN")
    arguments.state.parent.mkdir(parents=True, exist_ok=True)
    app = make_app(arguments.id, Register(arguments.state), token=arguments.token)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
