"""What a single point of a street is: a bollard, a gate, a kerb.

After https://wiki.openstreetmap.org/wiki/Key:barrier and /Key:kerb. A gate without access tags is
open, as most routers take it; a locked one is shut.
"""

from __future__ import annotations

from mobility.streets.access_tags import BIKE, CAR, FOOT, Tags, allowed
from mobility.streets.way_tags import Profile
from mobility.streets.wheelchair_tags import MIN_WIDTH_M, Wheels, metres

_WALLS = frozenset({"wall", "fence", "hedge", "ditch", "retaining_wall", "city_wall"})
_NO_CARS = frozenset({
    "bollard", "block", "cycle_barrier", "turnstile", "kissing_gate", "stile", "jersey_barrier",
    "planter", "chain", "debris", "log", "motorcycle_barrier", "bus_trap", "sump_buster",
    "full-height_turnstile", "hampshire_gate", "rope", "wicket_gate",
})  # fmt: skip
_NO_WHEELS = frozenset({"turnstile", "kissing_gate", "stile", "full-height_turnstile", "log"})
_FLAT = frozenset({"flush", "lowered", "no"})


def barred(tags: Tags) -> frozenset[Profile]:
    """The profiles that cannot pass the point.

    Access tags count at barriers alone: on a bus stop or an entrance they speak of that.
    """
    barrier = tags.get("barrier", "")
    if not barrier:
        wheels = wheels_at(tags)
        return frozenset({Profile.WHEELCHAIR} if wheels is Wheels.NO else ())
    if tags.get("locked") == "yes":
        return frozenset(Profile)
    wall = barrier in _WALLS
    foot = allowed(tags, FOOT, "forward", default="no" if wall else "yes")
    narrow = wall or barrier in _NO_WHEELS
    bike = allowed(tags, BIKE, "forward", default="no" if narrow else "yes")
    car = allowed(tags, CAR, "forward", default="no" if wall or barrier in _NO_CARS else "yes")
    result = {
        profile
        for profile, may in ((Profile.WALK, foot), (Profile.BIKE, bike), (Profile.CAR, car))
        if may == "no"
    }
    if foot == "no" or wheels_at(tags) is Wheels.NO:
        result.add(Profile.WHEELCHAIR)
    return frozenset(result)


def wheels_at(tags: Tags) -> Wheels:
    """What a wheelchair finds at the point: yes where nothing is in its way."""
    barrier, kerb = tags.get("barrier"), tags.get("kerb")
    said = tags.get("wheelchair") if barrier or kerb or _is_crossing(tags) else None
    width = metres(tags.get("maxwidth:physical", "") or tags.get("width", ""))
    if said == "yes":
        return Wheels.YES
    if said == "no" or kerb in {"raised", "rolled"} or barrier in _NO_WHEELS | _WALLS:
        return Wheels.NO
    if width is not None and barrier:
        return Wheels.NO if width < MIN_WIDTH_M else Wheels.YES
    if kerb in _FLAT:
        return Wheels.YES
    plain = barrier in {None, "entrance", "toll_booth", "border_control"} and kerb is None
    return Wheels.YES if plain else Wheels.UNKNOWN


def _is_crossing(tags: Tags) -> bool:
    return tags.get("highway") in {"crossing", "elevator"}
