"""Ways through a town of a few streets: each rule shows in the way that is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobility.planning.ways.reach import Places
from mobility.planning.ways.water import degrees_of
from mobility.streets.leg import Passable, StreetLeg
from mobility.streets.way_tags import FERRY_KMH, WALK_KMH
from providers.values import Mode
from tests.streets.town import DAY, at, town

WALK, BIKE, CAR = Mode.WALK, Mode.BIKE, Mode.CAR

# The short way from a to d is straight on over b and c; the long one goes round by x and y.
ROUND = """
a 0,0
b 100,0 {b}
c 200,0
d 300,0
x 0,-200
y 300,-200
a-b residential
b-c {bc}
c-d residential
a-x-y-d residential
"""
SHORT, LONG = "a b c d", "a x y d"


def ways(tmp_path: Path, bc: str = "residential", b: str = "") -> dict[str, str | None]:
    there = town(ROUND.format(bc=bc, b=b), tmp_path)
    return {
        "walk": there.way(WALK, "a", "d"),
        "wheels": there.way(WALK, "a", "d", wheelchair=True),
        "bike": there.way(BIKE, "a", "d"),
        "car": there.way(CAR, "a", "d"),
    }


def expected(short: str) -> dict[str, str | None]:
    return {
        who: SHORT if who in short.split() else LONG for who in ("walk", "wheels", "bike", "car")
    }


@pytest.mark.parametrize(
    ("bc", "short"),
    [
        ("residential", "walk wheels bike car"),
        ("residential access=private", ""),
        ("residential motor_vehicle=no", "walk wheels bike"),
        ("residential bicycle=no", "walk wheels car"),
        ("residential oneway=-1", "walk wheels"),
        ("residential oneway=-1 oneway:bicycle=no", "walk wheels bike"),
        ("footway bicycle=designated", "walk wheels bike"),
        ("footway wheelchair=no", "walk bike"),
        ("cycleway", "bike"),
        ("steps", "walk"),
        ("construction", ""),
    ],
)
def test_who_takes_the_short_way(tmp_path: Path, bc: str, short: str) -> None:
    assert ways(tmp_path, bc) == expected(short)


@pytest.mark.parametrize(
    ("b", "short"),
    [
        ("barrier=bollard", "walk wheels bike"),
        ("barrier=gate access=no", ""),
        ("barrier=stile", "walk"),
        ("kerb=raised", "walk bike car"),
        ("kerb=lowered", "walk wheels bike car"),
    ],
)
def test_who_passes_what_stands_on_the_short_way(tmp_path: Path, b: str, short: str) -> None:
    assert ways(tmp_path, b=b) == expected(short)


def test_a_wheelchair_is_not_sent_down_stairs_otp_7502(tmp_path: Path) -> None:
    only_stairs = town(
        """
        a 0,0
        b 300,0
        c 320,0
        d 600,0
        a-b footway wheelchair=yes
        b-c steps
        c-d footway wheelchair=yes
        """,
        tmp_path,
    )
    assert only_stairs.way(WALK, "a", "d") == "a b c d"
    on_foot = only_stairs.leg(WALK, "a", "d")
    assert on_foot is not None
    assert on_foot.accessible is Passable.NO
    assert only_stairs.leg(WALK, "a", "d", wheelchair=True) is None


@pytest.mark.parametrize(
    ("bc", "accessible"),
    [
        ("footway wheelchair=yes", Passable.YES),
        ("footway", Passable.UNKNOWN),
        ("footway wheelchair=limited", Passable.UNKNOWN),
        ("steps", Passable.NO),
    ],
)
def test_a_way_is_as_accessible_as_its_worst_piece(
    tmp_path: Path, bc: str, accessible: Passable
) -> None:
    leg = town(f"a 0,0\nb 50,0\nc 99,0\na-b footway wheelchair=yes\nb-c {bc}", tmp_path).leg(
        WALK, "a", "c"
    )
    assert leg is not None
    assert (leg.accessible, leg.accessible_source) == (accessible, "OpenStreetMap")


def test_a_roundabout_is_gone_round_in_its_direction(tmp_path: Path) -> None:
    there = town(
        """
        w -50,0
        e 50,0
        n 0,50
        s 0,-50
        west -150,0
        south 0,-150
        e-n-w-s-e tertiary junction=roundabout
        west-w tertiary
        south-s tertiary
        """,
        tmp_path,
    )
    assert there.way(CAR, "west", "south") == "west w s south"
    assert there.way(CAR, "south", "west") == "south s e n w west"


CROSSING = """
a 0,0
m 100,0
b 200,0
n 100,100
s 100,-200
z 300,-200
a-m primary
m-b primary
m-n primary
m-s primary
s-z-b primary
n-b residential
"""


def test_a_forbidden_turn_is_not_taken_by_car_alone(tmp_path: Path) -> None:
    free = town(CROSSING, tmp_path)
    assert free.way(CAR, "a", "b") == "a m b"
    ruled = town(CROSSING + "no_straight_on a-m m m-b", tmp_path)
    assert ruled.way(CAR, "a", "b") == "a m n b"
    assert (ruled.way(BIKE, "a", "b"), ruled.way(CAR, "b", "a")) == ("a m b", "b m a")


def test_where_only_one_turn_is_allowed_it_is_taken(tmp_path: Path) -> None:
    ruled = town(CROSSING + "only_right_turn a-m m m-s", tmp_path)
    assert ruled.way(CAR, "a", "b") == "a m s z b"
    assert ruled.way(CAR, "a", "n") == "a m s z b m n"


def test_a_ferry_takes_its_time_and_the_wait_for_it(tmp_path: Path) -> None:
    there = town(
        """
        a 0,0
        p 100,0
        q 500,0
        b 600,0
        a-p footway
        p-q route=ferry duration=00:05 name=Fähre
        q-b footway
        """,
        tmp_path,
    )
    leg = there.leg(WALK, "a", "b")
    assert leg is not None
    assert leg.crossings == ("Fähre",)
    assert leg.seconds == pytest.approx(2 * 100 * 3.6 / WALK_KMH + 300 + 240, abs=1)
    assert there.way(CAR, "a", "b") is None


def test_a_ferry_without_a_duration_goes_at_the_usual_speed(tmp_path: Path) -> None:
    there = town(
        "a 0,0\np 100,0\nq 500,0\nb 600,0\na-p footway\np-q route=ferry\nq-b footway", tmp_path
    )
    leg = there.leg(WALK, "p", "q")
    assert leg is not None
    assert leg.seconds == pytest.approx(400 * 3.6 / FERRY_KMH + 240, abs=1)


def test_stairs_are_slow(tmp_path: Path) -> None:
    there = town("a 0,0\nb 100,0\nc 200,0\na-b footway\nb-c steps", tmp_path)
    flat, stairs = there.leg(WALK, "a", "b"), there.leg(WALK, "b", "c")
    assert flat is not None
    assert stairs is not None
    assert stairs.seconds == pytest.approx(2 * flat.seconds, abs=1)


def test_a_square_is_walked_along_its_edge(tmp_path: Path) -> None:
    there = town(
        """
        a 0,0
        b 100,0
        c 100,100
        d 0,100
        e -100,0
        a-b-c-d-a pedestrian area=yes
        a-e footway
        """,
        tmp_path,
    )
    assert there.way(WALK, "e", "c") in {"e a b c", "e a d c"}
    assert there.extract.ignored["inside of a square (its edge is walkable)"] == 1


MAINLAND = "\n".join(f"m{i} {100 * i},0" for i in range(40)) + "\n" + "\n".join(
    f"m{i}-m{i + 1} residential" for i in range(39)
)  # fmt: skip


def test_nobody_is_snapped_to_an_island(tmp_path: Path) -> None:
    there = town(MAINLAND + "\ni 0,80\nj 100,80\ni-j residential", tmp_path)
    assert there.way(WALK, "i", "m3") == "m0 m1 m2 m3"
    far = town(MAINLAND + "\ni 0,800\nj 100,800\ni-j residential", tmp_path)
    assert far.leg(WALK, "i", "m3") is None


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("motorway oneway=no", CAR), ("trunk motorroad=yes", CAR), ("route=ferry", WALK)],
)
def test_no_trip_starts_on_a_motorway_or_on_board(tmp_path: Path, kind: str, mode: Mode) -> None:
    there = town(
        f"""
        a 0,0
        b 100,0
        c 900,0
        d 990,0
        x 450,90
        a-b residential
        b-c {kind}
        c-d residential
        """,
        tmp_path,
    )
    leg = there.leg(mode, "x", "d")
    assert leg is not None
    assert leg.metres == pytest.approx(((450 - 100) ** 2 + 90**2) ** 0.5 + 890, abs=1)
    assert there.way(mode, "a", "d") == "a b c d"


def test_a_door_beside_the_street_walks_straight_to_it(tmp_path: Path) -> None:
    there = town("a 0,0\nb 200,0\na-b residential name=Lange_Straße", tmp_path)
    door, stop = at(50, 30), at(150, -10)
    leg = there.streets.leg(CAR, door, stop, DAY)
    assert leg is not None
    assert (leg.metres, leg.estimated, leg.crossings) == (30 + 100 + 10, False, ())
    assert [(round(p.lat, 5), round(p.lon, 5)) for p in leg.geometry] == [
        (round(p.lat, 5), round(p.lon, 5)) for p in (door, at(50, 0), at(150, 0), stop)
    ]
    walked, driven = 40 * 3.6 / WALK_KMH, 100 * 3.6 / (0.65 * 30)
    assert leg.seconds == pytest.approx(walked + driven, abs=1)


def test_from_here_to_here_takes_no_time(tmp_path: Path) -> None:
    there = town("a 0,0\nb 200,0\na-b residential", tmp_path)
    door = at(50, 30)
    assert there.streets.leg(WALK, door, door, DAY) == StreetLeg(
        WALK, 0, 0, (door, door), estimated=False
    )
    assert there.streets.reach(
        door, WALK, Places(degrees_of([door])), DAY, max_seconds=60
    ).tolist() == [0]


def test_a_bridge_is_named(tmp_path: Path) -> None:
    there = town(
        "a 0,0\nb 50,0\nc 99,0\na-b footway name=Weg\nb-c footway bridge=yes name=Puppenbrücke",
        tmp_path,
    )
    leg = there.leg(WALK, "a", "c")
    assert leg is not None
    assert leg.crossings == ("Puppenbrücke",)


def test_a_one_way_street_is_short_one_way_and_long_the_other(tmp_path: Path) -> None:
    there = town(ROUND.format(b="", bc="residential oneway=yes"), tmp_path)
    places = Places(degrees_of([there.points["c"]]))
    b = there.points["b"]
    out, back = (
        int(there.streets.reach(b, CAR, places, DAY, max_seconds=900, outward=way)[0])
        for way in (True, False)
    )
    assert 0 < out < back / 5
    assert there.way(CAR, "c", "b") == "c d y x a b"


def test_a_ban_on_turning_round_does_not_close_the_way_ahead(tmp_path: Path) -> None:
    there = town(
        """
        a 0,0
        b 100,0
        c 200,0
        x 100,-99
        a-b-c residential
        b-x residential
        no_u_turn a-b-c b a-b-c
        """,
        tmp_path,
    )
    assert there.way(CAR, "a", "c") == "a b c"
