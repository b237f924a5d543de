"""From door to door by all that a city has: bus and ferry, on foot, rented, combined."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gtfs.geo import LatLon
from mobility.planning.day_ends import at_its_day
from mobility.planning.door_to_door import DoorToDoor
from mobility.planning.fleets import door_rows, zone_ways
from mobility.planning.ground import Door, Ground
from mobility.planning.request import SearchRequest, SearchResult
from mobility.planning.via.search import ViaSearch

__all__ = ["Door", "Planner"]


class Planner(Ground):
    """Searches one city. Synchronous; safe to call from several threads."""

    def search(self, request: SearchRequest, now: datetime) -> SearchResult:
        """All ways worth showing, priced and ranked.

        Raises:
            UnknownStopError, UnknownPassError, BadSearchError
        """
        request.check(now)
        request = at_its_day(request, self.city.timezone, now)
        self.pricer.check_passes(request.passes)
        kind = ViaSearch if request.via else DoorToDoor
        return kind(self, request, now).run()

    def warm_up(self, now: datetime) -> None:
        """Prepare what all searches share, so that the first one need not wait."""
        door_rows.warm_up()
        zone_ways.warm_up()
        middle = self.city.centre
        request = SearchRequest(middle, LatLon(middle.lat + 0.01, middle.lon + 0.01))
        self.search(request, now)
        self.search(replace(request, arrive_by=now + timedelta(hours=1)), now)
