"""A rider over HTTP against a running instance."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from mobility.trip_client import sign_in
from tests.processes import Instance

Json = dict[str, Any]
STATION = {"lat": 53.865892, "lon": 10.670654}
UNIVERSITY = {"lat": 53.837723, "lon": 10.700286}


@dataclass
class Rider:
    """Signed in, of age and with a licence."""

    http: httpx.Client
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, headers=self.headers)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.http.post(path, json=body, headers=headers)

    def search(self, **more: object) -> Json:
        found: Json = self.post(
            "/v1/journeys/search", {"from": STATION, "to": UNIVERSITY, **more}
        ).json()
        return found

    def offer(self, *modes: str) -> str:
        """An offer for a journey by exactly these modes, walks aside."""
        for journey in self.search(modes=["walk", *modes])["journeys"]:
            used = {leg["mode"] for leg in journey["legs"]} - {"walk"}
            if used == set(modes) and journey["bookable"]:
                return str(journey["offer_id"])
        raise AssertionError(f"no bookable journey by {modes}")

    def book(
        self, offer_id: str, *, method: str = "pm_card_visa", key: str | None = None
    ) -> httpx.Response:
        return self.post(
            "/v1/bookings",
            {"offer_id": offer_id, "payment_method": method},
            key=key or str(uuid.uuid4()),
        )


def rider_of(instance: Instance, http: httpx.Client, name: str) -> Rider:
    """A rider who has just signed in."""
    client = sign_in(http, instance.folder / "mail", f"{name}@example.org")
    client.patch("/v1/me", {"birth_date": "1990-01-01", "driving_licence": "declared"})
    assert client.token is not None
    return Rider(http, client.token)


def run_mobility(instance: Instance, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The console command against this instance."""
    environment = os.environ | {
        "PORT": str(instance.port),
        "MOBILITY_DATA": str(instance.folder),
        "COLUMNS": "140",
    }
    return subprocess.run(
        [sys.executable, "-m", "mobility.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def morning() -> str:
    """08:00 by the city's clock on a working day to come, as RFC 3339."""
    day = datetime.now(UTC) + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day.strftime("%Y-%m-%dT08:00:00+01:00")
