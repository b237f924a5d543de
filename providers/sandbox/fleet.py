"""The demo fleet as its city describes it: stations with vehicles, or single vehicles."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from providers.stanza import ProviderStanza, StanzaError


@dataclass(frozen=True, slots=True)
class FleetStation:
    """A station with room for ``capacity`` vehicles."""

    id: str
    name: str
    lat: float
    lon: float
    capacity: int


@dataclass(frozen=True, slots=True)
class FleetVehicle:
    """A vehicle as it first stands there."""

    ref: str
    type_id: str
    lat: float
    lon: float
    station_id: str | None
    range_m: int | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the operator starts with."""

    stations: tuple[FleetStation, ...]
    vehicles: tuple[FleetVehicle, ...]


def read_fleet(stanza: ProviderStanza, folder: Path) -> Fleet:
    """Read the CSV files that ``provider.demo_fleet`` names, relative to ``folder``.

    A station's row has a column per vehicle type, named by its id, that counts the vehicles which
    stand there at first; they are named ``station-01`` and so on.

    Raises:
        StanzaError: no demo fleet, a file that cannot be read, or a row that does not fit.
    """
    files = stanza.demo_fleet
    if files is None or not (files.stations or files.vehicles):
        raise StanzaError(f"{stanza.id}: no demo_fleet to run; name stations or vehicles")
    try:
        rows = _rows(folder / files.stations) if files.stations else []
        free = _rows(folder / files.vehicles) if files.vehicles else []
        stations = tuple(_station(row) for row in rows)
        vehicles = [v for row in rows for v in _standing(row, stanza)]
        vehicles += [_vehicle(row) for row in free]
    except (OSError, KeyError, ValueError) as error:
        raise StanzaError(f"{stanza.id}: the demo fleet cannot be read: {error!r}") from error
    known = {kind.id for kind in stanza.vehicle_type}
    for vehicle in vehicles:
        if vehicle.type_id not in known:
            raise StanzaError(f"{stanza.id}: vehicle {vehicle.ref} is of no type {vehicle.type_id}")
    return Fleet(stations, tuple(vehicles))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _station(row: dict[str, str]) -> FleetStation:
    return FleetStation(
        row["station_id"], row["name"], float(row["lat"]), float(row["lon"]), int(row["capacity"])
    )


def _standing(row: dict[str, str], stanza: ProviderStanza) -> list[FleetVehicle]:
    kinds = [k for k in stanza.vehicle_type for _ in range(int(row.get(k.id) or 0))]
    return [
        FleetVehicle(
            ref=f"{row['station_id']}-{number:02}",
            type_id=kind.id,
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            station_id=row["station_id"],
            range_m=kind.max_range_m,
        )
        for number, kind in enumerate(kinds, start=1)
    ]


def _vehicle(row: dict[str, str]) -> FleetVehicle:
    return FleetVehicle(
        ref=row["vehicle_ref"],
        type_id=row["vehicle_type_id"],
        lat=float(row["lat"]),
        lon=float(row["lon"]),
        station_id=None,
        range_m=int(row["range_m"]) if row.get("range_m") else None,
    )
