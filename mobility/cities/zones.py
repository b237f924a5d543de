"""Geofencing zones that a city states for operators that send none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mobility.cities.facts import Bounds
from mobility.cities.rows import CityDataError, read_text
from providers.gbfs.zones_v3_0 import read_zones
from providers.stanza import ProviderStanza
from providers.values import ProviderId
from providers.zones import Zones


def list_zones(
    folder: Path, providers: Iterable[ProviderStanza], bounds: Bounds
) -> dict[ProviderId, Zones]:
    """The zones of every stanza that names a file of them.

    Raises:
        CityDataError: a file is absent, no GBFS, or has a defect, unknown vehicle types included.
    """
    return {
        stanza.provider_id: _read(folder, stanza.geofencing_zones, stanza, bounds)
        for stanza in providers
        if stanza.geofencing_zones is not None
    }


def _read(folder: Path, name: str, stanza: ProviderStanza, bounds: Bounds) -> Zones:
    path = folder / name
    if path.parent != folder:
        raise CityDataError(folder / "providers.toml", "geofencing_zones", f"{name} lies elsewhere")
    try:
        data = json.loads(read_text(path))
        features, global_rules = data["geofencing_zones"]["features"], data["global_rules"]
        type_ids = {kind.id for kind in stanza.vehicle_type}
        read = read_zones(list(features), list(global_rules), type_ids, bounds.box)
    except (ValueError, TypeError, KeyError) as error:
        raise CityDataError(path, "", f"no data of geofencing_zones.json: {error}") from error
    if read.zones is None or read.refused:
        first = read.refused[0]
        raise CityDataError(path, f"zone {first.index}", first.reason)
    return read.zones
