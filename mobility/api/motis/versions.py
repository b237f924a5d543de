"""What the versions of the MOTIS API differ in; everything else is the same in all of them.

Source: the overview at the head of MOTIS' openapi.yaml, version v6. v1 draws lines with seven
decimals, v2 and later with six; v3 counts ``maxTransfers`` in changes, before it in rides; v4 adds
``displayName`` and leaves ``routeShortName`` to the line's own; v5 renames METRO and AREAL_LIFT;
v6 no longer sets the level of a place that has none to 0.
"""

from __future__ import annotations

from dataclasses import dataclass

_OLD_MODES = {"SUBURBAN": "METRO", "AERIAL_LIFT": "AREAL_LIFT"}
OLDEST, NEWEST = 1, 6


@dataclass(frozen=True, slots=True)
class Version:
    """One of ``/api/v1`` to ``/api/v6``."""

    number: int

    @property
    def precision(self) -> int:
        """Decimals of an encoded polyline."""
        return 7 if self.number == 1 else 6

    @property
    def has_display_names(self) -> bool:
        """Whether a leg says how its trip is displayed beside the line's short name."""
        return self.number >= 4

    @property
    def sets_levels(self) -> bool:
        """Whether a place without a level says 0."""
        return self.number < 6

    def mode(self, name: str) -> str:
        """A mode by the name that this version knows."""
        return name if self.number >= 5 else _OLD_MODES.get(name, name)

    def changes(self, max_transfers: int) -> int:
        """How many changes ``maxTransfers`` allows; -1 allows no ride at all."""
        return max_transfers - 1 if self.number < 3 else max_transfers


LATEST = Version(NEWEST)
