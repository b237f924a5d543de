"""The kernel's networks: a day's rides with what they cost and emit for those who travel."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from gtfs.front import LEVELS, FrontNetwork, Levels
from gtfs.ids import RouteIdx
from gtfs.network import DayNetwork, Usable, View, network_of
from gtfs.service_time import seconds_at
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.planning.lines import Lines
from mobility.planning.modes import mode_of
from providers.bus.fare_rules import UNKNOWN_CENTS, FixedFare, LevelFares, rules_of
from providers.bus.fares import FareUnknownError

Ints = npt.NDArray[np.int32]
KEPT = 24
_SATURDAY = 5
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Party:
    """Who travels: what fares and emissions depend on besides the ride."""

    passes: frozenset[str] = frozenset()
    passengers: int = 1


_Key = tuple[date, View, Usable, Party]


class Fronts:
    """The priced networks of a city's timetables; the last of each are kept."""

    def __init__(self, city: City) -> None:
        """Take the city with its fares and emission factors."""
        self._city = city
        self._kept: WeakKeyDictionary[Timetable, OrderedDict[_Key, FrontNetwork]] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        self._building = threading.Lock()
        """Held while a network is made: two at a time would only slow each other."""

    def network(
        self, timetable: Timetable, lines: Lines, day: date, view: View, usable: Usable,
        party: Party,
    ) -> FrontNetwork:  # fmt: skip
        """The network of a day as those travellers pay for it."""
        key = (day, view, usable, party)
        kept = self._kept.get(timetable)
        if kept is not None and (known := kept.get(key)) is not None:
            return known
        with self._building:
            with self._lock:
                kept = self._kept.setdefault(timetable, OrderedDict())
                if (known := kept.get(key)) is not None:
                    return known
            network = network_of(timetable, day, view, usable)
            made = self._price(timetable, lines, network, day, view, party)
            with self._lock:
                kept[key] = made
                while len(kept) > KEPT:
                    kept.popitem(last=False)
        return made

    def list_asked(self, timetable: Timetable, day: date) -> list[tuple[View, Usable, Party]]:
        """What has been asked for on a day, to be made ready for the timetable's next version."""
        with self._lock:
            kept = list(self._kept.get(timetable, ()))
        return [(view, usable, party) for on, view, usable, party in kept if on == day]

    def _price(
        self, timetable: Timetable, lines: Lines, network: DayNetwork, day: date, view: View,
        party: Party,
    ) -> FrontNetwork:  # fmt: skip
        trips = network.throughs.leads(network.section("timetable_trip"))
        routes = timetable.trips.route[trips]
        cents, levels = self._fares(timetable, day, party)
        grams = np.array(
            [
                (self._city.emissions.find_grams_per_km(mode_of(timetable.route(RouteIdx(r)))) or 0)
                for r in range(len(timetable.routes.id))
            ],
            np.int32,
        )
        mirrored = view is View.MIRRORED
        return FrontNetwork.of(
            network,
            mirrored=mirrored,
            trip_cents=cents[routes],
            trip_mg_per_m=grams[routes] * np.int32(party.passengers),
            metres=_metres(network, lines, mirrored=mirrored),
            levels=levels,
        )

    def _fares(self, timetable: Timetable, day: date, party: Party) -> tuple[Ints, Levels | None]:
        """Of each route the cents a ride, and the level tariff.

        The kernel knows one level tariff. Of a second one each ride counts with its cheapest
        ticket, which only the choice of ways feels: what is shown is priced by the tariff itself.
        """
        levels: tuple[str, LevelFares] | None = None
        cents: list[int] = []
        for agency in timetable.agencies.id:
            tariff, rule = self._rule(agency, day, party)
            if isinstance(rule, FixedFare):
                cents.append(rule.cents)
                continue
            levels = levels or (tariff, rule)
            one = levels[0] == tariff
            cents.append(LEVELS if one else min(price for _, price in rule.areas))
        by_route = np.array(cents, np.int32)[timetable.routes.agency]
        return by_route, self._levels(timetable, levels[1], day) if levels else None

    def _rule(self, agency: str, day: date, party: Party) -> tuple[str, FixedFare | LevelFares]:
        """The tariff of an agency and its rules; rides that nobody sells here are never cheap."""
        stanza = self._city.find_provider_of_agency(agency)
        table = self._city.fare_tables.get(stanza.fares or "") if stanza else None
        if table is None:
            return "", FixedFare(UNKNOWN_CENTS)
        try:
            tariff = table.get_tariff_of(agency)
            known = party.passes & {kind.id for kind in table.pass_}
            return tariff.id, rules_of(table, tariff, day, known, party.passengers)
        except FareUnknownError:
            return "", FixedFare(UNKNOWN_CENTS)

    def _levels(self, timetable: Timetable, rule: LevelFares, day: date) -> Levels:
        zones = timetable.stop_table.zone
        bits = {
            zone: sum(1 << i for i, (area, _) in enumerate(rule.areas) if zone in area)
            for zone in set(zones)
        } | {"": -1}
        return Levels(
            area_cents=tuple(cents for _, cents in rule.areas),
            stop_areas=np.array([bits[zone] for zone in zones], np.int32),
            transfer_s=rule.transfer_s,
            short_cents=rule.short_cents,
            short_stops=rule.short_stops,
            short_windows=self._short_windows(rule, day, timetable) if rule.short_stops else (),
        )

    def _short_windows(
        self, rule: LevelFares, day: date, timetable: Timetable
    ) -> tuple[tuple[int, int], ...]:
        """When the short-hop ticket is sold around a day, in seconds of its axis."""
        zone = self._city.timezone
        holidays = self._city.public_holidays(day - 3 * _DAY, day + 3 * _DAY)
        windows: list[tuple[int, int]] = []
        for offset in range(-2, 4):
            on = day + offset * _DAY
            free = on.weekday() >= _SATURDAY or on in holidays
            begins = time(0) if free or rule.short_weekday_from is None else rule.short_weekday_from
            first = seconds_at(datetime.combine(on, begins, zone), day, timetable.tz)
            until = seconds_at(datetime.combine(on + _DAY, time(0), zone), day, timetable.tz)
            if windows and windows[-1][1] == first:
                first = windows.pop()[0]
            windows.append((first, until))
        return tuple(windows)


def _metres(network: DayNetwork, lines: Lines, *, mirrored: bool) -> Ints:
    """Cumulative metres at each position of each of the network's patterns, in its own order."""
    trips, trip0 = network.section("timetable_trip"), network.section("trip0")
    parts: list[Ints] = [np.zeros(0, np.int32)]
    for first in trip0[: network.n_patterns].tolist():
        along = [lines.metres(trip) for trip in network.throughs.trips(int(trips[first]))]
        metres = along[0]
        for following in along[1:]:
            metres = np.concatenate([metres, metres[-1] + following[1:]])
        parts.append(metres[-1] - metres[::-1] if mirrored else metres)
    return np.concatenate(parts)
