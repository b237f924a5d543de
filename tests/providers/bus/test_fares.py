"""Fares that a reader can check by hand against the price list of the demo city."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import providers
from payments.money import Money
from providers.bus.fares import (
    FareRide,
    FareUnknownError,
    RiderKind,
    choose_products,
    price_product,
    read_fares,
)

FARES = Path(providers.__file__).parents[1] / "mobility" / "cities" / "luebeck" / "fares.toml"
TABLE = read_fares(FARES)
BERLIN = TABLE.zone
HOLIDAYS = frozenset({date(2026, 12, 25), date(2026, 12, 26)})
WEDNESDAY = date(2026, 11, 25)
NOBODY: frozenset[str] = frozenset()


def ride(
    departs: str,
    minutes: int = 20,
    stops: int = 12,
    *,
    on: date = WEDNESDAY,
    agency: str = "stadtverkehr-luebeck",
    zones: tuple[str | None, str | None] = ("HL", "HL"),
) -> FareRide:
    start = datetime.combine(on, datetime.strptime(departs, "%H:%M").time(), BERLIN)  # noqa: DTZ007
    return FareRide(agency, "5", stops, *zones, start, start + timedelta(minutes=minutes))


def ferry(departs: str, on: date = WEDNESDAY) -> FareRide:
    return ride(departs, 4, 1, on=on, agency="priwallfaehre", zones=("PRIWALL", "PRIWALL"))


def choose(
    *rides: FareRide,
    passes: frozenset[str] = NOBODY,
    rider: RiderKind = RiderKind.ADULT,
    passengers: int = 1,
) -> tuple[str, ...]:
    return choose_products(
        TABLE, rides, passes, holidays=HOLIDAYS, rider=rider, passengers=passengers
    )


def total(products: Sequence[str], on: date = WEDNESDAY, passengers: int = 1) -> Money:
    return Money.total(price_product(TABLE, product, on, passengers).price for product in products)


@pytest.mark.parametrize(
    ("what", "product", "adult", "child"),
    [
        ("before 1 April 2026", date(2026, 3, 31), (190, 240, 340, 420), (110, 150, 200, 250)),
        ("from 1 April 2026", date(2026, 4, 1), (200, 250, 360, 440), (120, 160, 210, 260)),
        (
            "after the announced change",
            date(2027, 1, 1),
            (200, 250, 360, 440),
            (120, 160, 210, 260),
        ),
        ("years later", date(2035, 6, 1), (200, 250, 360, 440), (120, 160, 210, 260)),
        ("long ago", date(2020, 6, 1), (190, 240, 340, 420), (110, 150, 200, 250)),
    ],
)
def test_levels_by_date(
    what: str, product: date, adult: tuple[int, ...], child: tuple[int, ...]
) -> None:
    products = ("short", "single:1", "single:2", "single:3")

    def prices(rider: str) -> tuple[int, ...]:
        return tuple(price_product(TABLE, f"{p}:{rider}", product).price.minor for p in products)

    assert (prices("adult"), prices("child")) == (adult, child), what


def test_quote_can_be_redone_by_hand() -> None:
    quote = price_product(TABLE, "single:2:adult", WEDNESDAY, 3)

    assert quote.price == Money(1080)
    assert quote.ceiling is None
    assert quote.tariff_version == "sh-tarif-2026-04-01"
    assert quote.vat_percent == Decimal(7)
    assert quote.lines == (
        "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene: 3 x 3,60 € = 10,80 €",
        "SH-Tarif, Stand 1. April 2026",
    )


@pytest.mark.parametrize(
    ("what", "departs", "stops", "on", "product"),
    [
        ("four stops after nine", "09:00", 4, WEDNESDAY, "short:adult"),
        ("a minute before nine", "08:59", 4, WEDNESDAY, "single:2:adult"),
        ("five stops", "12:00", 5, WEDNESDAY, "single:2:adult"),
        ("Saturday at six", "06:00", 4, date(2026, 11, 28), "short:adult"),
        ("Sunday at six", "06:00", 1, date(2026, 11, 29), "short:adult"),
        ("Christmas Day, a Friday, at six", "06:00", 4, date(2026, 12, 25), "short:adult"),
        ("24 December, a Thursday, at six", "06:00", 4, date(2026, 12, 24), "single:2:adult"),
        ("just after midnight on a Monday", "00:10", 4, date(2026, 11, 23), "single:2:adult"),
    ],
)
def test_short_hop(what: str, departs: str, stops: int, on: date, product: str) -> None:
    assert choose(ride(departs, stops=stops, on=on)) == (product,), what


def test_short_hop_goes_by_local_time_in_summer() -> None:
    """07:30 UTC is 09:30 in Lübeck in July and 08:30 in November."""

    def at(on: date) -> FareRide:
        start = datetime(on.year, on.month, on.day, 7, 30, tzinfo=UTC)
        return FareRide("stadtverkehr-luebeck", "5", 2, "HL", "HL", start, start)

    assert choose(at(date(2026, 7, 1))) == ("short:adult",)
    assert choose(at(WEDNESDAY)) == ("single:2:adult",)


def test_one_ticket_carries_two_hours_of_changes() -> None:
    products = choose(ride("08:00"), ride("08:30"), ride("09:30", 30))

    assert products == (
        "single:2:adult",
        "single:2:adult:covered-1",
        "single:2:adult:covered-1",
    )
    assert total(products) == Money(360)
    assert price_product(TABLE, products[1], WEDNESDAY).lines[0] == (
        "im Fahrschein von Fahrt 1 enthalten: 0,00 €"
    )


def test_a_ride_that_ends_after_two_hours_needs_its_own_ticket() -> None:
    products = choose(ride("08:00"), ride("09:30", 31))

    assert products == ("single:2:adult", "single:2:adult")
    assert total(products) == Money(720)


def test_two_short_hops_cost_more_than_one_single() -> None:
    """2 x 2.00 = 4.00 against 3.60."""
    products = choose(ride("12:00", 5, 3), ride("12:10", 5, 3))

    assert products == ("single:2:adult", "single:2:adult:covered-1")


def test_short_hop_saves_the_ride_that_the_ticket_would_miss() -> None:
    """Three hours: single 3.60 for the first two rides, 2.00 for the last."""
    products = choose(ride("12:00"), ride("13:00"), ride("15:00", 5, 2))

    assert products == ("single:2:adult", "single:2:adult:covered-1", "short:adult")
    assert total(products) == Money(560)


def test_region_ride_lifts_the_whole_ticket() -> None:
    """4.40 for both; apart they would cost 3.60 + 4.40."""
    products = choose(ride("08:00"), ride("08:30", zones=("HL", "5510")))

    assert products == ("single:3:adult", "single:3:adult:covered-1")


def test_unknown_zones() -> None:
    assert choose(ride("08:00", zones=(None, None))) == ("single:2:adult",)
    assert choose(ride("08:00", zones=(None, "9020"))) == ("single:3:adult",)
    with pytest.raises(FareUnknownError, match="no level for a ticket through the zones HL, KIEL"):
        choose(ride("08:00", zones=("HL", "KIEL")))


def test_ferry_is_always_paid_apart_and_does_not_break_the_bus_ticket() -> None:
    products = choose(ride("10:00"), ferry("10:30"), ride("10:40"))

    assert products == ("single:2:adult", "ferry:adult", "single:2:adult:covered-1")
    assert total(products) == Money(360 + 210)


def test_number_of_the_covering_ride_counts_the_whole_journey() -> None:
    assert choose(ferry("10:00"), ride("10:10"), ride("10:40")) == (
        "ferry:adult",
        "single:2:adult",
        "single:2:adult:covered-2",
    )


@pytest.mark.parametrize(
    ("product", "on", "cents", "version"),
    [
        ("ferry:adult", date(2025, 12, 31), 200, "priwallfaehre-2025-01-01"),
        ("ferry:adult", date(2026, 1, 1), 210, "priwallfaehre-2026-01-01"),
        ("ferry:bicycle", WEDNESDAY, 120, "priwallfaehre-2026-01-01"),
        ("ferry:motorcycle", WEDNESDAY, 250, "priwallfaehre-2026-01-01"),
        ("ferry:car", WEDNESDAY, 510, "priwallfaehre-2026-01-01"),
        ("ferry:luggage", WEDNESDAY, 0, "priwallfaehre-2026-01-01"),
    ],
)
def test_ferry_prices(product: str, on: date, cents: int, version: str) -> None:
    quote = price_product(TABLE, product, on)

    assert (quote.price, quote.tariff_version, quote.vat_percent) == (Money(cents), version, 7)


def test_what_is_not_known_is_not_sold() -> None:
    with pytest.raises(FareUnknownError, match="no price for ferry:child"):
        choose(ferry("10:00"), rider=RiderKind.CHILD)
    with pytest.raises(FareUnknownError, match="no prices of priwallfaehre are known for 2024"):
        price_product(TABLE, "ferry:adult", date(2024, 12, 31))
    with pytest.raises(FareUnknownError, match="no tariff is known for rides of agency 'db'"):
        choose(ride("10:00", agency="db"))
    with pytest.raises(FareUnknownError, match="no pass of the kind 'bahncard'"):
        choose(ride("10:00"), passes=frozenset({"bahncard"}))


@pytest.mark.parametrize("held", ["deutschlandticket", "wertmarke", "wertmarke_companion"])
def test_pass_frees_the_bus_and_not_the_ferry(held: str) -> None:
    products = choose(ride("10:00"), ferry("10:30"), ride("14:00", 5, 3), passes=frozenset({held}))

    assert products == ("single:2:adult:pass", "ferry:adult", "short:adult:pass")
    assert total(products) == Money(210)
    assert (
        "gelten hier nach heutigem Stand nicht"
        in price_product(TABLE, products[1], WEDNESDAY).lines[-1]
    )
    assert "Fährtarif" in TABLE.explain_passes({held})[0]


def test_product_does_not_tell_one_pass_from_another() -> None:
    told = {
        choose(ride("10:00"), ferry("10:30"), passes=frozenset({held}))
        for held in ("deutschlandticket", "wertmarke", "wertmarke_companion")
    }

    assert len(told) == 1
    for product in told.pop():
        for line in price_product(TABLE, product, WEDNESDAY).lines[:-1]:
            assert "ticket" not in line.lower()
            assert "wertmarke" not in line.lower()


def test_pass_carries_one_person_and_with_companion_two() -> None:
    one = choose(ride("10:00"), passes=frozenset({"deutschlandticket"}), passengers=3)
    two = choose(ride("10:00"), passes=frozenset({"wertmarke_companion"}), passengers=3)
    both = choose(ride("10:00"), passes=frozenset({"wertmarke_companion"}), passengers=2)

    assert (one, total(one, passengers=3)) == (("single:2:adult:pass",), Money(720))
    assert (two, total(two, passengers=3)) == (("single:2:adult:pass2",), Money(360))
    assert (both, total(both, passengers=2)) == (("single:2:adult:pass2",), Money(0))
    assert price_product(TABLE, one[0], WEDNESDAY, 3).lines[:2] == (
        "1 Person mit hinterlegter Berechtigung: 0,00 €",
        "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene: 2 x 3,60 € = 7,20 €",
    )


def test_changes_stay_covered_for_those_without_a_pass() -> None:
    products = choose(
        ride("10:00"), ride("10:30"), passes=frozenset({"deutschlandticket"}), passengers=2
    )

    assert products == ("single:2:adult:pass", "single:2:adult:covered-1")
    assert total(products, passengers=2) == Money(360)


def test_child() -> None:
    products = choose(ride("10:00"), ride("10:30"), rider=RiderKind.CHILD)

    assert products == ("single:2:child", "single:2:child:covered-1")
    assert total(products) == Money(210)


def test_no_rides_no_products() -> None:
    assert choose() == ()


@pytest.mark.parametrize(
    "product",
    ["", "single", "single:2", "single:2:adult:pass0", "single:2:adult:pass:x", "gold:9:adult",
     "single:2:adult:covered-00",
     "single:2:adult:covered-1:of-2026-02-30", "single:2:adult:of-2026-12-31",
     "single:2:adult\n", "SINGLE:2:ADULT", "ferry:dog", "x" * 10_000],
)  # fmt: skip
def test_product_from_nowhere(product: str) -> None:
    with pytest.raises(FareUnknownError):
        price_product(TABLE, product, WEDNESDAY)


def test_times_without_a_zone_and_empty_tickets_are_refused() -> None:
    naive = datetime(2026, 11, 25, 8, 0)  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        FareRide("a", "5", 1, None, None, naive, naive)
    with pytest.raises(ValueError, match="one person at least"):
        price_product(TABLE, "single:2:adult", WEDNESDAY, 0)


rides = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 60), st.integers(1, 8), st.booleans()), max_size=6
)


@given(rides, st.integers(0, 10))
def test_never_dearer_than_a_ticket_for_every_ride(
    spans: list[tuple[int, int, int, bool]], hour: int
) -> None:
    clock = datetime.combine(WEDNESDAY, datetime.min.time(), BERLIN) + timedelta(hours=6 + hour)
    journey = []
    for wait, minutes, stops, region in spans:
        start = clock + timedelta(minutes=wait)
        clock = start + timedelta(minutes=minutes)
        to_zone = "5510" if region else "HL"
        journey.append(FareRide("stadtverkehr-luebeck", "5", stops, "HL", to_zone, start, clock))
    whole = choose(*journey)
    apart = [product for part in journey for product in choose(part)]

    assert len(whole) == len(journey)
    assert total(whole) <= total(apart)
    for index, product in enumerate(whole):
        if ":covered-" in product:
            first = int(product.rpartition("-")[2]) - 1
            assert ":covered-" not in whole[first]
            assert whole[first] == product.rpartition(":")[0]
            assert journey[index].arrives_at <= journey[first].departs_at + timedelta(hours=2)


def test_rides_in_one_vehicle_are_one_ride_for_the_fare():
    first, then = ride("10:00", 5, 2), replace(ride("10:06", 5, 1), stays=True)
    assert choose(first, then) == ("short:adult", "short:adult:covered-1")
    assert total(choose(first, then)) == total(choose(first))
    farther = replace(ride("10:06", 20, 9), stays=True)
    assert choose(first, farther) == ("single:2:adult", "single:2:adult:covered-1")
    one_of_two = choose(first, farther, passes=frozenset({"deutschlandticket"}), passengers=2)
    assert total(one_of_two, passengers=2) == total(choose(first, farther))
