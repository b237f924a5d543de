"""What the kernel says of a way is what its legs cost and emit."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from mobility.planning.candidate import Candidate
from mobility.planning.door_to_door import DoorToDoor
from mobility.planning.itinerary import Itinerary
from mobility.planning.request import SearchRequest
from tests.planning.world import NOW, berlin, luebeck_planner, luebeck_timetable


class Checked(DoorToDoor):
    """A search that compares each way it shows with what the kernel promised."""

    def drawn(self, one: Candidate) -> Itinerary:
        way = super().drawn(one)
        assert way.price.minor == one.cents
        assert abs(way.co2_grams - one.co2_grams) <= len(way.legs)
        assert int(way.departs_at.timestamp()) == one.departs
        assert int(way.arrives_at.timestamp()) == one.arrives
        assert way.transfers == one.transfers
        self.compared = getattr(self, "compared", 0) + 1
        return way


@pytest.mark.parametrize(
    ("passes", "passengers"),
    [(frozenset(), 1), (frozenset({"deutschlandticket"}), 1), (frozenset({"wertmarke"}), 3)],
)
def test_prices_of_the_front_are_those_of_the_tariffs(
    passes: frozenset[str], passengers: int
) -> None:
    chance = random.Random(7)
    stops = luebeck_timetable().stops
    compared = 0
    for _ in range(12):
        at = berlin("05:00") + timedelta(minutes=chance.randrange(1440))
        here, there = (chance.choice(stops).position for _ in range(2))
        backwards = chance.random() < 0.3
        request = SearchRequest(
            here,
            there,
            depart_at=None if backwards else at,
            arrive_by=at if backwards else None,
            passes=passes,
            passengers=passengers,
        )
        search = Checked(luebeck_planner(), request, NOW)
        search.run()
        compared += getattr(search, "compared", 0)
    assert compared > 30
