"""The network as it is now, for one answer."""

from __future__ import annotations

from gtfs.realtime_live import Live
from mobility.api.motis.runs import Network
from mobility.wiring import Wiring


def network_of(wiring: Wiring, *, realtime: bool = True) -> Network:
    """The timetable of now with what is known of the day; without ``realtime`` as planned."""
    live = wiring.realtime.current if realtime else Live.of(wiring.planner.timetable)
    return Network(live, wiring.city.name, wiring.city.languages)
