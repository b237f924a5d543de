"""How fast a street is for each profile and direction, and what a wheelchair finds on it.

Speeds are kilometres an hour, 0 where the way is closed. A car goes at a share of what is allowed,
for junctions and other cars; these shares and the surface factors are assumptions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from mobility.streets.access_tags import BIKE, CAR, FOOT, PUSHED, Tags, allowed, open_directions
from mobility.streets.wheelchair_tags import Wheels, wheels_on

WALK_KMH, BIKE_KMH, WHEELS_KMH, PUSH_KMH = 4.7, 14.0, 4.0, 3.5
FERRY_KMH = 9.0


class Profile(IntEnum):
    """A way of moving through the streets: the index of its speeds and of its graph."""

    WALK = 0
    WHEELCHAIR = 1
    BIKE = 2
    CAR = 3


# highway: foot, bicycle, car, km/h of a car where no maxspeed says otherwise
_HIGHWAYS: dict[str, tuple[str, str, str, float]] = {
    "motorway": ("no", "no", "yes", 110),
    "motorway_link": ("no", "no", "yes", 60),
    "trunk": ("no", "no", "yes", 80),
    "trunk_link": ("no", "no", "yes", 50),
    "primary": ("yes", "yes", "yes", 50),
    "primary_link": ("yes", "yes", "yes", 50),
    "secondary": ("yes", "yes", "yes", 50),
    "secondary_link": ("yes", "yes", "yes", 50),
    "tertiary": ("yes", "yes", "yes", 50),
    "tertiary_link": ("yes", "yes", "yes", 50),
    "unclassified": ("yes", "yes", "yes", 50),
    "residential": ("yes", "yes", "yes", 30),
    "living_street": ("yes", "yes", "yes", 7),
    "service": ("yes", "yes", "yes", 20),
    "road": ("yes", "yes", "yes", 30),
    "track": ("yes", "yes", "no", 20),
    "pedestrian": ("yes", PUSHED, "no", 7),
    "footway": ("yes", PUSHED, "no", 7),
    "corridor": ("yes", "no", "no", 7),
    "platform": ("yes", PUSHED, "no", 7),
    "elevator": ("yes", PUSHED, "no", 7),
    "path": ("yes", "yes", "no", 7),
    "bridleway": ("no", "no", "no", 7),
    "cycleway": ("no", "yes", "no", 7),
    "steps": ("yes", "no", "no", 7),
    "busway": ("no", "no", "no", 30),
}
_BIKE_SURFACES = {
    "compacted": 0.9, "fine_gravel": 0.9, "paving_stones": 0.95, "wood": 0.9, "metal": 0.9,
    "sett": 0.75, "cobblestone": 0.65, "unhewn_cobblestone": 0.5, "gravel": 0.65,
    "pebblestone": 0.6, "ground": 0.7, "dirt": 0.65, "earth": 0.65, "unpaved": 0.7, "grass": 0.55,
    "grass_paver": 0.7, "mud": 0.3, "sand": 0.3, "woodchips": 0.5,
}  # fmt: skip
_BIKE_SMOOTHNESS = {
    "bad": 0.8, "very_bad": 0.55, "horrible": 0.35, "very_horrible": 0.0, "impassable": 0.0,
}  # fmt: skip
_FOOT_SURFACES = {"sand": 0.7, "mud": 0.6}
_STEPS_FACTOR = 0.5
_MAXSPEEDS = {
    "walk": 7, "DE:walk": 7, "DE:living_street": 7, "DE:urban": 50, "DE:rural": 100,
    "DE:bicycle_road": 30, "DE:zone:20": 20, "DE:zone:30": 30, "DE:zone30": 30, "none": 120,
}  # fmt: skip
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|km/h)?$")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d)$")
_ISO = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$")


@dataclass(frozen=True, slots=True)
class Way:
    """What the tags of a way make of it."""

    forward: tuple[float, float, float, float]
    """Kilometres an hour of each profile along the way; 0 is closed."""
    backward: tuple[float, float, float, float]
    wheels: Wheels
    is_ferry: bool = False
    duration_s: float | None = None
    """How long a ferry takes for all of the way, where its tags say it."""
    has_doors: bool = True
    """Whether a trip can start or end on it: not on a ferry, and not on a motorway."""


def way_of(tags: Tags) -> Way | None:
    """The way that these tags describe; None where nobody can use it or it is no street."""
    ferry = tags.get("route") == "ferry"
    highway = tags.get("highway") or ("platform" if _is_platform(tags) else "")
    defaults = ("yes", "yes", "no", FERRY_KMH) if ferry else _HIGHWAYS.get(highway)
    if defaults is None:
        return None
    if tags.get("motorroad") == "yes":
        defaults = ("no", "no", "yes", 80)
    if highway == "cycleway" and tags.get("segregated") == "yes":
        defaults = ("yes", *defaults[1:])
    wheels = Wheels.UNKNOWN if ferry and "wheelchair" not in tags else wheels_on(tags)
    speeds = [_speeds(tags, highway, defaults, wheels, way) for way in ("forward", "backward")]
    if not any(map(any, speeds)):
        return None
    if not ferry:
        doors = not highway.startswith("motorway") and tags.get("motorroad") != "yes"
        return Way(speeds[0], speeds[1], wheels, has_doors=doors)
    forward, backward = (tuple(FERRY_KMH * (s > 0) for s in way) for way in speeds)
    duration = duration_s(tags.get("duration", ""))
    return Way(
        forward,  # type: ignore[arg-type]
        backward,  # type: ignore[arg-type]
        wheels,
        is_ferry=True,
        duration_s=duration,
        has_doors=False,
    )


def _is_platform(tags: Tags) -> bool:
    return tags.get("railway") == "platform" or tags.get("public_transport") == "platform"


def _speeds(
    tags: Tags, highway: str, defaults: tuple[str, str, str, float], wheels: Wheels, direction: str
) -> tuple[float, float, float, float]:
    at = 0 if direction == "forward" else 1
    surface, smoothness = tags.get("surface", ""), tags.get("smoothness", "")
    foot = allowed(tags, FOOT, direction, default=defaults[0]) == "yes"
    foot = foot and open_directions(tags, "foot")[at]
    walk = WALK_KMH * _FOOT_SURFACES.get(surface, 1) * (_STEPS_FACTOR if highway == "steps" else 1)
    rolls = WHEELS_KMH if foot and wheels is not Wheels.NO else 0.0
    riding = allowed(tags, BIKE, direction, default=defaults[1])
    ride = 0.0
    if riding == PUSHED:
        ride = PUSH_KMH if foot else 0.0
    elif riding == "yes" and highway != "steps" and open_directions(tags, "bicycle")[at]:
        rough = 0.8 if highway == "track" and not surface else 1.0
        ride = BIKE_KMH * _BIKE_SURFACES.get(surface, rough) * _BIKE_SMOOTHNESS.get(smoothness, 1)
    drives = allowed(tags, CAR, direction, default=defaults[2]) == "yes" and highway != "steps"
    drives = drives and open_directions(tags, "car")[at]
    limit = maxspeed_kmh(tags, direction) or defaults[3]
    return (walk if foot else 0.0, rolls, ride, flowing_kmh(limit) if drives else 0.0)


def flowing_kmh(limit: float) -> float:
    """How fast a car gets along where so much is allowed: junctions count, most so in town."""
    if limit <= 50:
        return 0.65 * limit
    return 0.8 * limit if limit <= 80 else 0.9 * limit


def maxspeed_kmh(tags: Tags, direction: str) -> float | None:
    """The limit that the tags give; None where they give none that we understand."""
    for key in (f"maxspeed:{direction}", "maxspeed", "maxspeed:type", "zone:maxspeed"):
        value = tags.get(key, "").strip()
        if value in _MAXSPEEDS:
            return _MAXSPEEDS[value]
        found = _NUMBER.match(value)
        if found and float(found[1]) > 0:
            return float(found[1]) * (1.609344 if found[2] == "mph" else 1)
    return None


def duration_s(value: str) -> float | None:
    """Seconds of ``MM``, ``HH:MM``, ``HH:MM:SS`` or ``PT10M``; None where it is none of them."""
    value = value.strip()
    if value.isdecimal() and int(value) > 0:
        return 60.0 * int(value)
    iso = _ISO.match(value)
    if iso and any(iso.groups()):
        hours, minutes, seconds = (int(part or 0) for part in iso.groups())
        return 3600.0 * hours + 60 * minutes + seconds
    clock = _CLOCK.match(value)
    if clock is None:
        return None
    first, second, third = int(clock[1] or 0), int(clock[2]), int(clock[3])
    total = 3600 * first + 60 * second + third if clock[1] else 3600 * second + 60 * third
    return float(total) or None
