"""A rider has her booking held for longer, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.api.conftest import START
from tests.api.test_leg_problems import Stage, processor, stage

__all__ = ["processor", "stage"]


async def test_a_paid_bike_is_kept_once_for_longer(stage: Stage) -> None:
    path = f"/v1/bookings/{stage.booking_id}"
    shown = (await stage.api.client.get(path, headers=stage.headers)).json()
    assert "extend_hold" in [each["action"] for each in shown["next_actions"]]
    assert datetime.fromisoformat(shown["legs"][0]["hold_expires_at"]) == START + timedelta(
        minutes=20
    )

    key = stage.headers | {"Idempotency-Key": "one"}
    first = await stage.api.client.post(f"{path}/extend-hold", headers=key)
    again = await stage.api.client.post(f"{path}/extend-hold", headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "extend_hold" not in [each["action"] for each in first.json()["next_actions"]]
    assert datetime.fromisoformat(first.json()["legs"][0]["hold_expires_at"]) == START + timedelta(
        minutes=30
    )

    for body in ({"minutes": 30}, {}):
        for what in ("extend-hold", "cancel", f"legs/{stage.leg_id}/start"):
            reused = await stage.api.client.post(f"{path}/{what}", headers=key, json=body)
            assert reused.json()["type"] == "/problems/idempotency-key-reused"
    other = await stage.api.client.post(f"{path}/extend-hold", headers=stage.headers)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/wrong-state")
    eve = await stage.api.sign_in("eve@example.org")
    foreign = await stage.api.client.post(f"{path}/extend-hold", headers=eve)
    assert foreign.status_code == 404
