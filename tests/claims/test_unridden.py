"""A leg whose price went back to its rider: she did not arrive by it, late or not."""

from __future__ import annotations

import pytest

from mobility.booking.errors import WrongStateError
from mobility.booking.give_back import ask_to_give_back
from mobility.booking.leg_reports import Kind, Outcome
from mobility.claims.file_claim import accept, reject
from mobility.claims.pay_claim import pay_claim
from mobility.claims.states import ClaimState
from mobility.claims.store import Claim
from tests.booking.test_hard_luck import booked, do, later, ticket_leg
from tests.booking.world import World
from tests.claims.test_claims import BUS, FINANCE, claim_of, filed, given_back, noticed, rode, town
from tests.claims.test_notice import at

__all__ = ["town"]


WAYS = [(Kind.REBOOKED, Outcome.GIVEN_BACK), (Kind.WHEELCHAIR_REFUSED, Outcome.REFUNDED)]


@pytest.mark.parametrize(("kind", "outcome"), WAYS)
async def test_it_is_not_filed(town: World, kind: Kind, outcome: Outcome) -> None:
    booking_id = await rode(town)
    await noticed(town, booking_id)
    await given_back(town, booking_id, kind, outcome)
    with pytest.raises(WrongStateError, match="costs nothing"):
        await filed(town, booking_id)


@pytest.mark.parametrize(("kind", "outcome"), WAYS)
async def test_filed_before_it_went_back_it_is_not_accepted(
    town: World, kind: Kind, outcome: Outcome
) -> None:
    booking_id = await rode(town)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    await given_back(town, booking_id, kind, outcome)
    with pytest.raises(WrongStateError, match="costs nothing and was not ridden to its end"):
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await do(town, lambda tx: reject(tx, claim.id, FINANCE, at("10:00")))
    assert (await claim_of(town, claim.id)).state is ClaimState.REJECTED


async def test_what_staff_only_looks_at_keeps_nobody_from_a_guarantee(town: World) -> None:
    booking_id = await rode(town)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    await given_back(town, booking_id, Kind.WHEELCHAIR_REFUSED, Outcome.NOTED)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    assert (await claim_of(town, claim.id)).state is ClaimState.ACCEPTED


async def under_way(world: World) -> tuple[str, Claim]:
    """The first bus came late, which was filed; the second is still to come."""
    booking_id = await booked(world, ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 100))
    await later(world, minutes=40).advance(booking_id)
    assert await world.story(booking_id) == "active | bus ended, bus confirmed | captured"
    claim = await noticed(world, booking_id)
    await filed(world, booking_id)
    return booking_id, claim


async def test_of_a_trip_that_staff_gave_back_it_is_not_accepted(town: World) -> None:
    booking_id, claim = await under_way(town)
    by = {"actor": "rdr_otto", "reason": "stuck", "now": town.desk.clock()}
    await do(town, lambda tx: ask_to_give_back(tx, booking_id, **by))
    await town.advance(booking_id)
    assert (await town.trip(booking_id)).payment == "refunded"
    with pytest.raises(WrongStateError, match="was given back"):
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))


async def test_while_a_trip_goes_on_it_is_not_accepted_as_its_price_may_yet_go_back(
    town: World,
) -> None:
    booking_id, claim = await under_way(town)
    with pytest.raises(WrongStateError, match="goes on"):
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await later(town, hours=3).advance(booking_id)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await pay_claim(town.desk, claim.id)
    assert (await claim_of(town, claim.id)).state is ClaimState.PAID
