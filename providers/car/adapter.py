"""A car share that speaks TOMP 1.6; see MAPPING.md beside this file."""

from __future__ import annotations

from typing import ClassVar

from providers.tomp.rental import TompRental
from providers.values import LegOrder, Mode


class CarShare(TompRental):
    """Cars, for riders whose driving licence has been checked before the order."""

    __slots__ = ()
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.CAR})

    def traveler(self, order: LegOrder) -> dict[str, object]:
        """The rider as a checked licence holder: the stanza's terms let no other order come up."""
        known = super().traveler(order)
        return {**known, "isValidated": True} if self.stanza.terms.driving_licence else known
