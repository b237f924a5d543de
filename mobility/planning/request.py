"""What is asked of a search, and what it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from gtfs.geo import LatLon
from mobility.planning.day_ceiling import Ceilings
from mobility.planning.errors import BadSearchError
from mobility.planning.itinerary import Itinerary
from mobility.planning.paid_today import Paid
from payments.money import Money
from providers.values import Mode, ProviderId

WINDOW = timedelta(minutes=60)
PAST = timedelta(days=1)
FUTURE = timedelta(days=400)
MOST_VIAS = 2
LONGEST_STAY = timedelta(hours=12)
_PAGE = re.compile(r"([el])(\d{9,11})")


def check_instant(at: datetime, now: datetime) -> None:
    """Raise BadSearchError for a time that lies too far away to say anything about."""
    if not now - PAST <= at <= now + FUTURE:
        raise BadSearchError(
            f"{at:%Y-%m-%d} is too far away: ask for a time from "
            f"{now - PAST:%Y-%m-%d} to {now + FUTURE:%Y-%m-%d}"
        )


@dataclass(frozen=True, slots=True)
class Via:
    """A place to pass, and how long to stay there at least.

    With no stay a vehicle that calls at the stop passes it, and the rider may stay aboard. A
    position is passed on foot.
    """

    place: LatLon | str
    stay: timedelta = timedelta()


class DayEnd(StrEnum):
    """One end of a service day (``day_ends``)."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """From where to where, when, and by what. A str is the id of a stop or a station.

    At most one of the times; none means now. ``max_walk_m`` None leaves it to the city. A walk
    all the way may be as long as any walk, unless ``max_direct_walk_m`` says otherwise, and one
    from stop to stop as long as any footpath, unless ``max_footpath_m`` does.
    """

    origin: LatLon | str
    destination: LatLon | str
    depart_at: datetime | None = None
    arrive_by: datetime | None = None
    modes: frozenset[Mode] = frozenset(Mode)
    passes: frozenset[str] = frozenset()
    passengers: int = 1
    paid: Paid = ()
    """Today, by tariffs that cap a rider's day."""
    ceilings: Ceilings = ()
    """Of the days of the one who travels alone and is known; none for several passengers."""
    wheelchair: bool = False
    max_walk_m: int | None = None
    max_direct_walk_m: int | None = None
    max_footpath_m: int | None = None
    window: timedelta = WINDOW
    page: str | None = None
    with_gone: bool = False
    """Arrive-by: where all that would be in time has left, whether that is listed all the same."""
    via: tuple[Via, ...] = ()
    """To be passed in this order."""
    of_day: DayEnd | None = None
    """The first or last connection of ``day`` alone, None meaning today; in place of a time."""
    day: date | None = None

    def check(self, now: datetime) -> None:
        """Raise BadSearchError for what contradicts itself or lies too far away."""
        if self.depart_at is not None and self.arrive_by is not None:
            raise BadSearchError("give depart_at or arrive_by, not both")
        at = self.depart_at or self.arrive_by
        if at is not None:
            check_instant(at, now)
        if not self.modes:
            raise BadSearchError("modes is empty: leave it out to allow all")
        if len(self.via) > MOST_VIAS:
            raise BadSearchError(f"via: give at most {MOST_VIAS} places")
        if any(not timedelta() <= one.stay <= LONGEST_STAY for one in self.via):
            hours = LONGEST_STAY // timedelta(hours=1)
            raise BadSearchError(f"via: one can stay from 0 minutes to {hours} hours")


@dataclass(frozen=True, slots=True)
class Page:
    """Where an answer goes on: the scheduled journeys before, or from, an instant."""

    earlier: bool
    at: datetime

    def token(self) -> str:
        """An opaque text for clients."""
        return f"{'e' if self.earlier else 'l'}{int(self.at.timestamp())}"

    @classmethod
    def read(cls, token: str, now: datetime) -> Page:
        """The page of a token.

        Raises:
            BadSearchError: no token of ours, or of a time too far away.
        """
        found = _PAGE.fullmatch(token)
        at = datetime.fromtimestamp(int(found[2]), UTC) if found else None
        if found is None or at is None or not now - 2 * PAST <= at <= now + FUTURE + PAST:
            raise BadSearchError("page is not one of an earlier answer: search without it")
        return cls(found[1] == "e", at)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a traveller should know beside the journeys; ``code`` is stable."""

    code: str
    text: str
    at: datetime | None = None
    price: Money | None = None
    url: str | None = None
    provider_id: ProviderId | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The journeys, priced and ranked, and how to go on."""

    itineraries: tuple[Itinerary, ...]
    notices: tuple[Notice, ...]
    earlier: str | None
    later: str | None
