"""Whose rides of a feed the city sells: what has no seller, tariff or area is a defect."""

from __future__ import annotations

import numpy as np

from gtfs.defects import Kind, Report
from gtfs.feed import Feed
from gtfs.trip_columns import TripColumns
from mobility.cities.city import City
from providers.bus.fare_table import FareTable, Tariff

_NOT_SOLD = "took its lines: they are found, but have no price and cannot be booked"
_SHORT_HOPS = "took its stops: rides from and to them have no price, but for short hops"


def note_unsold(city: City, feed: Feed, prefix: str, report: Report) -> None:
    """Report each agency with lines whose rides have no seller, no tariff or no area in the city.

    ``prefix`` comes before the feed's ids where several feeds become one.
    """
    with_lines = {route.agency_id for route in feed.routes}
    for agency in feed.agencies:
        if agency.id not in with_lines:
            continue
        id_ = prefix + agency.id
        stanza = city.find_provider_of_agency(id_)
        table = city.fare_tables.get(stanza.fares or "") if stanza else None
        tariff = _find_tariff(table, id_)
        if table is not None and tariff is not None:
            _note_zones(feed, agency.id, prefix, table, tariff, report)
            continue
        named = f"tariff of {stanza.fares}" if stanza else "provider of providers.toml"
        problem = f"no {named} has {id_!r} among its agency_ids"
        report.add("agency", agency.row, "agency_id", Kind.UNSOLD, problem, _NOT_SOLD)


def _find_tariff(table: FareTable | None, agency_id: str) -> Tariff | None:
    tariffs = table.tariff if table else ()
    return next((tariff for tariff in tariffs if agency_id in tariff.agency_ids), None)


def _note_zones(
    feed: Feed, agency_id: str, prefix: str, table: FareTable, tariff: Tariff, report: Report
) -> None:
    """Report each zone that no price list of a tariff by areas holds, with a stop of it."""
    if tariff.product is not None:
        return
    lists = [edition for edition in table.edition if edition.tariff == tariff.id]
    held = {zone for one in lists for area in one.zone_levels for zone in area.zones}
    served = _stops_served(feed, agency_id)
    stops_at = {
        prefix + stop.zone_id: stop.id for stop in feed.stops if stop.zone_id and stop.id in served
    }
    for zone in sorted(stops_at.keys() - held):
        problem = (
            f"no zone_levels of tariff {tariff.id} hold {zone!r}, as of stop {stops_at[zone]!r}"
        )
        report.add("stops", None, "zone_id", Kind.UNSOLD, problem, _SHORT_HOPS)


def _stops_served(feed: Feed, agency_id: str) -> set[str]:
    """The ids of the stops that an agency's trips call at."""
    trips = TripColumns.of(feed.trips)
    agency_of = {route.id: route.agency_id for route in feed.routes}
    own = np.array([agency_of.get(id_) == agency_id for id_ in trips.route_ids], np.bool_)
    calls = np.repeat(own[trips.route], np.diff(trips.call0))
    return {trips.stop_ids[stop] for stop in np.unique(trips.stop[calls]).tolist()}
