"""A tariff's next version begins while a rider is under way: her price is of the one she booked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from mobility.booking.day_cap import list_paid
from payments.money import Money
from providers.price_item import ItemKind
from providers.stanza import ProviderStanza, SegmentStanza, read_stanzas
from tests.booking.test_day_cap import ANNA, capped, charges, free_bike, wish
from tests.booking.test_hard_luck import do
from tests.booking.test_receipt import receipt_of
from tests.booking.world import BIKE, World, bike_leg, offer_of, provider_of
from tests.providers.city import write_city
from tests.providers.sandboxes import Sandbox, run_sandbox


def at_first(folder: Path) -> ProviderStanza:
    """One euro a started half hour."""
    return capped(next(s for s in read_stanzas(write_city(folder)) if s.id == BIKE))


def with_next(folder: Path, rate: str) -> ProviderStanza:
    """The same with a further version on sale, at so much a started half hour."""
    stanza = at_first(folder)
    (plan,) = stanza.pricing_plan
    by_time = (SegmentStanza(start=0, rate=Decimal(rate), interval=30),)
    newer = plan.model_copy(update={"version": "2026-02", "per_min": by_time})
    return stanza.model_copy(update={"pricing_plan": (plan, newer)})


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[dict[str, Sandbox]]:
    with run_sandbox(at_first(tmp_path), tmp_path, tmp_path / "bike.sqlite") as bike:
        yield {BIKE: bike}


@contextmanager
def from_now(world: World, rate: str, folder: Path, http: httpx.AsyncClient) -> Iterator[World]:
    """The operator goes on at a new rate; we know both versions."""
    stanza = with_next(folder, rate)
    with run_sandbox(stanza, folder, folder / "bike.sqlite") as bike:
        desk = replace(world.desk, providers={BIKE: provider_of(bike, stanza, http)})
        yield replace(world, desk=desk, operators={BIKE: bike})


async def book(world: World, version: str, most: int = 900) -> str:
    leg = bike_leg(await free_bike(world), price=most, ceiling=most)
    assert leg.quote is not None
    quote = replace(leg.quote, tariff_version=f"basis/{version}")
    booking_id = await world.book(offer_of(replace(leg, quote=quote)), rider=ANNA)
    await world.advance(booking_id)
    return booking_id


async def wished(world: World, booking_id: str, minutes: int | None = None) -> None:
    await wish(world, booking_id, minutes)
    await world.advance(booking_id)


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(("rate", "claimed", "due"), [("2.00", 400, 200), ("0.50", 100, 100)])
async def test_a_ride_costs_no_more_than_by_the_version_it_was_booked_by(
    world: World, tmp_path: Path, begun: bool, rate: str, claimed: int, due: int
) -> None:
    """50 minutes at 1.00 a half hour; the operator asks by what it sells when the ride ends."""
    booking_id = await book(world, "2026-01")
    if begun:
        await wished(world, booking_id)
    async with httpx.AsyncClient() as http:
        with from_now(world, rate, tmp_path, http) as later:
            if not begun:
                await wished(later, booking_id)
            later.operators[BIKE].ride(50, 3000)
            await wished(later, booking_id, 50)
            assert await later.story(booking_id) == "settled | bike ended | captured"
            assert await charges(later) == [(claimed, due)]
            assert later.money(booking_id) == (0, due)
            (line,) = (await receipt_of(later)).lines
            assert (line.tariff_version, line.gross, line.off) == (
                "basis/2026-01", Money(due), Money(0),
            )  # fmt: skip
            asked_less = [ItemKind.ASKED_LESS] if claimed < 200 else []
            assert [item.kind for item in line.items] == [ItemKind.TIME, *asked_less]


async def test_a_days_cap_goes_on_over_both_versions(world: World, tmp_path: Path) -> None:
    """7 of 9 EUR by the old version; by the new one 2 are left, and nothing after that."""
    first = await book(world, "2026-01")
    world.operators[BIKE].ride(200, 3000)
    await wished(world, first)
    await wished(world, first, 200)
    async with httpx.AsyncClient() as http:
        with from_now(world, "2.00", tmp_path, http) as later:
            plan = later.operators[BIKE].stanza.pricing_plans()[-1]
            now = later.desk.clock()
            ((_, paid),) = await do(later, lambda tx: list_paid(tx, ANNA, [(BIKE, plan)], now))
            assert paid == Money(700)
            for version in ("2026-02", "2026-01"):
                booking_id = await book(later, version)
                later.operators[BIKE].ride(50, 3000)
                await wished(later, booking_id)
                await wished(later, booking_id, 50)
            assert sorted(await charges(later)) == [(0, 0), (200, 200), (700, 700)]
            receipt = await receipt_of(later, "final_minor = 200")
            assert [line.off for line in receipt.lines] == [Money(0)]
