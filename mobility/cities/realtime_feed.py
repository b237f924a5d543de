"""A feed of GTFS-Realtime messages, as a ``[[realtime]]`` stanza of a city names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from mobility.cities.rows import DATA, Id

RealtimeKind = Literal["trip_updates", "vehicle_positions", "alerts", "mixed"]
KEEPS = {
    "trip_updates": timedelta(minutes=5),
    "vehicle_positions": timedelta(minutes=5),
    "alerts": timedelta(hours=2),
    "mixed": timedelta(minutes=5),
}
"""How old a message may be before it is dropped and the planned timetable serves again."""


@dataclass(frozen=True, slots=True, config=DATA)
class RealtimeFeed:
    """Where a feed is, what it mostly holds, and how often it is asked for."""

    id: Id
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]
    kind: RealtimeKind = "mixed"
    poll_seconds: Annotated[int, Field(ge=5, le=3600)] = 30
    prefix: Annotated[str, Field(max_length=64)] = ""
    """Put before every id of it, as the timetable of several feeds has them."""

    @property
    def keeps(self) -> timedelta:
        """How old a message of it may be."""
        return max(KEEPS[self.kind], timedelta(seconds=3 * self.poll_seconds))


def feeds_of_urls(urls: tuple[str, ...]) -> tuple[RealtimeFeed, ...]:
    """Feeds of which only the addresses are known.

    Raises:
        ValueError: an address is none.
    """
    return tuple(
        RealtimeFeed(id=f"realtime-{number}", url=url) for number, url in enumerate(urls, start=1)
    )
