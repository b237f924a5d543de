"""The geofencing zones of all kinds of vehicle, as they are in force on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gtfs.geo import LatLon
from mobility.planning.fleets.kind_zones import KindZones
from mobility.planning.fleets.kinds import Kind
from mobility.planning.ways.reach import StreetWays
from mobility.planning.ways.water import Plane, degrees_of
from providers.values import ProviderId
from providers.zones import Phases, Zones

BEYOND_MIDNIGHT = timedelta(hours=6)
"""So long after its end a ride may still be under way that was looked for on a day."""
Times = tuple[Phases, ...]
MOST_TIMES = 16
"""Of which is kept what was worked out: zones that come and go may be others on each day."""

MOST_DAYS = 64
"""Of which is remembered what is in force."""


@dataclass(frozen=True, slots=True, eq=False)
class FleetZones:
    """What operators say; when one says something else, there is a new value."""

    kinds: Sequence[Kind]
    streets: StreetWays
    plane: Plane
    timezone: ZoneInfo
    zones: Mapping[ProviderId, Zones] = field(default_factory=dict)
    """Of the operators that limit something."""
    _made: dict[tuple[date, int, Phases], KindZones] = field(default_factory=dict)
    _times: dict[date, Times] = field(default_factory=dict)

    @staticmethod
    def none(
        kinds: Sequence[Kind], streets: StreetWays, stops: Sequence[LatLon], timezone: ZoneInfo
    ) -> FleetZones:
        """No zones yet, around the stops of a city."""
        middle = degrees_of(stops).mean(axis=0).tolist() if stops else (0.0, 0.0)
        return FleetZones(kinds, streets, Plane(LatLon(*middle)), timezone)

    def having(self, provider_id: ProviderId, stated: Zones) -> FleetZones:
        """The same with other zones of one operator; what was worked out of the others stays."""
        zones = {one: its for one, its in self.zones.items() if one != provider_id}
        if stated.zones or stated.global_rules:
            zones[provider_id] = stated
        made = {
            key: limits
            for key, limits in self._made.items()
            if self.kinds[key[1]].provider_id != provider_id
        }
        return replace(self, zones=zones, _made=made, _times={})

    def times(self, on: date) -> Times:
        """What of the zones is in force on a day: where that is equal, so is ``of_kinds``."""
        known = self._times.get(on)
        if known is None:
            first = datetime.combine(on, time(), self.timezone)
            last = datetime.combine(on + timedelta(days=1), time(), self.timezone) + BEYOND_MIDNIGHT
            if len(self._times) >= MOST_DAYS:
                self._times.clear()
            known = tuple(zones.phases(first, last) for zones in self.zones.values())
            self._times[on] = known
        return known

    def of_kinds(self, times: Times, on: date) -> dict[int, KindZones]:
        """By the number of a kind what limits it, with the ways of that day."""
        phases = dict(zip(self.zones, times, strict=True))
        return {
            number: self._of_kind(number, phases[kind.provider_id], on)
            for number, kind in enumerate(self.kinds)
            if kind.provider_id in phases
        }

    def _of_kind(self, number: int, phases: Phases, on: date) -> KindZones:
        found = self._made.pop((on, number, phases), None)
        if found is None:
            kind = self.kinds[number]
            zones = self.zones[kind.provider_id]
            found = KindZones(zones, phases, kind, self.streets, self.plane, on)
        self._made[on, number, phases] = found
        if len(self._made) > MOST_TIMES * len(self.kinds):
            del self._made[next(iter(self._made))]
        return found
