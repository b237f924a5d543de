"""Where the stops of a feed lie: one far from the city is mostly a slip in its coordinates."""

from __future__ import annotations

from gtfs.defects import Kind, Report, Severity
from gtfs.feed import Feed
from mobility.cities.city import City

_SEARCHED = "took it: rides pass there, but no search begins or ends there"


def note_outside(city: City, feed: Feed, report: Report) -> None:
    """Report each stop outside the city's bounds; or that all are, as where the columns changed."""
    outside = [stop for stop in feed.stops if stop.position not in city.bounds]
    if outside and len(outside) == len(feed.stops):
        one = outside[0]
        problem = (
            f"none of the {len(outside)} stops lies in the area of {city.title}, as {one.id!r} at "
            f"{one.position.lat}, {one.position.lon}: are latitude and longitude exchanged?"
        )
        report.add(
            "stops", None, "stop_lat", Kind.OUTSIDE, problem, "took them: no search finds any"
        )
        return
    for stop in outside:
        problem = (
            f"{stop.id!r} lies outside the area of {city.title}, "
            f"at {stop.position.lat}, {stop.position.lon}"
        )
        report.add("stops", None, "stop_lat", Kind.OUTSIDE, problem, _SEARCHED, Severity.NOTE)
