"""Stop positions grouped into stations, by name and nearness."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gtfs.geo import LatLon, distance_m
from mobility.cities.network_facts import StopFact

_SPELLED = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"}


@dataclass(frozen=True, slots=True)
class Station:
    """Stop positions of one name that lie near each other."""

    id: str
    name: str
    position: LatLon
    stops: tuple[StopFact, ...]


def group_stations(stops: Iterable[StopFact], radius_m: float) -> tuple[Station, ...]:
    """Stops of one name into stations: each lies within ``radius_m`` of another of its station."""
    by_name: dict[str, list[StopFact]] = {}
    for stop in sorted(stops, key=lambda stop: stop.stop_id):
        by_name.setdefault(stop.name, []).append(stop)
    stations = []
    used: Counter[str] = Counter()
    for name in sorted(by_name):
        for group in _clusters(by_name[name], radius_m):
            slug = "station-" + _slug(name)
            used[slug] += 1
            centre = LatLon(
                round(sum(stop.lat for stop in group) / len(group), 6),
                round(sum(stop.lon for stop in group) / len(group), 6),
            )
            suffix = "" if used[slug] == 1 else f"-{used[slug]}"
            stations.append(Station(slug + suffix, name, centre, tuple(group)))
    return tuple(stations)


def _clusters(stops: Sequence[StopFact], radius_m: float) -> list[list[StopFact]]:
    groups: list[list[StopFact]] = []
    for stop in stops:
        near = [
            group
            for group in groups
            if any(distance_m(stop.position, other.position) <= radius_m for other in group)
        ]
        merged = [other for group in near for other in group] + [stop]
        groups = [group for group in groups if group not in near] + [merged]
    return groups


def _slug(name: str) -> str:
    spelled = name.lower().translate(_SPELLED)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return "-".join(words) or "stop"
