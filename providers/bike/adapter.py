"""A bike or scooter share that speaks TOMP 1.6; see MAPPING.md beside this file."""

from __future__ import annotations

from typing import ClassVar

from providers.tomp.rental import TompRental
from providers.values import Mode


class BikeShare(TompRental):
    """Bikes taken at a station or free, left as their type's return rule says."""

    __slots__ = ()
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.BIKE, Mode.SCOOTER})
