"""Which ways are shown: each line of a test's world is a way with its times, price and CO2."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobility.planning.candidate import Candidate, candidate
from mobility.planning.itinerary import Reason
from mobility.planning.rank import AT_MOST, dominates, rank, replaces
from mobility.planning.scheduled import AT_MOST as AT_MOST_PLAIN
from mobility.planning.transit import ALL, is_beaten, list_arriving
from providers.values import Mode


def way(text: str) -> Candidate:
    """``bike+bus 08:00 08:20 3.60 400``: modes, times, price and grams; walks last two minutes."""
    modes, departs, arrives, price, co2 = text.split()
    names = [Mode(name) for name in modes.split("+")]
    kind = tuple(dict.fromkeys(mode for mode in names if mode is not Mode.WALK)) or (Mode.WALK,)
    rides = [mode for mode in names if mode is not Mode.WALK]
    return candidate(
        departs=seconds(departs),
        arrives=seconds(arrives),
        transfers=max(0, len(rides) - 1),
        cents=round(float(price) * 100),
        co2_grams=int(co2),
        kind=kind,
        walk_seconds=seconds(arrives) - seconds(departs) if kind == (Mode.WALK,) else 0,
        found=modes,
    )


def shown(found: Iterable[Candidate], **more: object) -> tuple[Candidate, ...]:
    """As a search shows them: plain buses chosen for themselves, then everything together."""
    ways = list(found)
    plain = [one for one in ways if one.kind == (Mode.BUS,)]
    sign = -1 if more.get("latest_first") else 1
    kept = [one for one in plain if not is_beaten(one, plain, sign)]
    others = [one for one in ways if one.kind != (Mode.BUS,)]
    return rank(kept[:AT_MOST_PLAIN], others, **more)


def seconds(clock: str) -> int:
    hours, minutes, *rest = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes + sum(rest)


def texts(ranked: Iterable[Candidate]) -> list[str]:
    return [f"{i.found} {clock(i.departs)} {clock(i.arrives)}" for i in ranked]


def clock(at: int) -> str:
    return f"{at // 3600:02}:{at // 60 % 60:02}"


def test_what_is_worse_in_everything_goes() -> None:
    ranked = shown([way("bus 08:00 08:20 3.60 400"), way("bus 07:55 08:25 3.60 420")])
    assert texts(ranked) == ["bus 08:00 08:20"]


def test_a_rented_bike_never_drives_out_the_bus() -> None:
    ranked = shown([way("bus 08:00 09:00 3.60 400"), way("bike 08:00 08:10 1.00 0")])
    assert texts(ranked) == ["bike 08:00 08:10", "bus 08:00 09:00"]


def test_an_absurd_rental_goes() -> None:
    ranked = shown([way("bus 08:00 08:20 3.60 0"), way("car 08:00 08:50 20.00 1000")])
    assert texts(ranked) == ["bus 08:00 08:20"]
    ranked = shown([way("bus 08:00 08:20 3.60 0"), way("car 08:00 08:30 20.00 1000")])
    assert texts(ranked) == ["bus 08:00 08:20", "car 08:00 08:30"]


def test_a_combination_in_vain_goes() -> None:
    both = [way("bike 08:00 08:20 1.00 0"), way("bike+bus 08:00 08:40 4.60 300")]
    assert texts(shown(both)) == ["bike 08:00 08:20"]


def test_a_combination_that_saves_time_stays() -> None:
    found = [way("bus 08:10 08:40 3.60 400"), way("bike+bus 08:00 08:25 4.60 300")]
    assert texts(shown(found)) == ["bike+bus 08:00 08:25", "bus 08:10 08:40"]


def test_a_combination_on_another_page_is_held_against_the_plain_ride() -> None:
    found = [way("bike+bus 08:35 09:05 4.60 30")]
    assert shown(found, rivals=[way("bike 08:00 08:24 1.00 0")]) == ()


def test_nobody_waits_an_hour_to_save_a_change() -> None:
    found = [way("bus+bus 08:00 08:30 3.60 400"), way("bus 08:00 09:30 3.60 400")]
    assert texts(shown(found)) == ["bus+bus 08:00 08:30"]


def test_near_identical_ways_are_shown_once() -> None:
    found = [way(f"bus 08:00:1{s} 08:20:1{s} 3.60 {400 - s}") for s in range(3)]
    assert len(shown(found)) == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_two_seconds_are_not_worth_money_or_co2(swapped: bool) -> None:
    found = [way("car 08:00 08:15:58 6.20 1190"), way("car 08:00 08:16:00 5.47 507")]
    (left,) = shown(reversed(found) if swapped else found)
    assert (left.cents, left.co2_grams) == (547, 507)
    alike = [way("car 08:00 08:15:58 5.47 1190"), way("car 08:00 08:16:00 5.47 507")]
    (left,) = shown(reversed(alike) if swapped else alike)
    assert left.co2_grams == 507


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_that_hardly_differ_one_stays(swapped: bool) -> None:
    """The first is greener, the second quicker: each would do without the other."""
    found = [way("car 08:00 08:15:50 3.33 540"), way("car 08:00 08:15:20 3.33 560")]
    (left,) = shown(reversed(found) if swapped else found)
    assert left.co2_grams == 540


def test_of_three_that_drive_each_other_out_in_a_ring_one_stays() -> None:
    found = [
        way("car 08:00 08:15:00 3.33 560"),
        way("car 08:00 08:15:50 3.33 540"),
        way("car 08:00 08:16:40 3.33 520"),
    ]
    assert all(any(replaces(one, other) for one in found) for other in found)
    assert len(shown(found)) == 1


def test_nobody_changes_to_be_there_in_the_same_minute() -> None:
    found = [way("bus 08:00:43 08:20:14 3.60 84"), way("bus+bus 08:00:43 08:20:12 3.60 91")]
    assert texts(shown(found)) == ["bus 08:00 08:20"]


def test_nor_to_be_there_some_seconds_before_the_time_asked_for() -> None:
    found = [way("bus 08:00:43 08:20:14 3.60 84"), way("bus+bus 08:00:43 08:20:12 3.60 91")]
    assert texts(shown(found, latest_first=True)) == ["bus 08:00 08:20"]
    early = [way("bus 08:36 09:07:52 3.60 1500"), way("bus 08:12 09:07:39 3.60 1700")]
    assert texts(shown(early, latest_first=True)) == ["bus 08:36 09:07"]


def test_no_page_depends_on_where_in_a_minute_it_begins() -> None:
    direct, changed = way("bus 08:00 08:20:14 3.60 84"), way("bus+bus 08:00 08:20:12 3.60 91")

    def ask(moment: int) -> list[Candidate]:
        return [one for one in (direct, changed) if one.arrives <= moment]

    begins, between, ends = seconds("08:00"), seconds("08:20:13"), seconds("08:21")
    assert list_arriving(ask, begins, ends, ALL).ways == (direct,)
    assert list_arriving(ask, between, ends, ALL).ways == (direct,)
    assert list_arriving(ask, begins, between, ALL).ways == ()
    assert list_arriving(ask, begins, between, ALL, latest=between).ways == (changed,)


def test_a_minute_earlier_is_one() -> None:
    found = [way("bus 08:36 09:08:01 3.60 1500"), way("bus 08:12 09:07:39 3.60 1700")]
    assert len(shown(found, latest_first=True)) == 2


def test_a_change_may_spare_a_walk() -> None:
    found = [
        way("bus 08:00:43 08:20:14 3.60 84")._replace(walk_seconds=600),
        way("bus+bus 08:00:43 08:20:12 3.60 91")._replace(walk_seconds=300),
    ]
    assert len(shown(found)) == 2


def test_a_minute_may_be_worth_money() -> None:
    found = [way("car 08:00 08:15 6.20 1190"), way("car 08:01 08:18 5.47 507")]
    assert len(shown(found)) == 2


OTHERS = ["bike 08:00 08:50 1.00 0", "bus 08:05 08:50 3.60 900"]
"""What is cheaper and greener than any car."""


@pytest.mark.parametrize(
    ("later", "walk_s", "stays"),
    [
        ("car 08:00 08:34 5.85 553", 0, False),  # 14 minutes for 0.65
        ("car 08:00 08:26 5.85 553", 0, True),  # 6 minutes
        ("car 08:00 08:26 5.85 553", 180, False),  # 3 of them on foot
        ("car 08:00 08:34 5.85 400", 0, True),  # with much less CO2
        ("car 08:00 08:34 5.10 553", 0, True),
    ],
)
def test_nobody_parks_early_and_walks_for_some_cents(
    later: str, walk_s: int, *, stays: bool
) -> None:
    found = [
        way("car 08:00 08:20 6.50 630"),
        way(later)._replace(walk_seconds=walk_s),
        *map(way, OTHERS),
    ]
    assert len([one for one in shown(found) if one.kind == (Mode.CAR,)]) == 1 + stays


def test_the_cheapest_and_the_greenest_of_a_list_stay_whatever_time_they_take() -> None:
    found = [
        way("car 08:00 08:20 6.50 630"),
        way("car 08:00 08:30 6.40 625"),
        way("car 08:00 08:40 6.30 620"),
    ]
    ranked = shown(found)
    assert {text: i.reasons for text, i in zip(texts(ranked), ranked, strict=True)} == {
        "car 08:00 08:20": (Reason.FASTEST,),
        "car 08:00 08:40": (Reason.CHEAPEST, Reason.GREENEST),
    }


def test_each_reason_is_given_once_and_a_long_walk_gets_none() -> None:
    ranked = shown(
        [
            way("walk 08:00 09:00 0.00 0"),
            way("bike 08:00 08:24 1.00 0"),
            way("car 08:00 08:15 5.47 1190"),
            way("bus 08:09 08:25 3.60 414"),
            way("bus+bus 08:05 08:22 3.60 414"),
        ]
    )
    assert {text: i.reasons for text, i in zip(texts(ranked), ranked, strict=True)} == {
        "car 08:00 08:15": (Reason.FASTEST,),
        "bus+bus 08:05 08:22": (),
        "bike 08:00 08:24": (Reason.CHEAPEST, Reason.GREENEST),
        "bus 08:09 08:25": (Reason.FEWEST_CHANGES,),
        "walk 08:00 09:00": (),
    }


def test_arrive_by_shows_the_latest_departure_first() -> None:
    found = [way("bus 08:00 08:20 3.60 400"), way("bus 08:30 08:50 3.60 400")]
    ranked = shown(found, latest_first=True)
    assert texts(ranked) == ["bus 08:30 08:50", "bus 08:00 08:20"]
    assert ranked[0].reasons == (Reason.FASTEST,)


minutes = st.integers(0, 59)
ways = st.builds(
    lambda modes, start, length, price, co2: way(
        f"{modes} 08:{start:02} {9 + (start + length) // 60:02}:{(start + length) % 60:02} "
        f"{price}.00 {co2}"
    ),
    st.sampled_from(["bus", "bike", "walk", "bus+bus", "bike+bus", "car"]),
    minutes,
    minutes,
    st.integers(0, 9),
    st.integers(0, 9),
)


seconds_later = st.integers(0, 150)
near_ways = st.builds(
    lambda modes, co2, at: way(f"{modes} 08:00 08:15 3.60 {co2}")._replace(
        departs=28_800 + at[0], arrives=29_700 + at[1], key=(modes, co2, at)
    ),
    st.sampled_from(["bus", "bus+bus", "car", "bike"]),
    st.integers(300, 500),
    st.tuples(seconds_later, seconds_later),
)


def test_of_two_that_are_equal_to_the_minute_but_for_a_second_one_stays() -> None:
    greener = way("bus 08:00:01 08:15:01 3.60 300")
    earlier = way("bus 08:00 08:15 3.60 301")
    assert shown([greener, earlier]) == shown([greener])


@given(st.lists(near_ways, max_size=12))
def test_what_is_left_out_is_left_out_for_something_that_is_there(found: list[Candidate]) -> None:
    assert {one.kind for one in shown(found)} == {one.kind for one in found}


cars = st.builds(
    lambda length, walk, price, co2: way(
        f"car 08:00 {8 + length // 60:02}:{length % 60:02} {price / 10} {co2}"
    )._replace(walk_seconds=60 * min(walk, length)),
    st.integers(10, 119),
    st.integers(0, 30),
    st.integers(30, 60),
    st.integers(300, 900),
)


@given(st.lists(st.one_of(cars, ways), max_size=25), st.booleans())
def test_no_list_is_worse_at_anything_for_what_is_not_worth_its_time(
    found: list[Candidate], latest_first: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mobility.planning.rank._saves_too_little", lambda *_: False)
        everything = shown(found, latest_first=latest_first)
    worth = shown(found, latest_first=latest_first)
    both = zip(least(worth, latest_first), least(everything, latest_first), strict=True)
    assert all(ours <= theirs for ours, theirs in both)
    assert {one.kind for one in worth} >= {one.kind for one in everything}
    assert {one.key for one in worth} >= {one.key for one in everything if not one.has_rental}


def least(ways: Iterable[Candidate], latest_first: bool) -> tuple[int, ...]:
    found = [
        (-one.departs if latest_first else one.arrives, one.cents, one.co2_grams) for one in ways
    ]
    return tuple(map(min, zip(*found, strict=True)))


@given(st.lists(ways, max_size=25))
def test_always_at_most_eight_none_of_them_dominated_by_its_own_kind(
    found: list[Candidate],
) -> None:
    ranked = shown(found)
    assert len(ranked) <= AT_MOST
    assert bool(ranked) == bool(found)
    for one in ranked:
        assert not any(dominates(other, one) for other in ranked if other.kind == one.kind)
    if any(i.kind == (Mode.BUS,) for i in found):
        assert any(i.kind == (Mode.BUS,) for i in ranked)
