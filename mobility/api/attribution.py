"""Whom the data comes from, said in every answer that shows it."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from mobility.cities.city import City

ATTRIBUTIONS_EXAMPLE: list[JsonValue] = [
    {
        "text": "© OpenStreetMap contributors",
        "licence": "ODbL 1.0",
        "url": "https://www.openstreetmap.org/copyright",
    },
    {"text": "DELFI e.V. / gtfs.de", "licence": "CC BY 4.0", "url": "https://gtfs.de/"},
]


class AttributionOut(BaseModel):
    """A source that must be named beside what is shown."""

    text: str = Field(examples=["© OpenStreetMap contributors"])
    licence: str = Field(examples=["ODbL 1.0"])
    url: str = Field(examples=["https://www.openstreetmap.org/copyright"])


def attributions_of(city: City) -> list[AttributionOut]:
    """All sources of a city's data, in the city's order."""
    return [AttributionOut.model_validate(source) for source in list_attributions(city)]


def list_attributions(city: City) -> list[dict[str, str]]:
    """The same as plain values."""
    return [
        {"text": source.text, "licence": source.licence, "url": str(source.url)}
        for source in city.attributions
    ]
