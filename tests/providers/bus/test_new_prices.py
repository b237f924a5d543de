"""A new price list: from its day on, for tickets that are bought from then on."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from payments.money import Money
from providers.bus.fare_items import reprice_ticket
from providers.bus.fares import FareRide, FareTable, choose_products, price_product, read_fares
from tests.providers.bus.test_fares import FARES, NOBODY, TABLE, ride

OLD, NEW = "sh-tarif-2026-04-01", "sh-tarif-2027-01-01"
SILVESTER, NEW_YEAR = date(2026, 12, 31), date(2027, 1, 1)
EDITION = f"""
[[edition]]
id = "{NEW}"
tariff = "sh-tarif"
title = "Stand 1. Januar 2027"
valid_from = 2027-01-01
transfer_minutes = 120
short_hop = {{ max_stops = 4 }}
zone_levels = [{{ zones = ["HL"], level = 1 }}]
prices = [{{ product = "short", rider = "adult", amount = "9.98" }},
          {{ product = "single:1", rider = "adult", amount = "9.99" }}]
source = "a test"
confidence = "low"
"""
"""The town is of another level in it, and the old one has no price any more."""


@pytest.fixture
def table(tmp_path: Path) -> FareTable:
    (tmp_path / "fares.toml").write_text(FARES.read_text(encoding="utf-8") + EDITION)
    return read_fares(tmp_path / "fares.toml")


def night_bus(departs: str, arrives: str, *, stays: bool = False) -> FareRide:
    """Through the town in the night to the new year."""
    zone = ZoneInfo("Europe/Berlin")
    times = [datetime.fromisoformat(each).replace(tzinfo=zone) for each in (departs, arrives)]
    return FareRide("stadtverkehr-luebeck", "5", 9, "HL", "HL", *times, stays=stays)


def test_announced_change_is_said_where_its_prices_are_missing() -> None:
    before = price_product(TABLE, "single:2:adult", date(2026, 12, 31))
    after = price_product(TABLE, "single:2:adult", date(2027, 1, 1))
    boat = price_product(TABLE, "ferry:adult", date(2027, 1, 1))

    assert len(before.lines) == 2
    assert "noch nicht bekannt" in after.lines[2]
    assert (after.price, after.tariff_version) == (Money(360), "sh-tarif-2026-04-01")
    assert not any("noch nicht bekannt" in line for line in boat.lines)
    assert TABLE.list_notices(date(2026, 12, 31)) == ()
    assert len(TABLE.list_notices(date(2027, 1, 1))) == 1


def test_announcement_ends_when_the_new_prices_are_written_down(table: FareTable) -> None:
    early = ride("07:00", stops=3, on=date(2027, 1, 4))  # a Monday: no morning peak rule any more

    assert table.version == NEW
    assert table.list_notices(NEW_YEAR) == ()
    assert choose_products(table, [early], NOBODY, holidays=NOBODY) == ("short:adult",)
    assert price_product(table, "single:1:adult", NEW_YEAR).price == Money(999)
    assert price_product(table, "single:2:adult", SILVESTER).price == Money(360)


@pytest.mark.parametrize("stays", [False, True])
def test_a_ticket_of_the_old_year_holds_by_its_own_price_list(
    table: FareTable, stays: bool
) -> None:
    """Whether the rider changes after midnight or stays in the bus whose line then changes."""
    before = night_bus("2026-12-31T23:50", "2027-01-01T00:05")
    after = night_bus("2027-01-01T00:10", "2027-01-01T00:20", stays=stays)
    products = choose_products(table, [before, after], NOBODY, holidays=NOBODY)
    assert products == ("single:2:adult", "single:2:adult:covered-1:of-2026-12-31")
    days = (SILVESTER, NEW_YEAR)
    quotes = [price_product(table, each, on) for each, on in zip(products, days, strict=True)]
    assert [(quote.price, quote.tariff_version) for quote in quotes] == [
        (Money(360), OLD),
        (Money(0), OLD),
    ]
    assert reprice_ticket(table, OLD, products[1], 1).price == Money(0)


def test_after_midnight_a_ticket_is_bought_by_the_new_list(table: FareTable) -> None:
    after = night_bus("2027-01-01T00:10", "2027-01-01T00:20")
    later = night_bus("2027-01-01T00:30", "2027-01-01T00:40")
    products = choose_products(table, [after, later], NOBODY, holidays=NOBODY)
    assert products == ("single:1:adult", "single:1:adult:covered-1")
