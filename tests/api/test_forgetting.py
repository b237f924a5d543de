"""Where somebody travelled is in the database for thirty days, or until she is erased (0016)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from mobility.booking.forget import forget_old_trips
from mobility.db import transaction
from mobility.tables import booking, idempotent_answer, leg, ticket
from tests.api.conftest import World

PLACE = {"origin": {"lat": 53.8655, "lon": 10.6866}}


async def add_trip(world: World, name: str, rider_id: str, state: str, arrives_at: datetime):
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            booking.insert().values(
                id=f"bkg_{name}",
                offer_id=f"off_{name}",
                rider_id=rider_id,
                state=state,
                aim="travel",
                payment_id=f"pay_{name}",
                payment_method="pm_card_visa",
                passengers=1,
                currency="EUR",
                price_minor=360,
                ceiling_minor=360,
                created_at=arrives_at,
                expires_at=arrives_at,
            )
        )
        await tx.execute(
            leg.insert().values(
                booking_id=f"bkg_{name}",
                id=f"leg_{name}",
                position=0,
                mode="bus",
                scarce=False,
                state="ended",
                order_key=f"key_{name}",
                quoted_minor=360,
                ceiling_minor=360,
                final_minor=360,
                vat_percent=7,
                commission_percent=0,
                co2_grams=0,
                departs_at=arrives_at,
                arrives_at=arrives_at,
                detail=PLACE,
                access_code="ticket",
            )
        )


async def shown(world: World) -> dict[str, tuple[object, object, object]]:
    async with transaction(world.wiring.engine) as tx:
        rows = await tx.execute(
            select(leg.c.id, leg.c.detail, leg.c.access_code, leg.c.final_minor)
        )
        return {row.id: (row.detail, row.access_code, row.final_minor) for row in rows}


@pytest.mark.parametrize(
    ("state", "days", "kept"),
    [("settled", 29, True), ("settled", 31, False), ("needs_attention", 31, True)],
)
async def test_places_and_tickets_go_after_thirty_days_and_the_price_stays(
    world: World, state: str, days: int, kept: bool
):
    await add_trip(world, "a", "rdr_a", state, world.now - timedelta(days=days))
    async with transaction(world.wiring.engine) as tx:
        assert await forget_old_trips(tx, world.now) == (0 if kept else 1)
    left = (PLACE, "ticket", 360) if kept else (None, None, 360)
    assert await shown(world) == {"leg_a": left}


async def test_answers_for_repeated_requests_go_after_two_days(world: World):
    async with transaction(world.wiring.engine) as tx:
        for days in (1, 3):
            await tx.execute(
                idempotent_answer.insert().values(
                    rider_id="rdr_a",
                    key=str(days),
                    fingerprint="f",
                    created_at=world.now - timedelta(days=days),
                )
            )
        await forget_old_trips(tx, world.now)
        assert (await tx.scalars(select(idempotent_answer.c.key))).all() == ["1"]


async def test_who_is_erased_takes_her_places_along_at_once(world: World):
    mine = await world.sign_in()
    rider_id = (await world.client.get("/v1/me", headers=mine)).json()["id"]
    await add_trip(world, "hers", rider_id, "settled", world.now)
    await add_trip(world, "another", "rdr_other", "settled", world.now)
    assert (await world.client.delete("/v1/me", headers=mine)).status_code == 204
    assert await shown(world) == {
        "leg_hers": (None, None, 360),
        "leg_another": (PLACE, "ticket", 360),
    }


async def test_which_device_showed_a_ticket_goes_after_thirty_days(world: World):
    async with transaction(world.wiring.engine) as tx:
        for days in (29, 31):
            await tx.execute(
                ticket.insert().values(
                    booking_id=f"bkg_{days}",
                    leg_id="leg",
                    ticket_id=str(days),
                    valid_until=world.now - timedelta(days=days),
                    binding=1,
                    device_key="a key",
                    moves_left=5,
                )
            )
        await forget_old_trips(tx, world.now)
        assert (await tx.scalars(select(ticket.c.booking_id))).all() == ["bkg_29"]
