"""What each tag makes of a street: who may go which way, how fast, and what a wheelchair finds."""

from __future__ import annotations

import pytest

from mobility.streets.node_tags import barred, wheels_at
from mobility.streets.way_tags import (
    BIKE_KMH,
    FERRY_KMH,
    PUSH_KMH,
    WALK_KMH,
    Profile,
    duration_s,
    flowing_kmh,
    maxspeed_kmh,
    way_of,
)
from mobility.streets.wheelchair_tags import Wheels, wheels_on


def tags(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in text.split())


def who(text: str) -> str:
    """Who may go forward / backward: w on foot, b by bike, p pushing it, c by car."""
    way = way_of(tags(text))
    if way is None:
        return "nobody"
    return " / ".join(
        "".join(
            letter
            for letter, open_ in (
                ("w", speeds[Profile.WALK]),
                ("b", speeds[Profile.BIKE] > PUSH_KMH),
                ("p", speeds[Profile.BIKE] == PUSH_KMH),
                ("c", speeds[Profile.CAR]),
            )
            if open_
        )
        for speeds in (way.forward, way.backward)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("highway=residential", "wbc / wbc"),
        ("highway=motorway", "c / "),
        ("highway=footway", "wp / wp"),
        ("highway=footway bicycle=yes", "wb / wb"),
        ("highway=footway bicycle=no", "w / w"),
        ("highway=path", "wb / wb"),
        ("highway=cycleway", "b / b"),
        ("highway=cycleway foot=designated", "wb / wb"),
        ("highway=cycleway segregated=yes", "wb / wb"),
        ("highway=steps", "w / w"),
        ("highway=steps bicycle=yes", "w / w"),
        ("highway=pedestrian", "wp / wp"),
        ("highway=pedestrian motor_vehicle=destination", "wpc / wpc"),
        ("highway=construction", "nobody"),
        ("highway=proposed", "nobody"),
        ("building=yes", "nobody"),
        ("railway=platform", "wp / wp"),
        # access, from the general to the special
        ("highway=service access=no", "nobody"),
        ("highway=service access=private", "nobody"),
        ("highway=service access=private foot=yes", "w / w"),
        ("highway=service access=no bicycle=yes foot=designated", "wb / wb"),
        ("highway=service access=destination", "wbc / wbc"),
        ("highway=residential motor_vehicle=no", "wb / wb"),
        ("highway=residential motor_vehicle=no motorcar=yes", "wbc / wbc"),
        ("highway=residential vehicle=no", "w / w"),
        ("highway=residential vehicle=no bicycle=yes", "wb / wb"),
        ("highway=residential bicycle=dismount", "wpc / wpc"),
        ("highway=primary bicycle=use_sidepath", "wc / wc"),
        ("highway=track motor_vehicle=agricultural", "wb / wb"),
        ("highway=trunk motorroad=yes", "c / c"),
        ("highway=footway access=yes", "wp / wp"),
        # one way
        ("highway=residential oneway=yes", "wbc / w"),
        ("highway=residential oneway=-1", "w / wbc"),
        ("highway=residential oneway=yes oneway:bicycle=no", "wbc / wb"),
        ("highway=residential oneway=yes cycleway=opposite_lane", "wbc / wb"),
        ("highway=residential oneway=yes cycleway:left=lane cycleway:left:oneway=-1", "wbc / wb"),
        ("highway=residential oneway=yes cycleway:right=lane", "wbc / w"),
        ("highway=residential oneway:bicycle=yes", "wbc / wc"),
        ("highway=residential oneway=yes oneway:foot=yes", "wbc / "),
        ("highway=tertiary junction=roundabout", "wbc / w"),
        ("highway=tertiary junction=roundabout oneway=no", "wbc / wbc"),
        ("highway=residential bicycle:backward=no", "wbc / wc"),
        ("highway=residential motor_vehicle:forward=no", "wb / wbc"),
        # ferries
        ("route=ferry", "wb / wb"),
        ("route=ferry motor_vehicle=yes", "wbc / wbc"),
        ("route=ferry bicycle=no", "w / w"),
        ("route=ferry access=private", "nobody"),
    ],
)
def test_who_may_go(text: str, expected: str) -> None:
    assert who(text) == expected


