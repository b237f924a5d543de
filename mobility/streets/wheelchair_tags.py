"""What a wheelchair finds on a way: yes, no, or that nobody has said.

Unknown is never taken for yes. ``wheelchair=*`` is what somebody has judged on the spot and counts
first; else what DIN 18040 rules out (steps, more than 6 % incline, less than 90 cm) is a no, and a
yes needs a firm surface, its smoothness and the incline all to be known.
"""

from __future__ import annotations

from enum import IntEnum

from mobility.streets.access_tags import Tags


class Wheels(IntEnum):
    """Whether a wheelchair can pass; in the order in which the worse prevails."""

    NO = 0
    UNKNOWN = 1
    YES = 2


MAX_INCLINE_PERCENT = 6.0
MIN_WIDTH_M = 0.9

_FIRM = frozenset({"asphalt", "concrete", "paved", "paving_stones", "concrete:plates", "metal"})
_LOOSE = frozenset({"sand", "mud", "gravel", "pebblestone", "woodchips", "unhewn_cobblestone"})
_EVEN = frozenset({"excellent", "good", "intermediate"})
_UNEVEN = frozenset({"very_bad", "horrible", "very_horrible", "impassable"})


def wheels_on(tags: Tags) -> Wheels:
    """What the tags of a way say."""
    said = tags.get("wheelchair")
    if said in {"yes", "designated"} or tags.get("ramp:wheelchair") in {"yes", "separate"}:
        return Wheels.YES
    if said == "no" or tags.get("highway") == "steps":
        return Wheels.NO
    incline, width = percent(tags.get("incline", "")), metres(tags.get("width", ""))
    if (
        (incline is not None and abs(incline) > MAX_INCLINE_PERCENT)
        or (width is not None and width < MIN_WIDTH_M)
        or tags.get("surface") in _LOOSE
        or tags.get("smoothness") in _UNEVEN
        or tags.get("kerb") in {"raised", "rolled"}
    ):
        return Wheels.NO
    known = tags.get("surface") in _FIRM and tags.get("smoothness") in _EVEN
    return Wheels.YES if known and incline is not None and said is None else Wheels.UNKNOWN


def percent(value: str) -> float | None:
    """An incline in percent; ``up`` and ``down`` say nothing of how steep it is."""
    value = value.strip()
    if value == "0":
        return 0.0
    return metres(value[:-1]) if value.endswith("%") else None


def metres(value: str) -> float | None:
    """A length in metres; None where it is no plain number of them."""
    try:
        return float(value.strip().removesuffix("m").replace(",", "."))
    except ValueError:
        return None
