"""A leg whose price went back to its rider: she did not arrive by it, late or not."""

from __future__ import annotations

import pytest

from mobility.booking.errors import WrongStateError
from mobility.booking.leg_reports import Kind, Outcome
from mobility.claims.file_claim import accept, reject
from mobility.claims.states import ClaimState
from tests.booking.test_hard_luck import do
from tests.booking.world import World
from tests.claims.test_claims import FINANCE, claim_of, filed, given_back, noticed, rode, town
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
