"""What all searches of one city share: its ways, its timetable as it is now, fleets and fares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gtfs.geo import LatLon
from gtfs.ids import StopIdx
from gtfs.network import EVERYTHING, View
from gtfs.service_time import service_day
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.planning.errors import UnknownStopError
from mobility.planning.fleets.fleet_map import FleetMap
from mobility.planning.fleets.kinds import list_kinds
from mobility.planning.fronts import Fronts, Party
from mobility.planning.itinerary import Place
from mobility.planning.places.index import PlaceIndex
from mobility.planning.places.rows import PlaceRow
from mobility.planning.pricing import Pricer
from mobility.planning.scene import Scene
from mobility.planning.ways.estimated import streets_of
from mobility.planning.ways.reach import StreetWays
from providers.mirror import Mirror
from providers.port import Provider
from providers.values import Mode, ProviderId

AGAIN = 6
"""So many kinds of search, asked last, are made ready when the timetable changes."""
HUBS = 40
"""So many of the stops with most lines are where a free vehicle is left for the bus."""


@dataclass(frozen=True, slots=True)
class Door:
    """One end of a journey: where it is, and the stops that are at it."""

    place: Place
    stops: tuple[StopIdx, ...] = ()


class Ground:
    """One city, ready to be searched. Safe to use from several threads."""

    def __init__(
        self,
        city: City,
        timetable: Timetable,
        mirror: Mirror,
        providers: Mapping[ProviderId, Provider],
        current: Callable[[], Timetable] | None = None,
        streets: StreetWays | None = None,
        addresses: Iterable[PlaceRow] = (),
    ) -> None:
        """Take the city, its compiled timetable, what is available, and who sells it.

        ``current`` gives the timetable with realtime in it; no ``streets``: they are estimated.
        """
        self.city = city
        self.timetable = timetable
        self.current = current or (lambda: timetable)
        self.mirror = mirror
        self.streets = streets or streets_of(city.water, city.crossings, city.rules)
        self._scene = self._prepared = Scene(city, timetable)
        self.pricer = Pricer(city, providers)
        self.fronts = Fronts(city)
        self.places = PlaceIndex(city, timetable, addresses)
        kinds = list_kinds(city, self.streets)
        self.fleets = FleetMap(
            kinds,
            self.streets,
            [stop.position for stop in timetable.stops],
            list_hubs(timetable),
            mirror,
            city.timezone,
        )
        rented = (kind.mode for stanza in city.providers for kind in stanza.vehicle_types())
        self.modes_here = frozenset({Mode.WALK, *rented, *self._scene.modes})

    @property
    def scene(self) -> Scene:
        """The timetable as it is now; a search keeps to the one it began with."""
        timetable, scene = self.current(), self._scene
        if scene.timetable is not timetable:
            ready = self._prepared
            fits = ready.timetable is timetable
            scene = self._scene = ready if fits else Scene(self.city, timetable, scene)
        return scene

    def prepare(self, timetable: Timetable, now: datetime) -> None:
        """Work out of another version what most searches need, before they are given it.

        It must have the stops and paths of the first one, as realtime leaves them.
        """
        scene = Scene(self.city, timetable, self._scene)
        day = service_day(now, timetable.tz)
        asked = self.fronts.list_asked(self._scene.timetable, day)
        usual = [(view, EVERYTHING, Party()) for view in View]
        for view, usable, party in dict.fromkeys([*usual, *asked[-AGAIN:]]):
            self.fronts.network(timetable, scene.lines, day, view, usable, party)
        self._prepared = scene

    def name_near(self, position: LatLon) -> str:
        """What a place without a name is called."""
        return self.scene.lines.name_near(position) or self.city.title

    def get_stop(self, idx: StopIdx) -> Place:
        """A stop of the timetable as a place."""
        return self.scene.stops[idx]

    def get_door(self, end: LatLon | str, name: str) -> Door:
        """A position, or the stops of a stop or station id.

        A position goes by the name of the place or stop it is at, or else by ``name``.

        Raises:
            UnknownStopError: no such id.
        """
        if isinstance(end, LatLon):
            at = self.places.find_at(end)
            return Door(Place(at.name if at else name, end))
        timetable = self.timetable
        try:
            children = timetable.children_of(end)
        except KeyError as error:
            raise UnknownStopError(f"there is no stop or station {end[:80]!r}") from error
        station = timetable.station_index.get(end)
        if station is not None:
            return Door(Place(station.name, station.position, end), children)
        return Door(self.scene.stops[children[0]], children)


def list_hubs(timetable: Timetable) -> list[int]:
    """The stops with most lines, one of a name."""
    patterns, trips = timetable.patterns, timetable.trips
    lines: set[tuple[int, int]] = set()
    for pattern in range(len(patterns.stop0) - 1):
        route = int(trips.route[patterns.trip0[pattern]])
        stops = patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]]
        lines |= {(stop, route) for stop in stops.tolist()}
    served = Counter(stop for stop, _ in lines)
    return _one_of_each_name(timetable, (stop for stop, _ in served.most_common()))


def _one_of_each_name(timetable: Timetable, stops: Iterable[int]) -> list[int]:
    names: dict[str, int] = {}
    for stop in stops:
        if len(names) == HUBS:
            break
        names.setdefault(timetable.stop_table.name[stop], stop)
    return sorted(names.values())
