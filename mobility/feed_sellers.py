"""Whose rides of a feed the city sells: an agency that no provider names is a defect."""

from __future__ import annotations

from gtfs.defects import Kind, Report
from gtfs.feed import Feed
from mobility.cities.city import City

_ACTION = "took its lines: they are found, but have no price and cannot be booked"


def note_unsold(city: City, feed: Feed, prefix: str, report: Report) -> None:
    """Report each agency with lines whose rides have no seller or no tariff in the city.

    ``prefix`` comes before the feed's ids where several feeds become one.
    """
    with_lines = {route.agency_id for route in feed.routes}
    for agency in feed.agencies:
        if agency.id not in with_lines:
            continue
        problem = _why_unsold(city, prefix + agency.id)
        if problem:
            report.add("agency", agency.row, "agency_id", Kind.UNSOLD, problem, _ACTION)


def _why_unsold(city: City, agency_id: str) -> str:
    stanza = city.find_provider_of_agency(agency_id)
    if stanza is None:
        return f"no provider of providers.toml has {agency_id!r} among its agency_ids"
    table = city.fare_tables.get(stanza.fares or "")
    if table and any(agency_id in tariff.agency_ids for tariff in table.tariff):
        return ""
    return f"no tariff of {stanza.fares} has {agency_id!r} among its agency_ids"
