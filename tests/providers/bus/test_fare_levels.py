"""Which single ticket is sold, and that it costs what the four-criteria search says."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np
import pytest

from gtfs.front import Levels
from providers.bus.fare_rules import LevelFares, rules_of
from providers.bus.fare_table import FarePrice, FareTable, ShortHop, ZoneLevel
from providers.bus.fares import (
    FareRide,
    FareUnknownError,
    choose_products,
    price_product,
    read_fares,
)
from tests.gtfs.front_oracle import Paid, price
from tests.providers.bus.test_fares import BERLIN, FARES, NOBODY, TABLE, WEDNESDAY, ride

HOLIDAYS: frozenset[date] = frozenset()
STOPS = (None, "A", "B", "C", "D")
"""Zones of stops; D is in no area."""


@pytest.mark.parametrize("region", ["3.00", "3.60", "4.40"])
def test_of_the_tickets_that_hold_the_cheapest_is_sold(tmp_path: Path, region: str) -> None:
    text = FARES.read_text(encoding="utf-8")
    old = '{ product = "single:3", rider = "adult", amount = "4.40" }'
    assert text.count(old) == 1
    (tmp_path / "fares.toml").write_text(text.replace(old, old.replace("4.40", region)), "utf-8")
    table = read_fares(tmp_path / "fares.toml")
    city, out = ride("08:00"), ride("08:30", zones=("HL", "5510"))

    def chosen(*rides: FareRide) -> tuple[str, ...]:
        return choose_products(table, rides, NOBODY, holidays=NOBODY)

    assert chosen(city) == ("single:3:adult" if region == "3.00" else "single:2:adult",)
    assert chosen(city, out) == ("single:3:adult", "single:3:adult:covered-1")


def test_rides_that_no_one_ticket_holds_are_paid_apart(tmp_path: Path) -> None:
    text = FARES.read_text(encoding="utf-8").replace('zones = ["HL", "5510", ', 'zones = ["5510", ')
    (tmp_path / "fares.toml").write_text(text, encoding="utf-8")
    rides = [ride("08:00"), ride("08:30", zones=("5510", "5515"))]

    found = choose_products(read_fares(tmp_path / "fares.toml"), rides, NOBODY, holidays=NOBODY)
    assert found == ("single:2:adult", "single:3:adult")


def random_tariff(random: Random) -> FareTable:
    """One to three areas in any order, at any price, of three zones."""
    whole = next(e for e in TABLE.edition if e.id == "sh-tarif-2026-04-01")
    areas = [
        ZoneLevel(tuple(z for z in "ABC" if random.random() < 0.6), level)
        for level in range(1, random.choice([2, 3, 4]))
    ]
    singles = [
        FarePrice(f"single:{a.level}", "adult", Decimal(random.choice(["2", "2.4", "3", "7"])))
        for a in areas
    ]
    edition = replace(
        whole,
        transfer_minutes=random.choice([15, 30, 60, 120]),
        short_hop=ShortHop(3),
        zone_levels=tuple(areas),
        prices=(FarePrice("short", "adult", Decimal(2)), *singles),
    )
    return FareTable(
        currency=TABLE.currency,
        timezone=TABLE.timezone,
        names=TABLE.names,
        tariff=TABLE.tariff,
        edition=tuple(edition if e is whole else e for e in TABLE.edition),
    )


def random_rides(random: Random) -> list[Paid]:
    """Up to four rides one after the other between `STOPS`, in seconds of the day."""
    found: list[Paid] = []
    for _ in range(random.randint(1, 4)):
        departs = (found[-1].arrives if found else 36_000) + 60 * random.randint(0, 20)
        ends = random.randrange(5), random.randrange(5)
        arrives = departs + 60 * random.randint(1, 40)
        found.append(Paid(departs, arrives, *ends, random.randint(1, 5)))
    return found


def levels_of(rule: LevelFares) -> Levels:
    masks = [
        -1 if zone is None else sum(1 << i for i, (a, _) in enumerate(rule.areas) if zone in a)
        for zone in STOPS
    ]
    cents = tuple(cents for _, cents in rule.areas)
    short = (rule.short_cents, rule.short_stops, ((0, 200_000),))
    return Levels(cents, np.array(masks, np.int32), rule.transfer_s, *short)


def test_products_cost_at_most_what_the_search_says():
    """The same up to two rides; of more, the search takes a ticket to end with another's ride."""
    random = Random(5)
    sold = 0
    for _ in range(1_000):
        table, rides = random_tariff(random), random_rides(random)
        rule = rules_of(table, table.tariff[0], WEDNESDAY, NOBODY, 1)
        assert isinstance(rule, LevelFares)
        midnight = datetime.combine(WEDNESDAY, time(0), BERLIN)
        asked = [
            FareRide(
                "stadtverkehr-luebeck", "5", r.stops, STOPS[r.start], STOPS[r.end],
                midnight + timedelta(seconds=r.departs), midnight + timedelta(seconds=r.arrives),
            )
            for r in rides
        ]  # fmt: skip
        cents = price(levels_of(rule), tuple(rides))
        if cents is None:
            with pytest.raises(FareUnknownError):
                choose_products(table, asked, NOBODY, holidays=HOLIDAYS)
            continue
        products = choose_products(table, asked, NOBODY, holidays=HOLIDAYS)
        pays = sum(price_product(table, p, WEDNESDAY).price.minor for p in products)
        assert pays == cents if len(rides) <= 2 else pays <= cents
        sold += 1
    assert sold > 500
