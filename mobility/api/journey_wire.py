"""Journeys as the API documents them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from mobility.api.booking_view import Amount
from mobility.planning.ways import polyline
from providers.values import Mode, Terms

EXAMPLE: JsonDict = {
    "id": "jny_de402a4caebe265e",
    "offer_id": "off_6wfjozuuvln3xvhytj4ykr65am",
    "offer_expires_at": "2026-11-26T08:05:00+01:00",
    "bookable": True,
    "not_bookable_because": None,
    "departs_at": "2026-11-26T08:09:17+01:00",
    "arrives_at": "2026-11-26T08:24:54+01:00",
    "transfers": 0,
    "price": {"amount": 360, "currency": "EUR", "kind": "fixed", "max": None},
    "co2_grams": 414,
    "reasons": ["fewest changes"],
    "legs": [
        {
            "mode": "bus",
            "from": {
                "name": "Lübeck ZOB/Hauptbahnhof",
                "lat": 53.865892,
                "lon": 10.670654,
                "stop_id": "osm-5853142168",
            },
            "to": {
                "name": "Technische Hochschule",
                "lat": 53.837723,
                "lon": 10.700286,
                "stop_id": "osm-1274897063",
            },
            "departs_at": "2026-11-26T08:09:17+01:00",
            "arrives_at": "2026-11-26T08:24:54+01:00",
            "distance_m": 4604,
            "co2_grams": 414,
            "provider_id": "stadtverkehr-luebeck",
            "line": "1",
            "headsign": "Dorothea-Erxleben-Straße",
            "color": "00B0EA",
            "trip_id": "1-0-weekday-075500",
            "stay_seated": False,
            "vehicle_id": None,
            "vehicle_type": None,
            "price": {
                "amount": 360,
                "currency": "EUR",
                "kind": "fixed",
                "max": None,
                "lines": [
                    "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene: 3,60 €",
                    "SH-Tarif, Stand 1. April 2026",
                ],
                "tariff_version": "sh-tarif-2026-04-01",
            },
            "terms": {
                "minimum_age": None,
                "driving_licence": False,
                "text": "Es gilt der SH-Tarif. Kinder von 6 bis 14 Jahren zahlen den Kinderpreis; "
                "bis zu drei Kinder bis 5 Jahre fahren mit einem Erwachsenen frei.",
            },
            "geometry": {
                "points": "gyuveB{bhjSoG{sO~WqsLv_N_aLzfDcwGlmF_`IpeB~bFjdCwCnoEcq@rwFazA|bDnu@",
                "precision": 6,
                "length": 11,
            },
            "realtime": False,
            "estimated": False,
            "accessible": "unknown",
            "accessibility": {
                "vehicle": "unknown",
                "from_stop": "unknown",
                "to_stop": "unknown",
                "path": None,
                "source": None,
            },
        }
    ],
}
"""A journey for the API's documentation."""


class Wire(BaseModel):
    """Fields go by their names of the API; ``from`` is a word of Python."""

    model_config = ConfigDict(populate_by_name=True)


class PlaceOut(Wire):
    """One end of a leg."""

    name: str = Field(examples=["Lübeck ZOB/Hauptbahnhof"])
    lat: float = Field(examples=[53.865892])
    lon: float = Field(examples=[10.670654])
    stop_id: str | None = Field(default=None, examples=["osm-5853142168"])


class PriceOut(Amount):
    """What it costs: fixed, or an estimate with what it costs at most."""

    kind: Literal["fixed", "estimate"] = Field(examples=["estimate"])
    max: int | None = Field(default=None, examples=[200])


class JourneyPriceOut(PriceOut):
    """What it costs, and what of that the rider gets back."""

    after_day_ceiling: int | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="In minor units: what of `amount` she pays in the end. `amount` is taken "
        "first; what her day costs beyond the city's ceiling goes back after the trip. It counts "
        "her settled trips, and is left out where nothing goes back.",
        examples=[80],
    )


class LegPriceOut(PriceOut):
    """What a leg costs, and how that comes about, one calculation a line."""

    lines: list[str] = Field(examples=[["24 min: 1 x angefangene 30 min x 1,00 € = 1,00 €"]])
    tariff_version: str = Field(examples=["rad-2026/2026-01"])


