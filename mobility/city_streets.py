"""The streets of a city as a process finds them: imported, or none."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date
from pathlib import Path

from pydantic import HttpUrl

from gtfs.artefact import ArtefactError
from gtfs.geo import LatLon
from gtfs.transfers import Walk
from mobility.cities.city import City
from mobility.cities.facts import Access, Attribution
from mobility.planning.places.rows import PlaceRow
from mobility.planning.ways.estimated import estimated_walk, streets_of
from mobility.planning.ways.imported import StreetNetwork
from mobility.planning.ways.patched import PatchedStreets
from mobility.planning.ways.reach import Places, StreetWays
from mobility.planning.ways.water import degrees_of
from mobility.settings import Settings
from mobility.streets.addresses import Addresses
from mobility.streets.closures import Crossing
from mobility.streets.way_tags import Profile
from providers.values import Mode

log = logging.getLogger(__name__)

_OPENSTREETMAP = Attribution(
    text="© OpenStreetMap contributors",
    licence="ODbL 1.0",
    url=HttpUrl("https://www.openstreetmap.org/copyright"),
    covers="streets, addresses and names of places",
)

_PROFILES = {
    Mode.WALK: (Profile.WALK, Profile.WHEELCHAIR),
    Mode.BIKE: (Profile.BIKE,),
    Mode.CAR: (Profile.CAR,),
}


def streets_path(settings: Settings) -> Path:
    """Where the streets and addresses of the city lie, once ``mobility streets import`` ran."""
    return settings.data / "streets" / f"{Path(settings.city).name}.bin"


def open_streets(settings: Settings, city: City) -> PatchedStreets | None:
    """The imported streets; None where there are none that this version reads or that are here.

    A search without them estimates its ways, and one with them those beyond the extract.
    """
    path = streets_path(settings)
    if not path.is_file():
        return None
    try:
        network = StreetNetwork.load(path, city.rules.speeds_kmh())
    except ArtefactError as error:
        log.warning("ways are estimated: %s", error)
        return None
    if not network.has_streets_at(city.centre):
        log.warning("ways are estimated: %s has no streets in the centre of %s", path, city.title)
        return None
    return PatchedStreets(network, streets_of(city.water, city.crossings, city.rules))


def credit_streets(settings: Settings, city: City) -> City:
    """The city, with OpenStreetMap named as a source where its streets were imported."""
    named = any("openstreetmap" in source.text.lower() for source in city.attributions)
    if named or not streets_path(settings).is_file():
        return city
    return replace(city, attributions=(*city.attributions, _OPENSTREETMAP))


def footpath_walk(settings: Settings, city: City, on: date) -> Walk:
    """How long footpaths of a timetable take: by the imported streets, else estimated.

    Where an extract has no street near a stop, the estimate takes its place there too.
    """
    estimated = estimated_walk(city, on)
    imported = open_streets(settings, city)
    if imported is None:
        return estimated

    def walk(a: LatLon, b: LatLon) -> int | None:
        way = imported.leg(Mode.WALK, a, b, on)
        if way is None:
            return None
        return estimated(a, b) if way.estimated else way.seconds

    return walk


def list_crossings(city: City, on: date) -> list[Crossing]:
    """The bridges and tunnels of the city's data, and who may not cross each on that day."""
    return [
        Crossing(
            one.name,
            one.position,
            frozenset(
                profile
                for mode in one.closed_modes
                if one.access(mode, on) is Access.CLOSED
                for profile in _PROFILES[mode]
            ),
        )
        for one in city.crossings
        if one.kind in {"bridge", "tunnel"}
    ]


def list_addresses(settings: Settings, city: City) -> list[PlaceRow]:
    """The addresses, streets and named places of the extract that lie in the city's area."""
    path = streets_path(settings)
    if not path.is_file():
        return []
    try:
        found = Addresses.load(path)
    except (ArtefactError, KeyError):
        return []
    return [
        PlaceRow(
            row.name, row.kind, row.lat, row.lon,
            detail=" ".join(filter(None, (row.postcode, row.locality))),
        )
        for row in found
        if LatLon(row.lat, row.lon) in city.bounds
    ]  # fmt: skip


def compile_ways(ways: StreetWays, centre: LatLon, on: date) -> None:
    """Use every kernel of a network once, so that no search waits for its compiler."""
    near = LatLon(centre.lat, centre.lon + 0.01)
    places = Places(degrees_of([near]))
    ways.leg(Mode.WALK, centre, near, on)
    ways.reach(centre, Mode.WALK, places, on, max_seconds=60)
    places.with_changes({}, [centre])
