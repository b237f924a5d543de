"""What of the one who asks matters to an offer: the passes they hold, and the terms they meet."""

from __future__ import annotations

from datetime import datetime

from mobility.db import transaction
from mobility.identity.eligibility import meets
from mobility.identity.passes import held_passes
from mobility.identity.tokens import RiderIdentity
from mobility.planning.offers import Lacks
from mobility.wiring import Wiring
from providers.values import Terms

_NOTHING: tuple[str, ...] = ()


async def of_rider(
    wiring: Wiring, rider: RiderIdentity | None, now: datetime
) -> tuple[frozenset[str], Lacks]:
    """The passes of who is signed in, and what they lack; of nobody, nothing is known to lack."""
    if rider is None:
        return frozenset(), lambda _terms: _NOTHING
    today = now.astimezone(wiring.city.timezone).date()
    async with transaction(wiring.engine) as tx:
        passes = await held_passes(tx, wiring.vault, rider.rider_id, today)
        person = await wiring.vault.get_person(tx, rider.rider_id)

    def lacks(terms: Terms) -> tuple[str, ...]:
        return meets(terms, person, today)

    return passes, lacks