class GeometryOut(Wire):
    """The course of a leg as an encoded polyline (Google's algorithm)."""

    points: str = Field(examples=["_ecreBqwfqS"])
    precision: int = Field(default=polyline.PRECISION, examples=[6])
    length: int = Field(description="How many points it has.", examples=[2])


class TermsOut(Wire):
    """What the provider asks of a rider."""

    minimum_age: int | None = Field(
        default=None, description="Null where there is none.", examples=[16]
    )
    driving_licence: bool = Field(examples=[False])
    text: str = Field(examples=["Ab 16 Jahren. Rückgabe an jeder Station."])

    @classmethod
    def of(cls, terms: Terms) -> TermsOut:
        """The terms of a provider."""
        return cls(
            minimum_age=terms.minimum_age or None,
            driving_licence=terms.driving_licence,
            text=terms.text,
        )


Flag = Literal["yes", "no", "unknown"]


class AccessibilityOut(Wire):
    """Whether a wheelchair can take the parts of a leg; null where it has no such part."""

    vehicle: Flag | None = Field(default=None, examples=["no"])
    from_stop: Flag | None = Field(default=None, examples=[None])
    to_stop: Flag | None = Field(default=None, examples=[None])
    path: Flag | None = Field(default=None, examples=[None])
    source: str | None = Field(
        default=None, description="Null where nothing is known.", examples=["GTFS"]
    )


class LegOut(Wire):
    """One leg: from one place to another by one mode."""

    mode: Mode = Field(examples=["bike"])
    from_: PlaceOut = Field(alias="from")
    to: PlaceOut
    departs_at: datetime = Field(examples=["2026-11-26T08:01:15+01:00"])
    arrives_at: datetime = Field(examples=["2026-11-26T08:24:06+01:00"])
    distance_m: int = Field(examples=[4869])
    co2_grams: int = Field(examples=[0])
    provider_id: str | None = Field(default=None, examples=["demo-rad"])
    line: str | None = Field(default=None, examples=[None])
    headsign: str | None = Field(default=None, examples=[None])
    color: str | None = Field(default=None, description="Six hex digits.", examples=[None])
    trip_id: str | None = Field(default=None, examples=[None])
    stay_seated: bool = Field(
        default=False,
        description="Whether one stays in the vehicle of the leg before, which changes its line.",
        examples=[False],
    )
    vehicle_id: str | None = Field(
        default=None, description="It changes with every trip.", examples=["demo-rad:5f0c1e"]
    )
    vehicle_type: str | None = Field(default=None, examples=["Stadtrad"])
    price: LegPriceOut | None = None
    terms: TermsOut | None = None
    geometry: GeometryOut | None = None
    realtime: bool = Field(description="Whether the times are live.", examples=[False])
    estimated: bool = Field(
        description="Whether times and way are an estimate, not a timetable's.", examples=[True]
    )
    accessible: Flag = Field(examples=["no"])
    accessibility: AccessibilityOut = Field(description="The same part by part, with who says so.")


class JourneyOut(Wire):
    """A journey from door to door."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    id: str = Field(examples=["jny_0d4f8a1c2b3e4f50"])
    offer_id: str | None = Field(default=None, examples=["off_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    offer_expires_at: datetime | None = Field(default=None, examples=["2026-11-26T08:05:00+01:00"])
    bookable: bool = Field(examples=[True])
    not_bookable_because: str | None = Field(default=None, examples=[None])
    departs_at: datetime = Field(examples=["2026-11-26T08:00:00+01:00"])
    arrives_at: datetime = Field(examples=["2026-11-26T08:24:06+01:00"])
    transfers: int = Field(examples=[0])
    price: JourneyPriceOut
    co2_grams: int = Field(examples=[0])
    reasons: list[str] = Field(
        description="Of: fastest, cheapest, greenest, fewest changes, last way home.",
        examples=[["cheapest", "greenest"]],
    )
    legs: list[LegOut]


class NoticeOut(Wire):
    """What one should know beside the journeys. ``code`` is stable, ``text`` is for people."""

    code: str = Field(examples=["next_departure"])
    text: str = Field(examples=["Der nächste Bus fährt um 04:14 Uhr ab Waisenhofstraße (Linie 9)."])
    at: datetime | None = Field(default=None, examples=["2026-11-26T04:14:00+01:00"])
    price: Amount | None = Field(default=None)
    url: str | None = Field(default=None, examples=[None])
    provider_id: str | None = Field(default=None, examples=[None])
