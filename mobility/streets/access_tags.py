"""Who may use a street, by its tags: foot, bicycle and car, in each direction.

After https://wiki.openstreetmap.org/wiki/Key:access and /Key:oneway. A key that names the traveller
beats one that names a group of them. A private way is no way; one for its destination is.
"""

from __future__ import annotations

from collections.abc import Mapping

Tags = Mapping[str, str]

FOOT = ("foot", "access")
BIKE = ("bicycle", "vehicle", "access")
CAR = ("motorcar", "motor_vehicle", "vehicle", "access")

_OPEN = frozenset({
    "yes", "permissive", "designated", "destination", "official", "customers", "public", "limited",
})  # fmt: skip
_CLOSED = frozenset({
    "no", "private", "delivery", "agricultural", "forestry", "emergency", "military", "permit",
    "residents", "employees", "staff", "students", "use_sidepath", "discouraged",
})  # fmt: skip
PUSHED = "dismount"

_YES = frozenset({"yes", "true", "1"})
_AGAINST = frozenset({"-1", "reverse"})
_SIDES = ("cycleway", "cycleway:both", "cycleway:left", "cycleway:right")


def allowed(tags: Tags, keys: tuple[str, ...], direction: str, *, default: str) -> str:
    """``yes``, ``no`` or ``dismount`` for the traveller whose keys these are, special first.

    ``direction`` is ``forward`` or ``backward``; ``default`` is for what the tags leave open.
    """
    for key in keys:
        value = tags.get(f"{key}:{direction}") or tags.get(key)
        if value is None:
            continue
        if value == PUSHED:
            return PUSHED if key == "bicycle" else default
        if value in _OPEN:
            # What is open to all is open to those who may use such a street at all.
            return "yes" if key != "access" else default
        if value in _CLOSED:
            return "no"
    return default


def open_directions(tags: Tags, mode: str) -> tuple[bool, bool]:
    """Whether one-way rules let ``foot``, ``bicycle`` or ``car`` go forward and backward."""
    own = tags.get(f"oneway:{mode}")
    if mode == "foot":
        rule = own or "no"
    elif mode == "bicycle":
        rule = own or ("no" if _has_contraflow(tags) else _oneway(tags))
    else:
        rule = own or tags.get("oneway:motor_vehicle") or _oneway(tags)
    return rule not in _AGAINST, rule not in _YES


def _oneway(tags: Tags) -> str:
    value = tags.get("oneway")
    if value is not None:
        return value
    implied = (
        tags.get("junction") in {"roundabout", "circular"}
        or tags.get("highway") in {"motorway", "motorway_link"}
    )  # fmt: skip
    return "yes" if implied else "no"


def _has_contraflow(tags: Tags) -> bool:
    for side in _SIDES:
        if tags.get(side, "").startswith("opposite"):
            return True
        if tags.get(f"{side}:oneway") in {"-1", "no"} and tags.get(side) not in {None, "no"}:
            return True
    return False
