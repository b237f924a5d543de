"""What a trip's note says: how far its times are known, as a label, and the same for riders.

In a feed made from facts, trips.txt trip_short_name holds ``label: text``; the text is the city's.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache


class TimesKnown(StrEnum):
    """How far the times of a trip are known."""

    PUBLISHED = "published"
    """The departure at its first stop is the operator's word."""
    DERIVED = "derived"
    """Made from the published trips of another day."""
    SYNTHETIC = "synthetic"
    """Nobody has published it: a plausible frequency."""


def trip_note(known: TimesKnown, text: str) -> str:
    """The note of a trip."""
    return f"{known.value}: {text}" if text else known.value


@lru_cache(maxsize=256)
def read_trip_note(note: str) -> tuple[TimesKnown | None, str]:
    """The label and the text; no label on a trip of a feed that the city brings itself."""
    label, _, text = note.partition(":")
    try:
        return TimesKnown(label), text.strip()
    except ValueError:
        return None, note
