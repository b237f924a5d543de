"""Wheelchairs: yes, no or unknown for each part of a leg; unknown never counts as yes."""

from __future__ import annotations

import pytest

from mobility.planning.accessibility import (
    UNKNOWN,
    Accessibility,
    Accessible,
    joined,
    of_path,
    of_rental,
    of_ride,
)

YES, NO, DARK = Accessible.YES, Accessible.NO, Accessible.UNKNOWN


@pytest.mark.parametrize(
    ("flags", "parts", "whole"),
    [
        ((1, 1, 1), Accessibility(YES, YES, YES, source="GTFS"), YES),
        ((1, 1, 0), Accessibility(YES, YES, DARK, source="GTFS"), DARK),
        ((1, 2, 1), Accessibility(YES, NO, YES, source="GTFS"), NO),
        ((2, 0, 0), Accessibility(NO, DARK, DARK, source="GTFS"), NO),
        ((0, 0, 0), Accessibility(DARK, DARK, DARK), DARK),
        ((7, 1, 1), Accessibility(DARK, YES, YES, source="GTFS"), DARK),
    ],
)
def test_a_ride_is_as_accessible_as_its_vehicle_and_both_stops(
    flags: tuple[int, int, int], parts: Accessibility, whole: Accessible
) -> None:
    ride = of_ride(*flags)
    assert (ride, ride.whole) == (parts, whole)


def test_a_walk_is_what_its_map_says_and_an_estimate_knows_nothing() -> None:
    assert of_path(NO, "OpenStreetMap").whole is NO
    assert of_path(DARK, "").whole is DARK


def test_a_bike_carries_no_wheelchair_and_of_a_car_nobody_says() -> None:
    assert of_rental(carries=False) == Accessibility(vehicle=NO, source="vehicle type")
    assert of_rental(carries=True).whole is DARK


def test_who_stays_in_the_vehicle_boards_at_the_first_stop_and_leaves_at_the_last() -> None:
    both = joined(of_ride(1, 1, 2), of_ride(1, 2, 0))
    assert both == Accessibility(YES, YES, DARK, source="GTFS")


def test_of_what_has_no_known_part_nothing_is_known() -> None:
    assert UNKNOWN.whole is DARK
