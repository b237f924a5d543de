"""The demo operator's own memory: one SQLite file that outlives the process.

One vehicle has one rider: a partial unique index says so, whatever the code above it does.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from providers.sandbox.fleet import Fleet

SCHEMA = """
CREATE TABLE IF NOT EXISTS station (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL,
    capacity INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS vehicle (
    ref TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, type_id TEXT NOT NULL, lat REAL NOT NULL,
    lon REAL NOT NULL, station_id TEXT REFERENCES station (id), range_m INTEGER,
    disabled INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS booking (
    id TEXT PRIMARY KEY, maas_id TEXT NOT NULL, state TEXT NOT NULL,
    vehicle_ref TEXT REFERENCES vehicle (ref), customer TEXT, planned TEXT,
    expires_at TEXT, started_at TEXT, ended_at TEXT, metres INTEGER, price_minor INTEGER,
    end_station_id TEXT, end_vehicle_id TEXT, access_code TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS one_vehicle_one_rider ON booking (vehicle_ref)
    WHERE state IN ('PENDING', 'CONFIRMED', 'STARTED');
CREATE TABLE IF NOT EXISTS ride (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, minutes INTEGER NOT NULL, metres INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Store:
    """The file at ``path``; ``:memory:`` forgets."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; the only way to write."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Read."""
        return self._db.execute(query, values).fetchall()

    def number(self, name: str, default: int = 0) -> int:
        """A counter or setting by name."""
        found = self.rows("SELECT value FROM number WHERE name = ?", name)
        return int(found[0]["value"]) if found else default

    def set_number(self, name: str, value: int) -> None:
        """Keep a counter or setting."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
                (name, value, value),
            )

    def stock(self, fleet: Fleet) -> None:
        """Put the fleet on the street; what is known already stays as it is."""
        with self.transaction() as db:
            db.executemany(
                "INSERT INTO station VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(s.id, s.name, s.lat, s.lon, s.capacity) for s in fleet.stations],
            )
            db.executemany(
                "INSERT INTO vehicle (ref, id, type_id, lat, lon, station_id, range_m)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (v.ref, new_vehicle_id(), v.type_id, v.lat, v.lon, v.station_id, v.range_m)
                    for v in fleet.vehicles
                ],
            )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def new_vehicle_id() -> str:
    """A public vehicle id that says nothing about the vehicle (GBFS: it rotates)."""
    return secrets.token_hex(8)
