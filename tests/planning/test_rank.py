"""Which ways are shown: each line of a test's world is a way with its times, price and CO2."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtfs.geo import LatLon
from mobility.planning.itinerary import Itinerary, Leg, Place, Reason, Rental
from mobility.planning.rank import AT_MOST, dominates, rank
from payments.money import Money
from providers.values import (
    Mode,
    ProviderId,
    Quote,
    ReturnRule,
    Vehicle,
    VehicleId,
    VehicleRef,
    VehicleType,
)

HERE = Place("Hier", LatLon(53.86, 10.68))
THERE = Place("Dort", LatLon(53.84, 10.70))
BIKE = Rental(
    Vehicle(
        ProviderId("rad"), VehicleRef("r"), VehicleId("v"), "rad", HERE.position, None,
        reserved=False, disabled=False, range_m=None, as_of=datetime(2026, 11, 25, tzinfo=UTC),
    ),
    VehicleType("rad", Mode.BIKE, "Rad", electric=False, return_rule=ReturnRule.FREE_FLOATING,
                pricing_plan_id="rad"),
    None,
    None,
)  # fmt: skip


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-25T{clock}").replace(tzinfo=UTC)


def way(text: str) -> Itinerary:
    """``bus 08:00 08:20 3.60 400``; modes joined by ``+`` share the time, the first pays."""
    modes, departs, arrives, price, co2 = text.split()
    names = modes.split("+")
    start, end = at(departs), at(arrives)
    marks = [start + (end - start) * i / len(names) for i in range(len(names) + 1)]
    return Itinerary(
        tuple(
            Leg(
                mode=Mode(name),
                origin=HERE,
                destination=THERE,
                departs_at=marks[i],
                arrives_at=marks[i + 1],
                metres=1000,
                estimated=name != "bus",
                rental=BIKE if name == "bike" else None,
                quote=Quote(Money.of_major(price), None, "t", (), Decimal(7)) if i == 0 else None,
                co2_grams=int(co2) if i == 0 else 0,
            )
            for i, name in enumerate(names)
        )
    )


def texts(ranked: tuple[Itinerary, ...]) -> list[str]:
    return [
        f"{'+'.join(leg.mode for leg in i.legs)} {i.departs_at:%H:%M} {i.arrives_at:%H:%M}"
        for i in ranked
    ]


def test_what_is_worse_in_everything_goes() -> None:
    ranked = rank([way("bus 08:00 08:20 3.60 400"), way("bus 07:55 08:25 3.60 420")])
    assert texts(ranked) == ["bus 08:00 08:20"]


def test_a_rented_bike_never_drives_out_the_bus() -> None:
    ranked = rank([way("bus 08:00 09:00 3.60 400"), way("bike 08:00 08:10 1.00 0")])
    assert texts(ranked) == ["bike 08:00 08:10", "bus 08:00 09:00"]


def test_an_absurd_rental_goes() -> None:
    ranked = rank([way("bus 08:00 08:20 3.60 0"), way("car 08:00 08:50 20.00 1000")])
    assert texts(ranked) == ["bus 08:00 08:20"]
    ranked = rank([way("bus 08:00 08:20 3.60 0"), way("car 08:00 08:30 20.00 1000")])
    assert texts(ranked) == ["bus 08:00 08:20", "car 08:00 08:30"]


def test_a_combination_in_vain_goes() -> None:
    both = [way("bike 08:00 08:20 1.00 0"), way("bike+bus 08:00 08:40 4.60 300")]
    assert texts(rank(both)) == ["bike 08:00 08:20"]


def test_a_combination_that_saves_time_stays() -> None:
    found = [way("bus 08:10 08:40 3.60 400"), way("bike+bus 08:00 08:25 4.60 300")]
    assert texts(rank(found)) == ["bike+bus 08:00 08:25", "bus 08:10 08:40"]


def test_a_combination_on_another_page_is_held_against_the_plain_ride() -> None:
    found = [way("bike+bus 08:35 09:05 4.60 30")]
    assert rank(found, rivals=[way("bike 08:00 08:24 1.00 0")]) == ()


def test_nobody_waits_an_hour_to_save_a_change() -> None:
    found = [way("bus+bus 08:00 08:30 3.60 400"), way("bus 08:00 09:30 3.60 400")]
    assert texts(rank(found)) == ["bus+bus 08:00 08:30"]


def test_near_identical_ways_are_shown_once() -> None:
    found = [way(f"bus 08:0{m} 08:2{m} 3.60 {400 - m}") for m in range(3)]
    assert len(rank(found)) == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_two_seconds_are_not_worth_money_or_co2(swapped: bool) -> None:
    found = [way("car 08:00 08:15:58 6.20 1190"), way("car 08:00 08:16:00 5.47 507")]
    (left,) = rank(reversed(found) if swapped else found)
    assert (left.price, left.co2_grams) == (Money(547), 507)
    alike = [way("car 08:00 08:15:58 5.47 1190"), way("car 08:00 08:16:00 5.47 507")]
    (left,) = rank(reversed(alike) if swapped else alike)
    assert left.co2_grams == 507


def test_a_minute_may_be_worth_money() -> None:
    found = [way("car 08:00 08:15 6.20 1190"), way("car 08:01 08:18 5.47 507")]
    assert len(rank(found)) == 2


def test_each_reason_is_given_once_and_a_long_walk_gets_none() -> None:
    ranked = rank(
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
    ranked = rank(found, latest_first=True)
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


@given(st.lists(ways, max_size=25))
def test_always_at_most_eight_none_of_them_dominated_by_its_own_kind(
    found: list[Itinerary],
) -> None:
    ranked = rank(found)
    assert len(ranked) <= AT_MOST
    assert bool(ranked) == bool(found)
    for one in ranked:
        assert not any(dominates(other, one) for other in ranked if other.kind == one.kind)
    if any(i.kind == (Mode.BUS,) for i in found):
        assert any(i.kind == (Mode.BUS,) for i in ranked)
