"""Products of bus and ferry rides: which ticket carries whom.

A *product* is a string that an offer and an order carry:
``PRODUCT:RIDER[:pass[N]][:covered-M[:of-DATE]]``, such as

- ``short:adult`` a short-hop ticket, ``single:2:adult`` a single ticket of level 2;
- ``single:2:adult:covered-1`` a ride on the ticket of the journey's first ride;
- ``single:2:adult:covered-1:of-2026-12-31`` the same, where the ride's own day has another price
  list than the day of that ticket;
- ``single:2:adult:covered-0`` a ride on a ticket of the trip that this one takes the place of;
- ``single:2:adult:pass`` one person rides on a pass and pays nothing, ``:pass2`` two persons. Which
  pass it is stays with the rider: it may tell of a disability.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from providers.bus.fare_table import FareUnknownError

_PRODUCT = re.compile(
    r"(?P<base>[a-z]+(?::[0-9])?):(?P<rider>[a-z]{2,20}?)"
    r"(?P<pass>:pass(?P<free>[2-9])?)?"
    r"(?::covered-(?P<covered>0|[1-9][0-9]?)(?::of-(?P<of>[0-9]{4}-[0-9]{2}-[0-9]{2}))?)?"
)


BEFORE = 0
"""In place of a ride's number: the ticket was bought with the trip before this one."""


class Product(NamedTuple):
    """A product read apart; ``free`` persons ride on a pass.

    ``covered_by`` is the ride of the journey whose ticket it is on, ``BEFORE`` one of another trip.
    """

    base: str
    rider: str
    free: int = 0
    covered_by: int | None = None
    of: date | None = None
    """The day of the covering ticket, by whose price list it counts; None: the ride's own day."""

    def __str__(self) -> str:
        free = "" if not self.free else ":pass" if self.free == 1 else f":pass{self.free}"
        covered = f":covered-{self.covered_by}" if self.covered_by is not None else ""
        of = f":of-{self.of}" if self.of else ""
        return f"{self.base}:{self.rider}{free}{covered}{of}"


def say_covered(covered_by: int) -> str:
    """On whose ticket a ride is, in German."""
    whose = "der Fahrt davor" if covered_by == BEFORE else f"von Fahrt {covered_by}"
    return f"im Fahrschein {whose} enthalten"


@lru_cache(maxsize=256)
def parse_product(product: str) -> Product:
    """Read a product.

    Raises:
        FareUnknownError: it is none.
    """
    found = _PRODUCT.fullmatch(product)
    try:
        of = date.fromisoformat(found["of"]) if found and found["of"] else None
    except ValueError:
        found = None
    if found is None:
        raise FareUnknownError(f"{product[:80]!r} is not a fare product such as single:2:adult")
    covered = None if found["covered"] is None else int(found["covered"])
    free = int(found["free"] or 1) if found["pass"] else 0
    return Product(found["base"], found["rider"], free, covered, of)
