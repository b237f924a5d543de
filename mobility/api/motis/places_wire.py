"""Places, times and lines of a way as the MOTIS document writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gtfs.geo import LatLon
from gtfs.ids import StopIdx
from gtfs.timetable import Timetable
from mobility.api.motis.runs import Call, modes_at
from mobility.api.motis.versions import Version
from mobility.planning.itinerary import Place
from mobility.planning.ways import polyline

Json = dict[str, object]
_SIX = 6


def moment(at: datetime) -> str:
    """An instant in UTC, as MOTIS writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place_of(
    place: Place,
    timetable: Timetable,
    version: Version,
    *,
    level: float | None = None,
    at_station: bool = False,
) -> Json:
    """One end of a leg: a stop, a rental station, or any position."""
    if place.stop_id is not None:
        idx = timetable.stop_index.get(place.stop_id)
        if idx is not None:
            return stop_place(timetable, idx, version)
        return station_place(timetable, place.stop_id, version)
    kind = "BIKESHARE" if at_station else "NORMAL"
    return {
        "name": place.name,
        **_position(place.position, version, level),
        "tz": timetable.tz_name,
        "vertexType": kind,
    }


def stop_place(timetable: Timetable, idx: StopIdx, version: Version) -> Json:
    """A stop of the timetable."""
    stop = timetable.stop(idx)
    return {
        "name": stop.name,
        "stopId": stop.id,
        **({"parentId": stop.station_id} if stop.station_id is not None else {}),
        **({"stopCode": stop.code} if stop.code else {}),
        **({"scheduledTrack": stop.platform, "track": stop.platform} if stop.platform else {}),
        **_position(stop.position, version, None),
        "tz": timetable.tz_name,
        "vertexType": "TRANSIT",
        "modes": [version.mode(mode) for mode in sorted(modes_at(timetable, idx))],
    }


def station_place(timetable: Timetable, station_id: str, version: Version) -> Json:
    """A station of the timetable, with the modes of all its stops. KeyError for an unknown one."""
    station = timetable.station_index[station_id]
    modes = {mode for idx in timetable.children_of(station_id) for mode in modes_at(timetable, idx)}
    return {
        "name": station.name,
        "stopId": station.id,
        **_position(station.position, version, None),
        "tz": timetable.tz_name,
        "vertexType": "TRANSIT",
        "modes": [version.mode(mode) for mode in sorted(modes)],
    }


def call_place(
    timetable: Timetable, call: Call, version: Version, *, first: bool, last: bool
) -> Json:
    """A call of a run: the stop, with when and whether one may get on or off."""
    shown = stop_place(timetable, call.stop, version)
    if not first:
        shown |= {
            "arrival": moment(call.arrives_at),
            "scheduledArrival": moment(call.planned_arrival),
        }
    if not last:
        shown |= {
            "departure": moment(call.departs_at),
            "scheduledDeparture": moment(call.planned_departure),
        }
    return shown | {
        "pickupType": allowed(call.boards and not last),
        "dropoffType": allowed(call.alights and not first),
        "cancelled": call.cancelled,
    }


def allowed(may: bool) -> str:  # noqa: FBT001, a value of the wire and not an option
    """Whether one may get on, or off."""
    return "NORMAL" if may else "NOT_ALLOWED"


def line_of(points: Sequence[LatLon], version: Version) -> Json:
    """A way as an encoded polyline with this version's precision; empty for no points."""
    text = polyline.encode(points, version.precision)
    return {"points": text, "precision": version.precision, "length": len(points)}


def _position(position: LatLon, version: Version, level: float | None) -> Json:
    shown: Json = {"lat": round(position.lat, _SIX), "lon": round(position.lon, _SIX)}
    if level is not None or version.sets_levels:
        shown["level"] = level or 0.0
    return shown
