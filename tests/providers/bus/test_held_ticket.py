"""What a ticket from before still carries, by the tariff that it was sold by."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from mobility.cities.city import load_city
from providers.bus.fare_items import reprice_ticket
from providers.bus.fares import FareRide, FareTable, parse_product, price_product
from providers.bus.held_ticket import HeldTicket, list_carried

TABLE: FareTable = next(
    table
    for table in load_city("luebeck").fare_tables.values()
    if any("stadtverkehr-luebeck" in tariff.agency_ids for tariff in table.tariff)
)
BUS, FERRY = "stadtverkehr-luebeck", "priwallfaehre"
NOON = datetime.fromisoformat("2026-11-25T12:00:00+01:00")


def ride(
    minutes: int, *, agency: str = BUS, zone: str | None = "HL", stays: bool = False
) -> FareRide:
    begins = NOON + timedelta(minutes=minutes)
    return FareRide(agency, "1", 5, zone, zone, begins, begins + timedelta(minutes=10), stays=stays)


def lasts() -> int:
    tariff = TABLE.get_tariff_of(BUS)
    return TABLE.get_edition(tariff.id, NOON.date()).transfer_minutes


def carried(product: str, *rides: FareRide) -> tuple[bool, ...]:
    found = list_carried(TABLE, HeldTicket(product, (ride(0),)), rides)
    on_it = product.removesuffix(":pass") + ":covered-0"
    assert set(found) <= {None, on_it}
    return tuple(each is not None for each in found)


def test_a_single_ticket_carries_what_ends_within_its_time() -> None:
    last = lasts() - 10
    assert carried("single:2:adult", ride(30), ride(last), ride(last + 1)) == (True, True, False)
    assert carried("single:2:adult") == ()  # a way on by bike


@pytest.mark.parametrize(
    ("product", "further", "fits"),
    [
        ("short:adult", ride(20), False),
        ("single:2:adult", ride(20, zone="5510"), False),
        ("single:3:adult", ride(20, zone="5510"), True),
        ("single:2:adult", ride(20, zone="elsewhere"), False),
        ("single:2:adult", ride(20, zone=None), True),
        ("single:2:adult:pass", ride(20), True),
        ("single:2:child", ride(20), True),
    ],
)
def test_within_its_level(product: str, further: FareRide, fits: bool) -> None:
    assert carried(product, further) == (fits,)


def test_the_ferry_is_another_tariff() -> None:
    assert carried("single:2:adult", ride(20, agency=FERRY), ride(40)) == (False, True)


def test_rides_in_one_vehicle_are_one_ride() -> None:
    last = lasts() - 15
    goes_on = replace(ride(last + 10), stays=True)
    assert carried("single:2:adult", ride(last), goes_on) == (False, False)
    assert carried("single:2:adult", ride(20), replace(ride(30), stays=True)) == (True, True)


def test_such_a_ride_costs_nothing_and_says_why() -> None:
    quote = price_product(TABLE, "single:2:adult:covered-0", NOON.date(), 3)
    assert (quote.price.minor, quote.lines[0]) == (
        0,
        "im Fahrschein der Fahrt davor enthalten: 0,00 €",
    )
    again = reprice_ticket(TABLE, quote.tariff_version, "single:2:adult:covered-0", 3)
    assert (again.price.minor, again.items[0].amount) == (0, Decimal(0))
    assert str(parse_product("single:2:adult:covered-0")) == "single:2:adult:covered-0"


def test_into_another_price_list_it_goes_on_by_the_one_it_was_sold_by() -> None:
    editions = [each for each in TABLE.edition if each.tariff == TABLE.get_tariff_of(BUS).id]
    begins = max(each.valid_from for each in editions if each.valid_from)
    first = datetime.combine(begins, datetime.min.time(), TABLE.zone) - timedelta(minutes=20)
    before = FareRide(BUS, "1", 5, "HL", "HL", first, first + timedelta(minutes=10))
    after = FareRide(
        BUS, "2", 5, "HL", "HL", first + timedelta(minutes=25), first + timedelta(minutes=35)
    )
    (product,) = list_carried(TABLE, HeldTicket("single:2:adult", (before,)), [after])
    assert product == f"single:2:adult:covered-0:of-{first.date()}"
    assert price_product(TABLE, product, begins).price.minor == 0