@pytest.mark.parametrize(
    ("text", "profile", "kmh"),
    [
        ("highway=residential", Profile.WALK, WALK_KMH),
        ("highway=steps", Profile.WALK, WALK_KMH / 2),
        ("highway=residential surface=asphalt", Profile.BIKE, BIKE_KMH),
        ("highway=residential surface=cobblestone", Profile.BIKE, 0.65 * BIKE_KMH),
        ("highway=path smoothness=very_bad", Profile.BIKE, 0.55 * BIKE_KMH),
        ("highway=path smoothness=impassable", Profile.BIKE, 0),
        ("highway=footway", Profile.BIKE, PUSH_KMH),
        ("highway=residential", Profile.CAR, flowing_kmh(30)),
        ("highway=primary maxspeed=70", Profile.CAR, flowing_kmh(70)),
        ("highway=primary maxspeed=DE:rural", Profile.CAR, flowing_kmh(100)),
        ("route=ferry duration=00:10", Profile.WALK, FERRY_KMH),
    ],
)
def test_how_fast(text: str, profile: Profile, kmh: float) -> None:
    way = way_of(tags(text))
    assert way is not None
    assert way.forward[profile] == pytest.approx(kmh)


def test_a_limit_of_one_direction_holds_for_it_alone() -> None:
    limits = tags("maxspeed:backward=30 maxspeed=50")
    assert [maxspeed_kmh(limits, way) for way in ("forward", "backward")] == [50, 30]
    assert maxspeed_kmh({"maxspeed": "20 mph"}, "forward") == pytest.approx(32.2, abs=0.1)
    assert maxspeed_kmh({"maxspeed": "signals"}, "forward") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 600), ("00:10", 600), ("1:30", 5400), ("00:04:30", 270), ("PT1H5M", 3900),
        ("", None), ("soon", None), ("0", None),
    ],
)  # fmt: skip
def test_how_long_a_ferry_takes(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "wheels"),
    [
        ("highway=residential", Wheels.UNKNOWN),
        ("highway=footway wheelchair=yes", Wheels.YES),
        ("highway=footway wheelchair=designated", Wheels.YES),
        ("highway=footway wheelchair=limited", Wheels.UNKNOWN),
        ("highway=footway wheelchair=no", Wheels.NO),
        ("highway=steps", Wheels.NO),
        ("highway=steps ramp:wheelchair=yes", Wheels.YES),
        ("highway=footway surface=asphalt smoothness=good", Wheels.UNKNOWN),
        ("highway=footway surface=asphalt smoothness=good incline=3%", Wheels.YES),
        ("highway=footway surface=asphalt smoothness=good incline=-9%", Wheels.NO),
        ("highway=footway surface=asphalt smoothness=good incline=up", Wheels.UNKNOWN),
        ("highway=footway surface=asphalt smoothness=good incline=3% wheelchair=limited",
         Wheels.UNKNOWN),
        ("highway=path width=0.7", Wheels.NO),
        ("highway=path width=1.5", Wheels.UNKNOWN),
        ("highway=path surface=sand", Wheels.NO),
        ("highway=path smoothness=horrible", Wheels.NO),
        ("highway=footway kerb=raised", Wheels.NO),
    ],
)  # fmt: skip
def test_what_a_wheelchair_finds(text: str, wheels: Wheels) -> None:
    assert wheels_on(tags(text)) is wheels


ALL = frozenset(Profile)


@pytest.mark.parametrize(
    ("text", "closed", "wheels"),
    [
        ("highway=crossing", set(), Wheels.YES),
        ("highway=crossing wheelchair=no", {Profile.WHEELCHAIR}, Wheels.NO),
        ("highway=bus_stop wheelchair=no access=no", set(), Wheels.YES),
        ("amenity=parking_entrance access=private", set(), Wheels.YES),
        ("kerb=raised", {Profile.WHEELCHAIR}, Wheels.NO),
        ("kerb=lowered", set(), Wheels.YES),
        ("kerb=yes", set(), Wheels.UNKNOWN),
        ("barrier=kerb kerb=flush", set(), Wheels.YES),
        ("barrier=kerb", set(), Wheels.UNKNOWN),
        ("barrier=bollard", {Profile.CAR}, Wheels.UNKNOWN),
        ("barrier=bollard maxwidth:physical=1.2", {Profile.CAR}, Wheels.YES),
        ("barrier=bollard maxwidth:physical=0.8", {Profile.CAR, Profile.WHEELCHAIR}, Wheels.NO),
        ("barrier=bollard motor_vehicle=yes", set(), Wheels.UNKNOWN),
        ("barrier=gate", set(), Wheels.UNKNOWN),
        ("barrier=gate access=private", ALL, Wheels.UNKNOWN),
        ("barrier=gate access=private foot=yes", {Profile.BIKE, Profile.CAR}, Wheels.UNKNOWN),
        ("barrier=gate locked=yes", ALL, Wheels.UNKNOWN),
        ("barrier=stile", {Profile.WHEELCHAIR, Profile.BIKE, Profile.CAR}, Wheels.NO),
        ("barrier=wall", ALL, Wheels.NO),
        ("barrier=entrance", set(), Wheels.YES),
    ],
)
def test_who_passes_a_point(text: str, closed: set[Profile], wheels: Wheels) -> None:
    assert (barred(tags(text)), wheels_at(tags(text))) == (closed, wheels)
