"""A ticket's whole story over HTTP, inspected by ``mobility ticket verify`` without a network."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from mobility.cli import app
from providers.bus.envelope import encode
from providers.bus.ticket import show
from tests.api_client import Json, Rider, rider_of, run_mobility
from tests.processes import Instance

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


@dataclass
class Inspector:
    """Has a network once, then none."""

    folder: Path

    def fetch(self, http: httpx.Client) -> None:
        for name in ("keys", "revocations"):
            (self.folder / name).write_bytes(http.get(f"/v1/tickets/{name}").content)

    def look(self, code: str, at: datetime) -> tuple[int, str]:
        files = [f"--{name}={self.folder / name}" for name in ("keys", "revocations")]
        told = CliRunner().invoke(app, ["ticket", "verify", *files, "--at", at.isoformat(), code])
        return told.exit_code, told.stdout


def bus_to_come(rider: Rider) -> str:
    """An offer of a bus within a day, and not at once; at night of the morning after."""
    morning = datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=7, minute=0)
    morning += timedelta(days=morning < datetime.now(UTC))
    for more in ({}, {"depart_at": morning.isoformat()}):
        found = rider.search(modes=["walk", "bus"], **more)["journeys"]
        offers = {str(j["departs_at"]): str(j["offer_id"]) for j in found if j["bookable"]}
        if offers:
            return offers[max(offers)]
    raise AssertionError("no bus to be booked")


def take(rider: Rider, path: str) -> tuple[Ed25519PrivateKey, Json]:
    """Have the ticket on a phone with a new key."""
    phone = Ed25519PrivateKey.generate()
    body = {"device_key": encode(phone.public_key().public_bytes_raw())}
    answer = rider.post(path, body)
    assert answer.status_code == 200, answer.text
    return phone, answer.json()


def wait_for(rider: Rider, path: str, state: str) -> Json:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        booking: Json = rider.get(path).json()
        if booking["state"] == state:
            return booking
        time.sleep(0.1)
    raise AssertionError(f"not {state}: {booking}")


def test_booked_shown_recovered_on_another_phone_and_cancelled(
    instance: Instance, http: httpx.Client, tmp_path: Path
) -> None:
    anna = rider_of(instance, http, "anna-tunnel")
    booking_path = f"/v1/bookings/{anna.book(bus_to_come(anna)).json()['id']}"
    booking = wait_for(anna, booking_path, "confirmed")
    leg = next(leg for leg in booking["legs"] if leg["mode"] == "bus")
    path = f"{booking_path}/legs/{leg['id']}/ticket"
    inspector = Inspector(tmp_path)

    phone, ticket = take(anna, path)
    at = datetime.fromisoformat(ticket["valid_from"]) + timedelta(minutes=3)
    code = show(ticket["payload"], phone, at)
    inspector.fetch(http)
    status, told = inspector.look(code, at)
    assert (status, told[:6]) == (0, "Valid:"), told
    assert leg["provider_id"] in told
    assert inspector.look(code, at + timedelta(minutes=1))[0] == 1

    anna_again = rider_of(instance, http, "anna-tunnel")
    assert anna_again.get(path).json()["type"] == "/problems/ticket-elsewhere"
    other_phone, moved = take(anna_again, path)
    status, told = inspector.look(show(moved["payload"], other_phone, at), at)
    assert status == 0, "the old list does not know it, nor need it"
    inspector.fetch(http)
    status, told = inspector.look(code, at)
    assert (status, told.splitlines()[0]) == (
        1,
        "Not valid: cancelled, or moved to another phone since.",
    )
    assert inspector.look(show(moved["payload"], other_phone, at), at)[0] == 0

    assert anna.post(f"{booking_path}/cancel").status_code == 200
    assert wait_for(anna, booking_path, "cancelled")["payment"]["state"] == "refunded"
    inspector.fetch(http)
    assert inspector.look(show(moved["payload"], other_phone, at), at)[0] == 1
    assert anna_again.get(path).json()["type"] == "/problems/wrong-state"


def test_the_narrated_trip_shows_a_ticket_that_is_inspected(instance: Instance) -> None:
    told = run_mobility(instance, "trip")
    assert told.returncode == 0, told.stdout + told.stderr
    if "Her ticket" in told.stdout:
        assert "an inspector without a network reads it as of" in told.stdout
        assert "a picture of it, a minute later: a code of 60 s ago" in told.stdout
