"""The code knows no city: one made by ``mobility city new`` boots, plans, and books."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from mobility.cities.city import load_city
from mobility.cities.new import create_city
from tests.api_client import rider_of
from tests.processes import running_instance

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def test_a_new_city_boots_plans_and_books(tmp_path: Path) -> None:
    create_city("neustadt", tmp_path, title="Neustadt")
    city = load_city(str(tmp_path / "neustadt"))
    here, there = city.places[0].position, city.places[-1].position
    environment = {"MOBILITY_CITY": str(city.folder)}
    with (
        running_instance(tmp_path / "data", env=environment) as instance,
        httpx.Client(base_url=instance.url, timeout=30) as http,
    ):
        rider = rider_of(instance, http, "anna")
        found = rider.search(
            **{
                "from": {"lat": here.lat, "lon": here.lon},
                "to": {"lat": there.lat, "lon": there.lon},
            }
        )
        modes = {leg["mode"] for journey in found["journeys"] for leg in journey["legs"]}
        offer = next(j["offer_id"] for j in found["journeys"] if j["bookable"])
        booking = rider.book(offer).json()
    assert {"bus", "bike"} <= modes
    assert booking["state"] == "confirmed"
