"""Where an extract ends, ways are estimated; inside it the streets alone decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobility.planning.ways.estimated import StreetProfile, Streets
from mobility.planning.ways.patched import PatchedStreets
from mobility.planning.ways.reach import Places
from mobility.planning.ways.water import degrees_of
from providers.values import Mode
from tests.streets.town import DAY, Town, at, town

ESTIMATED = Streets([], lambda _on: (), {Mode.WALK: StreetProfile(4.7, 1.3)})
INSIDE, ACROSS, BEYOND = at(0, 10), at(300, 10), at(5000, 0)

# Two streets that nothing joins.
TEXT = """
a 0,0
b 100,0
c 200,0
d 300,0
a-b residential
c-d residential
"""


@pytest.fixture
def patched(tmp_path: Path) -> PatchedStreets:
    there: Town = town(TEXT, tmp_path)
    return PatchedStreets(there.streets, ESTIMATED)


def test_a_way_is_estimated_as_soon_as_one_end_has_no_street(patched: PatchedStreets) -> None:
    inside = patched.leg(Mode.WALK, INSIDE, at(90, 0), DAY)
    assert inside is not None
    assert not inside.estimated
    assert patched.leg(Mode.WALK, INSIDE, ACROSS, DAY) is None
    for ends in ((INSIDE, BEYOND), (BEYOND, INSIDE)):
        assert patched.leg(Mode.WALK, *ends, DAY) == ESTIMATED.leg(Mode.WALK, *ends, DAY)


@pytest.mark.parametrize("outward", [True, False])
@pytest.mark.parametrize("door", [INSIDE, ACROSS, BEYOND])
def test_one_to_many_says_what_each_way_says(
    patched: PatchedStreets, door: object, *, outward: bool
) -> None:
    targets = [INSIDE, at(90, 0), ACROSS, BEYOND, at(5100, 0)]
    places = Places(degrees_of(targets)).with_changes({1: None})
    patched.prepare(places, [Mode.WALK], DAY, max_seconds=7200)
    found = patched.reach(door, Mode.WALK, places, DAY, max_seconds=7200, outward=outward)  # type: ignore[arg-type]
    legs = [
        patched.leg(Mode.WALK, *((door, target) if outward else (target, door)), DAY)  # type: ignore[arg-type]
        for target in targets
    ]
    expected = [leg.seconds if leg else -1 for leg in legs]
    expected[1] = -1
    assert found.tolist() == expected
