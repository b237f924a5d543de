"""One search from door to door by all that a city has, on foot, by bus and ferry, rented.

Two questions are asked of the kernels. The plain one: which buses and ferries go within the page,
whatever else there is, so that nothing drives them out (motis#1234). The full one: the exact front
over arrival, transfers, price and CO2 of everything together (docs/decisions/0022), from the
page's first moment. A page is a window of departures (arrive-by: of arrivals); windows touch, so
turning pages neither skips nor repeats.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from gtfs.geo import distance_m
from gtfs.journey import Journey
from gtfs.network import Usable
from mobility.planning import notices, wishes
from mobility.planning.accessibility import Accessible
from mobility.planning.candidate import Candidate, cents_of
from mobility.planning.compose import Composer
from mobility.planning.day_ends import DayEnds, say_end
from mobility.planning.doors import measure
from mobility.planning.everything import AllWays
from mobility.planning.fleets.zone_notices import of_zones
from mobility.planning.ground import Ground
from mobility.planning.itinerary import TRANSIT, Itinerary, Leg, Reason
from mobility.planning.plain import HourlyWays, PlainWays
from mobility.planning.rank import rank
from mobility.planning.request import DayEnd, Notice, Page, SearchRequest, SearchResult
from mobility.planning.scheduled import LOOKED_BACK, PlainPage, list_plain, no_stops
from mobility.planning.transit import MAX_WAIT_SECONDS
from mobility.planning.ways.reach import StreetWays
from providers.values import Mode

SLOWER_SECONDS = 2700
"""Nobody takes so much longer than the fastest bus (arrive-by: leaves so much earlier)."""
HORIZON_SECONDS = 2 * 3600
"""How long a way may take at most that uses a rented vehicle, from the moment asked for."""
HERE_M = 15
"""Start and goal closer than this are one place."""
LAST_GAP_SECONDS = 9000
EVENING_FROM, MORNING_AT = 19, 5
Ints = npt.NDArray[np.int32]


class DoorToDoor:
    """One search: what it was asked, and what it needs at every turn."""

    def __init__(
        self, ground: Ground, request: SearchRequest, now: datetime, *,
        names: tuple[str, str] = ("Start", "Ziel"),
    ) -> None:  # fmt: skip
        """Take what the doors are called where they have no name of their own.

        Raises:
            UnknownStopError, BadSearchError
        """
        self.ground = ground
        self.city = ground.city
        self.scene = ground.scene
        self.timetable = self.scene.timetable
        self.request = request
        self.now = now
        self.backwards = request.arrive_by is not None
        self.at = _whole_second(
            request.arrive_by or request.depart_at or now, up=not self.backwards
        )
        self.page = Page.read(request.page, now) if request.page else None
        looked_at = self.page.at if self.page else self.at
        self.on: date = looked_at.astimezone(self.city.timezone).date()
        self.origin = ground.get_door(request.origin, names[0])
        self.destination = ground.get_door(request.destination, names[1])
        self.ends = (self.origin.place, self.destination.place)
        self.positions = (self.ends[0].position, self.ends[1].position)
        walk_m = self.city.rules.walk_max_m if request.max_walk_m is None else request.max_walk_m
        self.walk_seconds = _seconds_on_foot(ground.streets, walk_m)
        self.fleets = ground.fleets.view(self.on)
        self.kinds, self.stale = self._usable_kinds()
        self.composer = Composer(
            ground, self.scene, self.fleets, request,
            ends=self.ends, on=self.on, pick=int(now.timestamp() * 1000),
        )  # fmt: skip
        most_m = request.max_footpath_m
        self.usable = Usable(
            self.scene.routes_of(TRANSIT - request.modes),
            wheelchair=request.wheelchair,
            max_footpath_m=None if most_m is None else self.scene.footpaths_within(most_m),
        )

    def run(self) -> SearchResult:
        """The whole answer."""
        refused = self.refused()
        if refused is not None:
            return SearchResult((), (refused,), None, None)
        self.measure_doors()
        self.buses = self._plain_ways(self.usable)
        page = self._plain_page(self.buses)
        too_late = not self.request.with_gone and self._is_too_late(page)
        plain = [] if too_late else self._plain(page)
        alone = self._end_of_day is not None and page.ways
        fits, rivals = ([], []) if alone else self._everything(page)
        if too_late:
            fits = [one for one in fits if _instant(one.departs) >= self.now]
        ranked = rank(plain, fits, rivals=rivals, latest_first=self.backwards)
        shown = tuple(way for way in map(self._shown, ranked) if self._is_passable(way))
        hides = too_late and not any(way.has_transit for way in shown)
        begin = page.until if hides else page.first
        return SearchResult(
            itineraries=shown,
            notices=tuple(self._notices(page, shown)),
            earlier=Page(earlier=True, at=_instant(begin)).token(),
            later=Page(earlier=False, at=_instant(page.until)).token(),
        )

    def refused(self) -> Notice | None:
        """Why nothing is searched: there is no way to go, or it leads out of the city."""
        if distance_m(*self.positions) < HERE_M:
            return Notice("already_there", "Start und Ziel sind derselbe Ort.")
        if any(position not in self.city.bounds for position in self.positions):
            text = f"Start oder Ziel liegt außerhalb des Gebiets von {self.city.title}."
            return Notice("outside_area", text)
        return None

    def measure_doors(self) -> None:
        """What all questions begin with."""
        self.doors = measure(
            self.ground.streets, self.fleets, (self.origin, self.destination), self.request,
            self.on, walk_seconds=self.walk_seconds, kinds=self.kinds,
        )  # fmt: skip
        self.all_ways = AllWays(
            self.ground, self.scene, self.fleets, self.request, self.doors,
            usable=self.usable, kinds=self.kinds, walk_s=self.walk_seconds,
        )  # fmt: skip

    # The plain question

    @property
    def _end_of_day(self) -> DayEnd | None:
        """Which end of a day is asked for; pages go on from it as from any answer."""
        return None if self.page else self.request.of_day

    def _plain_page(self, ways: PlainWays) -> PlainPage:
        width = int(self.request.window.total_seconds())
        at = int(self.at.timestamp())
        if ways.lead_nowhere:
            return no_stops(at=at, width=width, page=self.page, backwards=self.backwards)
        if self._end_of_day is not None and self.request.day is not None:
            zones = self.city.timezone, self.timetable.tz
            day = DayEnds(ways.ask, self.request.day, *zones, self.doors.direct_s)
            return day.list_end(self._end_of_day)
        return list_plain(
            ways.ask, at=at, width=width, page=self.page, backwards=self.backwards,
            now=int(self.now.timestamp()),
        )  # fmt: skip

    def _plain_ways(self, usable: Usable) -> PlainWays:
        stops = len(self.scene.stops)
        access, egress = self.doors.access[:stops], self.doors.egress[:stops]
        ways = PlainWays if self.backwards else HourlyWays
        return ways(self.timetable, access, egress, usable, backwards=self.backwards)

    def _plain(self, page: PlainPage) -> list[Candidate]:
        """The page's ways that are quicker than walking, priced; the last of an evening says so."""
        plain = [self._priced_plain(one) for one in page.ways if one.seconds < self.doors.direct_s]
        if not plain or self.backwards or page.jumped or page.beyond is None:
            return plain
        last = max(one.departs for one in plain)
        hour = datetime.fromtimestamp(last, self.city.timezone).hour
        if MORNING_AT <= hour < EVENING_FROM or page.beyond.departs - last <= LAST_GAP_SECONDS:
            return plain
        return [
            one._replace(reasons=(Reason.LAST_WAY_HOME,)) if one.departs == last else one
            for one in plain
        ]

    def _priced_plain(self, one: Candidate) -> Candidate:
        journey: Journey = one.found
        out_s = int(self.doors.access[journey.source])
        back_s = int(self.doors.egress[journey.target])
        way = self.composer.plain(journey, out_s, back_s)
        return one._replace(
            cents=cents_of(way),
            co2_grams=way.co2_grams,
            found=way,
        )

    # The full question

    def _everything(self, page: PlainPage) -> tuple[list[Candidate], list[Candidate]]:
        """What else is on the page's front, and what is no part of the page but rivals it.

        What needs no timetable, and buses that are cheaper or greener but not quicker, stand on the
        first page alone.
        """
        moment = page.until if self.backwards else page.first
        slowest_s = self.buses.slowest(moment, SLOWER_SECONDS)
        horizon_s = min(slowest_s or HORIZON_SECONDS, HORIZON_SECONDS)
        fits: list[Candidate] = []
        rivals: list[Candidate] = []
        for found in self.all_ways.ask(moment, horizon_s):
            one = self._sold(found) if self.request.paid and found.has_rental else found
            if not one.has_transit:
                (rivals if self.page else fits).append(one)
            elif one.longest_wait <= MAX_WAIT_SECONDS and (one.has_rental or not self.page):
                edge = one.arrives - 1 if self.backwards else one.departs
                if page.first <= edge < page.until:
                    fits.append(one)
        return fits, rivals

    def _sold(self, one: Candidate) -> Candidate:
        """The same at what it is sold at: near midnight the kernel counts no cap of a day."""
        way = self.drawn(one)
        return one._replace(cents=cents_of(way), found=way)

    # Around both

    def _shown(self, one: Candidate) -> Itinerary:
        """The legs of a chosen way, priced and drawn."""
        return replace(self.drawn(one), reasons=one.reasons)

    def _is_passable(self, way: Itinerary) -> bool:
        """Whether nothing on it is known to be closed to those who travel, or too far to walk.

        Ways through real streets may be longer than a footpath was taken for.
        """
        most_m = self.request.max_footpath_m
        if self.request.wheelchair and any(leg.accessible is Accessible.NO for leg in way.legs):
            return False
        return most_m is None or not any(
            _is_footpath(leg) and leg.metres > most_m for leg in way.legs[1:-1]
        )

    def drawn(self, one: Candidate) -> Itinerary:
        """The legs of a way that was found, priced and drawn."""
        if isinstance(one.found, Itinerary):
            return one.found
        journey, day, network = one.found
        return self.composer.front(journey, day, network, self.doors.rides)

    def _usable_kinds(self) -> tuple[frozenset[int], list[Notice]]:
        """The kinds of vehicle that these travellers could use, and who is left out as stale."""
        stale = [
            notices.left_out(stanza.provider_id, stanza.name)
            for stanza in self.city.providers
            if stanza.vehicle_type and not self.ground.mirror.fresh(stanza.provider_id, self.now)
        ]
        left_out = {notice.provider_id for notice in stale}
        request = self.request
        kinds = (
            number
            for number, kind in enumerate(self.fleets.kinds)
            if kind.mode in request.modes
            and kind.provider_id not in left_out
            and kind.type.seats >= request.passengers
            and (kind.mode is Mode.CAR or not (request.wheelchair or request.passengers > 1))
        )
        return frozenset(kinds), stale

    # What else there is

    def _notices(self, page: PlainPage, shown: tuple[Itinerary, ...]) -> list[Notice]:
        request = self.request
        asked_for_transit = bool(request.modes & TRANSIT)
        found: list[Notice] = []
        found += self._say_end_of_day(page)
        too_late = self._say_what_goes_after(page) if asked_for_transit else None
        if too_late is not None:
            found.append(too_late)
        elif asked_for_transit and page.jumped and page.ways:
            first = self.drawn(self._priced_plain(page.ways[0]))
            found.append(
                notices.next_departure(first, self.city, self.at, backwards=self.backwards)
            )
        elif asked_for_transit and not page.ways:
            last_day = self.timetable.last_day
            found.append(
                notices.no_departure(last_day, self.on, request.modes, stops_near=page.stops_near)
            )
        if page.jumped or not page.ways or not shown:
            car = self.ground.streets.leg(Mode.CAR, *self.positions, self.on)
            if car is not None:
                found += notices.taxi(self.city, car.metres, request.passengers)
            found += notices.on_demand(self.city, self.at)
        if self.page is None and self._end_of_day is None:
            found += wishes.quicker_by(self._hidden(), shown, request, self.city, self.at)
        found += wishes.not_here(request, self.city, self.ground.modes_here)
        found += wishes.too_many(request, self.fleets.kinds)
        found += self.stale
        found += of_zones(shown, self.fleets, self.kinds, self.positions[1], self.city)
        found += notices.of_journeys(shown, self.city, self.now, wheelchair=request.wheelchair)
        if any(itinerary.has_transit for itinerary in shown):
            pricer = self.ground.pricer
            found += [
                Notice("fare_change_announced", text) for text in pricer.list_notices(self.on)
            ]
            found += [Notice("pass", text) for text in pricer.explain_passes(request.passes)]
        if not shown and not found:
            found.append(notices.nothing())
        return found

    def _say_what_goes_after(self, page: PlainPage) -> Notice | None:
        """Arrive-by: what goes next, where all that would be in time has gone."""
        if not self._is_too_late(page):
            return None
        ahead = replace(self.request, arrive_by=None, depart_at=self.now)
        way = type(self)(self.ground, ahead, self.now).find_first()
        if way is None:
            return notices.none_after() if page.ways else None
        return notices.next_departure(way, self.city, self.at, backwards=False)

    def _is_too_late(self, page: PlainPage) -> bool:
        """Arrive-by: whether all buses and ferries that would be in time have gone."""
        known = self.on <= self.timetable.last_day and self.at <= self.now + LOOKED_BACK
        if not self.backwards or self.page or not page.stops_near or not known:
            return False
        return all(_instant(one.departs) < self.now for one in page.ways)

    def find_first(self) -> Itinerary | None:
        """The first scheduled way from the moment asked for, priced and drawn."""
        self.measure_doors()
        ways = self._plain_page(self._plain_ways(self.usable)).ways
        first = min(ways, key=lambda one: one.departs, default=None)
        return None if first is None else self.drawn(self._priced_plain(first))

    def _say_end_of_day(self, page: PlainPage) -> list[Notice]:
        """Which connection is shown, and when the next one goes where it has left."""
        end, day = self._end_of_day, self.request.day
        if end is None or day is None or not page.stops_near:
            return []
        departs = None if page.jumped or not page.ways else _instant(page.first)
        said = [say_end(end, day, departs, self.city.timezone)]
        if departs is not None and departs < self.now:
            following = self.buses.ask(int(self.now.timestamp()) + 1)
            if following:
                way = self.drawn(self._priced_plain(min(following, key=lambda one: one.departs)))
                said.append(notices.next_departure(way, self.city, self.now, backwards=False))
        return said

    def _hidden(self) -> list[Itinerary]:
        """The page's plain ways that go by a mode that was not asked for; arrive-by: not gone."""
        if not self.usable.without_routes:
            return []
        page = self._plain_page(self._plain_ways(replace(self.usable, without_routes=frozenset())))
        wanted = self.request.modes | {Mode.WALK}
        quicker = (
            one
            for one in page.ways
            if one.seconds < self.doors.direct_s
            and not (self.backwards and _instant(one.departs) < self.now)
        )
        ways = [self.drawn(self._priced_plain(one)) for one in quicker]
        return [way for way in ways if not all(leg.mode in wanted for leg in way.legs)]


def _is_footpath(leg: Leg) -> bool:
    stops = leg.origin.stop_id, leg.destination.stop_id
    return leg.mode is Mode.WALK and None not in stops


def _seconds_on_foot(streets: StreetWays, most_m: int) -> int:
    """The whole seconds in which nobody walks farther, as lengths are shown."""
    seconds = streets.seconds(Mode.WALK, most_m)
    return seconds - (streets.metres(Mode.WALK, seconds) > most_m)


def _instant(posix: int) -> datetime:
    return datetime.fromtimestamp(posix, UTC)


def _whole_second(at: datetime, *, up: bool) -> datetime:
    """Timetables know whole seconds: nobody may leave earlier, or arrive later, than asked."""
    down = at.astimezone(UTC).replace(microsecond=0)
    return down + timedelta(seconds=1) if up and down < at else down
