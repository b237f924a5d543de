"""Tell the platform what stands where: a full snapshot first, then what has changed.

Whatever goes wrong (the platform is not up yet, a gap, a refusal) ends in another full snapshot
after a pause that grows; a push that nobody answered needs no memory of what was in it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

import httpx

from providers.sandbox.answers import Json, gbfs_stations, gbfs_vehicles
from providers.sandbox.rules import Operator

HEARTBEAT_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.3
PATIENT_SECONDS = 20.0
"""How long the pause does not grow: the platform may be starting beside us."""
LONGEST_PAUSE_SECONDS = 5.0
log = logging.getLogger(__name__)


class PushFailedError(Exception):
    """The platform did not take a push."""


@dataclass(slots=True)
class Pusher:
    """Pushes to ``url``, such as ``http://host/v1/provider``, with the operator's key."""

    operator: Operator
    http: httpx.AsyncClient
    url: str
    token: str
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    stations_sent: dict[object, Json] = field(default_factory=dict)

    async def run(self) -> None:
        """Push until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        whole, began = True, time.monotonic()
        while True:
            self.wake.clear()
            try:
                await (self._snapshot() if whole else self._delta())
            except (httpx.HTTPError, PushFailedError) as error:
                log.info("push failed, full snapshot in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)
                whole = True
                if time.monotonic() - began > PATIENT_SECONDS:
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause, whole = FIRST_PAUSE_SECONDS, False
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self.wake.wait()
            except TimeoutError:
                log.debug("nothing has changed; pushing an empty delta")

    async def _snapshot(self) -> None:
        self._take_changed()
        stations = gbfs_stations(self.operator)
        if stations:
            await self._send("PUT", "stations", {"stations": stations})
        await self._send("PUT", "vehicles", {"vehicles": gbfs_vehicles(self.operator)})
        self.stations_sent = {station["station_id"]: station for station in stations}

    async def _delta(self) -> None:
        refs = self._take_changed()
        vehicles = gbfs_vehicles(self.operator, refs)
        removed = sorted(set(refs) - {str(vehicle["vehicle_ref"]) for vehicle in vehicles})
        stations = [s for s in gbfs_stations(self.operator) if self._news(s)]
        if stations or self.stations_sent:
            await self._send("PATCH", "stations", {"stations": stations})
        await self._send("PATCH", "vehicles", {"vehicles": vehicles, "removed": removed})
        self.stations_sent |= {station["station_id"]: station for station in stations}

    def _news(self, station: Json) -> bool:
        before = self.stations_sent.get(station["station_id"], {})
        return any(station[k] != before.get(k) for k in station if k != "last_reported")

    def _take_changed(self) -> list[str]:
        with self.operator.store.transaction() as db:
            rows = db.execute(
                "UPDATE vehicle SET changed = 0 WHERE changed = 1 RETURNING ref"
            ).fetchall()
        return [row["ref"] for row in rows]

    async def _send(self, method: str, what: str, body: Json) -> None:
        name = f"{what}_sequence"
        sequence = self.operator.store.number(name) + 1
        self.operator.store.set_number(name, sequence)
        response = await self.http.request(
            method,
            f"{self.url.rstrip('/')}/{what}",
            json={"sequence": sequence, **body},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        told = _object(response)
        last = told.get("last_sequence")
        if isinstance(last, int) and last > sequence:
            self.operator.store.set_number(name, last)
            raise PushFailedError(f"{method} {what}: the platform is at {last} already")
        if response.status_code != httpx.codes.ACCEPTED:
            raise PushFailedError(f"{method} {what}: {response.status_code} {response.text[:200]}")
        if told.get("refused"):
            log.warning("%s %s: refused %s", method, what, told["refused"])


def _object(response: httpx.Response) -> Json:
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
