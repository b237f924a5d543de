"""The demo operator's memory as TOMP 1.6 and GBFS 3.0 JSON.

Amounts become JSON numbers here, as TOMP wants them: rendering, not arithmetic.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from providers.sandbox.rules import Operator
from providers.stanza import PricingPlanStanza
from providers.values import Mode

ASSET_CLASS: Final = {Mode.BIKE: "BICYCLE", Mode.SCOOTER: "STEP", Mode.CAR: "CAR"}
LEG_STATE: Final = {
    "PENDING": "NOT_STARTED",
    "CONFIRMED": "NOT_STARTED",
    "STARTED": "IN_USE",
    "FINISHED": "FINISHED",
    "CANCELLED": "CANCELLED",
    "EXPIRED": "CANCELLED",
}
Json = dict[str, object]
Row = sqlite3.Row


def booking_json(operator: Operator, booking: sqlite3.Row) -> Json:
    """TOMP booking with its one leg; a tombstone has none."""
    body: Json = {"id": booking["id"], "state": booking["state"]}
    if booking["planned"] is None:
        return body
    planned = json.loads(booking["planned"])
    body |= {
        "from": planned["from"],
        "to": planned["to"],
        "departureTime": planned["departureTime"],
        "arrivalTime": planned["arrivalTime"],
        "legs": [leg_json(operator, booking)],
    }
    return body


def leg_json(operator: Operator, booking: sqlite3.Row) -> Json:
    """TOMP leg, with the meters and the final price once it has ended."""
    planned = json.loads(booking["planned"])
    (vehicle,) = operator.store.rows("SELECT * FROM vehicle WHERE ref = ?", booking["vehicle_ref"])
    leg: Json = {
        "id": booking["id"],
        "from": planned["from"],
        "to": _end(operator, booking) or planned["to"],
        "departureTime": planned["departureTime"],
        "arrivalTime": planned["arrivalTime"],
        "assetType": {"id": vehicle["type_id"], "assetClass": _class(operator, vehicle)},
        "asset": {"id": booking["end_vehicle_id"] or vehicle["id"]},
        "pricing": _pricing(operator, booking, vehicle["type_id"]),
    }
    if booking["state"] != "NEW":
        leg["state"] = LEG_STATE[booking["state"]]
    if booking["started_at"]:
        leg["actualDepartureTime"] = booking["started_at"]
    if booking["ended_at"]:
        leg |= {"actualArrivalTime": booking["ended_at"], "distance": booking["metres"]}
    if booking["access_code"]:
        leg["assetAccessData"] = {
            "validFrom": planned["departureTime"],
            "validUntil": planned["arrivalTime"],
            "tokenType": "tokenDefault",
            "tokenData": {"tokenType": "tokenDefault", "accessCode": booking["access_code"]},
        }
    return leg


def asset_types_json(operator: Operator) -> list[Json]:
    """TOMP available-assets: what is not being ridden, with its stable name in ``meta``."""
    vehicles = standing(operator)
    kinds: list[Json] = []
    for kind in operator.stanza.vehicle_type:
        mine = [v for v in vehicles if v["type_id"] == kind.id]
        kinds.append(
            {
                "id": kind.id,
                "nrAvailable": sum(not (v["reserved"] or v["disabled"]) for v in mine),
                "assetClass": ASSET_CLASS[kind.mode],
                "sharedProperties": {"name": kind.name, "persons": kind.seats},
                "assets": [_asset(vehicle) for vehicle in mine],
            }
        )
    return kinds


def stations_json(operator: Operator) -> list[Json]:
    """TOMP stations."""
    return [
        {
            "stationId": row["id"],
            "name": row["name"],
            "coordinates": {"lat": row["lat"], "lng": row["lon"]},
            "capacity": row["capacity"],
            "isInstalled": True,
            "isRenting": True,
            "isReturning": True,
            "assetsAvailable": row["available"],
            "docksAvailable": max(0, row["capacity"] - row["standing"]),
        }
        for row in _stations(operator)
    ]


def pricing_plans_json(operator: Operator) -> list[Json]:
    """TOMP pricing plans, amounts with tax."""
    return [
        {
            "planId": plan.id,
            "name": plan.name,
            "isTaxable": False,
            "description": f"{plan.name}, Fassung {plan.version}",
            "fare": {"estimated": True, "parts": _parts(plan)},
        }
        for plan in operator.stanza.pricing_plan
    ]


def gbfs_vehicles(operator: Operator, refs: list[str] | None = None) -> list[Json]:
    """GBFS 3.0 vehicle_status items with ``vehicle_ref``; without ``refs`` all of them."""
    return [
        {
            "vehicle_ref": row["ref"],
            "vehicle_id": row["id"],
            "vehicle_type_id": row["type_id"],
            "lat": row["lat"],
            "lon": row["lon"],
            "is_reserved": bool(row["reserved"]),
            "is_disabled": bool(row["disabled"]),
            "last_reported": _rfc3339(operator.now()),
            **({"station_id": row["station_id"]} if row["station_id"] else {}),
            **({"current_range_meters": row["range_m"]} if row["range_m"] is not None else {}),
        }
        for row in standing(operator)
        if refs is None or row["ref"] in refs
    ]


def gbfs_stations(operator: Operator) -> list[Json]:
    """GBFS 3.0 station_information and station_status of each station in one item."""
    return [
        {
            "station_id": row["id"],
            "name": [{"text": row["name"], "language": "de"}],
            "lat": row["lat"],
            "lon": row["lon"],
            "capacity": row["capacity"],
            "num_vehicles_available": row["available"],
            "num_docks_available": max(0, row["capacity"] - row["standing"]),
            "is_installed": True,
            "is_renting": True,
            "is_returning": True,
            "last_reported": _rfc3339(operator.now()),
        }
        for row in _stations(operator)
    ]


def standing(operator: Operator) -> list[sqlite3.Row]:
    """Vehicles on the street; those being ridden are not there (GBFS)."""
    return operator.store.rows(
        "SELECT vehicle.*, EXISTS (SELECT 1 FROM booking WHERE vehicle_ref = ref"
        "  AND state IN ('PENDING', 'CONFIRMED')) AS reserved"
        " FROM vehicle WHERE NOT EXISTS (SELECT 1 FROM booking"
        "  WHERE vehicle_ref = ref AND state = 'STARTED') ORDER BY ref"
    )


def _stations(operator: Operator) -> list[sqlite3.Row]:
    here = (
        "(SELECT count(*) FROM vehicle WHERE station_id = station.id AND NOT EXISTS"
        " (SELECT 1 FROM booking WHERE vehicle_ref = ref AND state IN ({states})))"
    )
    available = here.format(states="'PENDING', 'CONFIRMED', 'STARTED'")
    there = here.format(states="'STARTED'")
    return operator.store.rows(
        f"SELECT station.*, {available} AS available, {there} AS standing"  # noqa: S608 - constants
        " FROM station ORDER BY id"
    )


def _asset(vehicle: sqlite3.Row) -> Json:
    place: Json = {"coordinates": {"lat": vehicle["lat"], "lng": vehicle["lon"]}}
    if vehicle["station_id"]:
        place["stationId"] = vehicle["station_id"]
    meta: Json = {"vehicleRef": vehicle["ref"]}
    if vehicle["range_m"] is not None:
        meta["rangeM"] = vehicle["range_m"]
    asset: Json = {
        "id": vehicle["id"],
        "isReserved": bool(vehicle["reserved"]),
        "isDisabled": bool(vehicle["disabled"]),
        "overriddenProperties": {"location": place, "meta": meta},
    }
    if vehicle["station_id"]:
        asset["stationId"] = vehicle["station_id"]
    return asset


def _class(operator: Operator, vehicle: sqlite3.Row) -> str:
    kind = next(t for t in operator.stanza.vehicle_type if t.id == vehicle["type_id"])
    return ASSET_CLASS[kind.mode]


def _end(operator: Operator, booking: sqlite3.Row) -> Json | None:
    found = operator.store.rows("SELECT * FROM station WHERE id = ?", booking["end_station_id"])
    if not found:
        return None
    coordinates = {"lat": found[0]["lat"], "lng": found[0]["lon"]}
    return {"name": found[0]["name"], "stationId": found[0]["id"], "coordinates": coordinates}


def _pricing(operator: Operator, booking: sqlite3.Row, type_id: str) -> Json:
    if booking["price_minor"] is None:
        plan_id = operator.stanza.get_plan(type_id).id
        plans = [p for p in operator.stanza.pricing_plan if p.id == plan_id]
        return {"estimated": True, "parts": _parts(plans[-1])}
    amount = _major(Decimal(booking["price_minor"]) / 100)
    vat = _major(operator.stanza.vat_percent)
    part = {"type": "FIXED", "amount": amount, "currencyCode": "EUR", "vatRate": vat}
    return {"estimated": False, "parts": [part]}


def _parts(plan: PricingPlanStanza) -> list[Json]:
    currency = plan.currency
    parts: list[Json] = [{"type": "FIXED", "amount": _major(plan.price), "currencyCode": currency}]
    for unit, segments in (("MINUTE", plan.per_min), ("KM", plan.per_km)):
        for segment in segments:
            part: Json = {
                "type": "FLEX",
                "amount": _major(segment.rate),
                "currencyCode": currency,
                "unitType": unit,
                "units": segment.interval,
                "scaleFrom": segment.start,
                "scaleType": unit,
            }
            if segment.end is not None:
                part["scaleTo"] = segment.end
            parts.append(part)
    if plan.day_cap is not None:
        cap = {"type": "MAX", "amount": _major(plan.day_cap), "currencyCode": currency}
        parts.append(cap)
    return parts


def _major(amount: Decimal) -> float:
    return float(amount)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
