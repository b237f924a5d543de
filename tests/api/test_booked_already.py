"""Two taps, each with a key of its own, for one vehicle: its rider is told that it is hers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Insert, Update, func, insert, literal, select, update

from mobility.booking.book import (
    BookingRequest,
    ProviderTerms,
    prepare_booking,
    refuse_booked_already,
)
from mobility.booking.errors import BookedAlreadyError
from mobility.booking.queries import get_any_booking
from mobility.db import transaction
from mobility.identity.vault import PersonalData
from mobility.planning.offers import find_offer
from mobility.tables import booking, leg, provider_operation
from providers.values import ProviderId
from tests.api.conftest import START, World
from tests.api.test_paid_today import book
from tests.api.test_search import of_modes, search

Json = dict[str, Any]
RENTS = cast("Any", SimpleNamespace(scarce=True))


async def anna_has(world: World, offer_id: str) -> str:
    """Record Anna's booking of an offer, as her first tap did; its id."""
    wiring = world.wiring
    world.wiring = replace(wiring, providers={ProviderId("demo-rad"): RENTS})
    world.app.state.wiring = world.wiring
    headers = await world.sign_in()
    anna = (await world.client.get("/v1/trial/rider", headers=headers)).json()
    offer = await find_offer(wiring.redis, wiring.settings.redis_prefix, offer_id)
    assert offer is not None
    person = PersonalData(email="anna@example.org", birth_date=date(1991, 4, 23))
    async with transaction(wiring.engine) as tx:
        await wiring.vault.write(tx, anna, person)
        wanted = BookingRequest(anna, offer, "pm_card_visa", None, lambda _terms: ())
        return await prepare_booking(
            tx, wanted, lambda _: ProviderTerms(RENTS, Decimal(8)),
            hold=timedelta(minutes=10), now=START,
        )  # fmt: skip


async def test_a_second_tap_says_which_booking_has_the_vehicle(city_world: World) -> None:
    bike = of_modes(await search(city_world), "bike")["offer_id"]
    first = await anna_has(city_world, bike)
    again = await book(city_world, await city_world.sign_in(), bike)
    problem = {name: again.json()[name] for name in ("type", "title", "detail", "booking_id")}
    assert (again.status_code, problem) == (
        409,
        {
            "type": "/problems/booked-already",
            "title": "The vehicle is in another booking of yours",
            "detail": f"the bike is in your booking {first} already, which is held: go on with "
            "that one, or cancel it first",
            "booking_id": first,
        },
    )


@pytest.mark.parametrize(
    "over",
    [
        update(booking).values(state="cancelled"),
        update(leg).values(state="ended"),
        update(booking).values(aim="fail"),  # her card was declined; she takes another one
        update(booking).values(aim="cancel"),
        insert(provider_operation).from_select(
            ["booking_id", "leg_id", "kind", "state", "asked_at"],
            select(
                leg.c.booking_id, leg.c.id, literal("cancel"), literal("planned"), func.now()
            ).where(leg.c.provider_id.is_not(None)),
        ),
    ],
    ids=["cancelled", "ended", "failing", "being cancelled", "being given back"],
)
async def test_what_is_over_or_going_and_what_others_have_stands_in_nobodys_way(
    city_world: World, over: Update | Insert
) -> None:
    """What is on its way back she can neither go on with nor cancel: its operator decides."""
    wiring = city_world.wiring
    offer_id = of_modes(await search(city_world), "bike")["offer_id"]
    first = await anna_has(city_world, offer_id)
    offer = await find_offer(wiring.redis, wiring.settings.redis_prefix, offer_id)
    assert offer is not None
    async with transaction(wiring.engine) as tx:
        anna = (await get_any_booking(tx, first)).rider_id
        await refuse_booked_already(tx, "rdr_ben", offer, "bkg_of_ben")
        with pytest.raises(BookedAlreadyError, match=first):
            await refuse_booked_already(tx, anna, offer, "bkg_2")
        await tx.execute(over)
        await refuse_booked_already(tx, anna, offer, "bkg_2")
