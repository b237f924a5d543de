"""A request's ``Idempotency-Key``, held to the path and body that it first came with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import idempotency
from mobility.api.dependencies import IdempotencyKey, Now, RiderDep


@dataclass(frozen=True, slots=True)
class Keyed:
    """The key of a request; without one, every request is new and nothing is kept."""

    request: idempotency.Request | None
    now: datetime

    async def claim(self, tx: AsyncConnection) -> bool:
        """Whether the request is new; for those whose repetition answers with what then stands.

        Raises:
            KeyReusedError: the key came before with another request.
        """
        if self.request is None:
            return True
        return await idempotency.begin(tx, self.request, None, self.now) is None

    async def find(self, tx: AsyncConnection) -> Any:
        """The answer that was kept for the key; None if there is none.

        Raises:
            KeyReusedError: the key came before with another request.
        """
        found = None if self.request is None else await idempotency.find(tx, self.request)
        return None if found is None else found.body

    async def keep(self, tx: AsyncConnection, answer: Any) -> Any:
        """Keep an answer for repetitions; the one that stands is that of who was first.

        Raises:
            KeyReusedError: the key came meanwhile with another request.
        """
        if self.request is None:
            return answer
        earlier = await idempotency.begin(tx, self.request, answer, self.now)
        return answer if earlier is None else earlier.body


async def get_keyed(
    request: Request, rider: RiderDep, now: Now, key: IdempotencyKey = None
) -> Keyed:
    """The key of a request of somebody who is signed in."""
    if key is None:
        return Keyed(None, now)
    made_of = idempotency.fingerprint(request.method, request.url.path, await request.body())
    return Keyed(idempotency.Request(rider.rider_id, key, made_of), now)


KeyedDep = Annotated[Keyed, Depends(get_keyed)]
