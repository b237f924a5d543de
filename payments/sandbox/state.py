"""What the processor remembers: objects by id, in memory and written through to a SQLite file."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from payments.sandbox.wire import API_VERSION, Json, missing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (id TEXT PRIMARY KEY, place INTEGER, content TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, content TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""


class State:
    """Every object the processor has, and the answers stored for idempotency keys.

    Ids count up behind a seed that belongs to the file, so that a fresh file never repeats the ids
    of an older one. Objects keep the order in which they were made.
    """

    def __init__(
        self, path: Path | None, clock: Callable[[], datetime], *, seed: str | None = None
    ) -> None:
        self._clock = clock
        self._db = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._db.execute(
            "INSERT OR IGNORE INTO setting VALUES ('seed', ?)", (seed or secrets.token_hex(5),)
        )
        self.seed: str = self._db.execute("SELECT value FROM setting WHERE name='seed'").fetchone()[
            0
        ]
        self._objects: dict[str, Json] = {}
        self._kinds: dict[str, dict[str, Json]] = {}
        self._places: dict[str, int] = {}
        for object_id, place, content in self._db.execute(
            "SELECT id, place, content FROM object ORDER BY place"
        ):
            self._places[object_id] = place
            self._keep(json.loads(content))
        self._count = max(self._places.values(), default=0)
        self._dirty: dict[str, Json] = {}
        self._answers: dict[str, Json] = {}
        self._new_events: list[str] = []
        self.public_url = "http://127.0.0.1"
        """Where a browser finds the hosted pages."""
        self.debits_after_s: int | None = None
        self.on_events: Callable[[list[str]], None] = lambda _ids: None
        self.request: Json = {"id": None, "idempotency_key": None}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def now(self) -> int:
        """Seconds since 1970, as Stripe counts."""
        return int(self._clock().timestamp())

    def new_id(self, prefix: str) -> str:
        """The next id, such as ``pi_…``."""
        self._count += 1
        return f"{prefix}_sbx{self.seed}{self._count:07d}"

    def put(self, wire: Json) -> Json:
        """Remember an object, new or changed; written by the transaction around."""
        if wire["id"] not in self._places:
            self._count += 1
            self._places[wire["id"]] = self._count
        self._keep(wire)
        self._dirty[wire["id"]] = wire
        return wire

    def _keep(self, wire: Json) -> None:
        self._objects[wire["id"]] = wire
        self._kinds.setdefault(wire["object"], {})[wire["id"]] = wire

    def find(self, object_id: str) -> Json | None:
        """Any object by its id."""
        return self._objects.get(object_id)

    def get(self, kind: str, object_id: str, *, param: str = "id", status: int = 404) -> Json:
        """An object of a kind.

        Raises:
            StripeError: ``resource_missing``.
        """
        found = self._kinds.get(kind, {}).get(object_id)
        if found is None:
            raise missing(kind.replace(".", " "), object_id, param, status=status)
        return found

    def list_all(self, kind: str) -> list[Json]:
        """All objects of a kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def emit(self, event_type: str, wire: Json) -> None:
        """Note an event about an object as it is now; delivered once this is written."""
        snapshot = {name: value for name, value in wire.items() if not name.startswith("_")}
        event = self.put(
            {
                "id": self.new_id("evt"),
                "object": "event",
                "api_version": API_VERSION,
                "created": self.now,
                "data": {"object": json.loads(json.dumps(snapshot))},
                "livemode": False,
                "pending_webhooks": 1,
                "request": dict(self.request),
                "type": event_type,
            }
        )
        self._new_events.append(event["id"])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write what changed inside, all or nothing, also when the block ends with a refusal."""
        try:
            yield
        finally:
            if self._dirty or self._answers:
                self._write()
            events, self._new_events = self._new_events, []
            if events:
                self.on_events(events)

    def _write(self) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO object VALUES (?, ?, ?)",
            [
                (object_id, self._places[object_id], json.dumps(wire))
                for object_id, wire in self._dirty.items()
            ],
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO answer VALUES (?, ?)",
            [(key, json.dumps(answer)) for key, answer in self._answers.items()],
        )
        self._db.execute("COMMIT")
        self._dirty.clear()
        self._answers.clear()

    def find_answer(self, key: str) -> Json | None:
        """What was answered for an idempotency key."""
        row = self._db.execute("SELECT content FROM answer WHERE key=?", (key,)).fetchone()
        found: Json | None = None if row is None else json.loads(row[0])
        return found

    def keep_answer(self, key: str, answer: Json) -> None:
        """Remember the first answer for a key; written by the transaction around."""
        self._answers[key] = answer
