"""The tickets sold are the cheapest set that covers every ride and person, by trying all sets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import product as every
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobility.cities.city import load_city
from providers.bus.fare_table import Edition, FarePrice, FareTable, ShortHop, ZoneLevel
from providers.bus.fares import (
    FareRide,
    FareUnknownError,
    choose_products,
    parse_product,
    price_product,
)

LUEBECK = load_city("luebeck").fare_tables["fares.toml"]
BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = date(2026, 11, 25)
BUS, FERRY = "stadtverkehr-luebeck", "priwallfaehre"
NOBODY: frozenset[str] = frozenset()
ENDS = [("A", "A"), ("A", "B"), ("B", "B"), (None, "A"), ("C", None), ("B", "C"), ("A", "D")]
AREAS = [("A",), ("A", "B"), ("B",), ("A", "B", "C"), ()]
Drawn = tuple[int, int, int, tuple[str | None, str | None], str]
HELD = st.sampled_from(
    [NOBODY, frozenset({"deutschlandticket"}), frozenset({"wertmarke_companion"})]
)


def edition_of(table: FareTable) -> Edition:
    return table.get_edition("sh-tarif", WEDNESDAY)


def least(table: FareTable, rides: Sequence[FareRide]) -> Decimal | None:
    """What one person pays at least for the bus rides; None if no set of tickets covers them.

    Every ride has an own short hop, an own single, or the single of an earlier ride: all are tried.
    """
    tariff = edition_of(table)
    zones = [{z for z in (r.from_zone, r.to_zone) if z} for r in rides]
    areas = {f"single:{a.level}": set(a.zones) for a in tariff.zone_levels}
    lasts = timedelta(minutes=tariff.transfer_minutes)

    def ways(at: int) -> list[str | int]:
        found: list[str | int] = [base for base in areas if zones[at] <= areas[base]]
        found += range(at)
        if tariff.short_hop and rides[at].stops <= tariff.short_hop.max_stops:
            found.append("short")
        return found

    best = None
    for chosen in every(*(ways(at) for at in range(len(rides)))):
        fits = True
        for at, how in enumerate(chosen):
            if isinstance(how, int):
                ticket = chosen[how]
                fits = fits and isinstance(ticket, str) and ticket != "short"
                fits = fits and zones[at] <= areas.get(str(ticket), set())
                fits = fits and rides[at].arrives_at <= rides[how].departs_at + lasts
        if fits:
            prices = [tariff.find_price(how, "adult") for how in chosen if isinstance(how, str)]
            cost = sum((p for p in prices if p is not None), Decimal(0))
            best = cost if best is None else min(best, cost)
    return best


def sold(
    table: FareTable, rides: Sequence[FareRide], held: frozenset[str], persons: int
) -> Decimal:
    """What all tickets cost together; each must carry the rides that are said to be on it."""
    products = choose_products(table, rides, held, holidays=NOBODY, passengers=persons)
    assert len(products) == len(rides)
    tariff = edition_of(table)
    for ride, text in zip(rides, products, strict=True):
        item = parse_product(text)
        if item.covered_by is None:
            continue
        first = rides[item.covered_by - 1]
        ticket = parse_product(products[item.covered_by - 1])
        assert (ticket.base, ticket.covered_by) == (item.base, None)
        assert ride.agency_id == first.agency_id
        assert ride.arrives_at <= first.departs_at + timedelta(minutes=tariff.transfer_minutes)
        area = next(a.zones for a in tariff.zone_levels if f"single:{a.level}" == item.base)
        assert {z for z in (ride.from_zone, ride.to_zone) if z} <= set(area)
    quotes = [price_product(table, text, WEDNESDAY, persons) for text in products]
    return Decimal(sum(quote.price.minor for quote in quotes)) / 100


@st.composite
def tariffs(draw: st.DrawFn) -> FareTable:
    """Up to three areas of three zones at any price, the wider ones perhaps the cheaper."""
    areas = [
        ZoneLevel(draw(st.sampled_from(AREAS)), level)
        for level in range(1, draw(st.integers(1, 3)) + 1)
    ]
    price = st.sampled_from([Decimal(p) for p in ("0", "1.9", "3.6", "7")])
    prices = [FarePrice(f"single:{a.level}", "adult", draw(price)) for a in areas]
    old = edition_of(LUEBECK)
    new = replace(
        old,
        transfer_minutes=draw(st.sampled_from([0, 30, 120])),
        short_hop=draw(st.sampled_from([ShortHop(3), None])),
        zone_levels=tuple(areas),
        prices=(FarePrice("short", "adult", draw(price)), *prices),
    )
    return FareTable(
        currency="EUR",
        timezone="Europe/Berlin",
        names=LUEBECK.names,
        tariff=LUEBECK.tariff,
        edition=tuple(new if e is old else e for e in LUEBECK.edition),
        issuer=LUEBECK.issuer,
        **{"pass": LUEBECK.pass_},
    )


def journeys(ends: Sequence[tuple[str | None, str | None]]) -> st.SearchStrategy[list[FareRide]]:
    """Up to five rides after one another; some by the ferry, which has a tariff of its own."""
    ride = st.tuples(
        st.integers(0, 15), st.integers(1, 30), st.integers(1, 4), st.sampled_from(ends),
        st.sampled_from([BUS, BUS, BUS, FERRY]),
    )  # fmt: skip

    def after_one_another(
        drawn: list[Drawn],
    ) -> list[FareRide]:
        clock = datetime.combine(WEDNESDAY, time(10), BERLIN)
        found = []
        for wait, minutes, stops, zones, agency in drawn:
            departs = clock + timedelta(minutes=wait)
            clock = departs + timedelta(minutes=minutes)
            found.append(FareRide(agency, "5", stops, *zones, departs, clock))
        return found

    return st.lists(ride, min_size=1, max_size=6).map(after_one_another)


def expected(
    table: FareTable, rides: Sequence[FareRide], free: int, persons: int
) -> Decimal | None:
    """Each who pays buys the cheapest bus tickets; the ferry is paid by everyone, every time."""
    buses = [ride for ride in rides if ride.agency_id == BUS]
    bus = least(table, buses)
    crossing = Decimal("2.10") * (len(rides) - len(buses)) * persons
    return None if bus is None else bus * max(0, persons - free) + crossing


CARRIED = {NOBODY: 0, frozenset({"deutschlandticket"}): 1, frozenset({"wertmarke_companion"}): 2}


@settings(max_examples=400)
@given(tariffs(), journeys(ENDS), HELD, st.integers(1, 4))
def test_no_set_of_tickets_is_cheaper(
    table: FareTable, rides: list[FareRide], held: frozenset[str], persons: int
):
    wanted = expected(table, rides, CARRIED[held], persons)
    if wanted is None:
        with pytest.raises(FareUnknownError):
            choose_products(table, rides, held, holidays=NOBODY, passengers=persons)
    else:
        assert sold(table, rides, held, persons) == wanted


@settings(max_examples=200)
@given(
    journeys([("HL", "HL"), ("HL", "5510"), ("9020", "5510"), (None, "HL"), ("9030", None)]),
    HELD,
    st.integers(1, 4),
)
def test_no_set_of_tickets_is_cheaper_in_luebeck(
    rides: list[FareRide], held: frozenset[str], persons: int
):
    assert sold(LUEBECK, rides, held, persons) == expected(LUEBECK, rides, CARRIED[held], persons)


def test_a_short_hop_out_of_the_area_does_not_end_the_ticket():
    """A ticket that holds the stop beyond the border too would cost 3.40 more, a short hop 2.00."""
    old = edition_of(LUEBECK)
    dear = [
        replace(p, amount=Decimal("7.00")) if (p.product, p.rider) == ("single:3", "adult") else p
        for p in old.prices
    ]
    new = replace(old, prices=tuple(dear))
    table = FareTable(
        currency="EUR",
        timezone="Europe/Berlin",
        names=LUEBECK.names,
        tariff=LUEBECK.tariff,
        edition=tuple(new if e is old else e for e in LUEBECK.edition),
    )
    clock = datetime.combine(WEDNESDAY, time(10), BERLIN)
    rides = [
        FareRide(BUS, "5", stops, *zones, clock + begin, clock + begin + timedelta(minutes=10))
        for stops, zones, begin in [
            (9, ("HL", "HL"), timedelta(0)),
            (2, ("HL", "5510"), timedelta(minutes=15)),
            (9, ("HL", "HL"), timedelta(minutes=30)),
        ]
    ]
    assert choose_products(table, rides, NOBODY, holidays=NOBODY) == (
        "single:2:adult",
        "short:adult",
        "single:2:adult:covered-1",
    )
