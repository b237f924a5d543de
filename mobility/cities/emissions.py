"""Grams of CO2 equivalent per passenger kilometre, by kind of vehicle, year and mode."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from mobility.cities.facts import Confidence
from mobility.cities.rows import DATA, Id, Text
from providers.values import Mode


@dataclass(frozen=True, slots=True, config=DATA)
class EmissionFactor:
    """Grams of CO2 equivalent per passenger kilometre of one kind of vehicle."""

    vehicle: Id
    grams_per_km: Annotated[int, Field(ge=0)]
    year: int
    source: Text
    confidence: Confidence
    note: str = ""


@dataclass(frozen=True, slots=True, config=DATA)
class EmissionChoice:
    """Which factor of which year speaks for which mode."""

    year: int
    walk: Id | None = None
    bike: Id | None = None
    scooter: Id | None = None
    bus: Id | None = None
    ferry: Id | None = None
    car: Id | None = None
    electric_car: Id | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class EmissionFactors:
    """The factors of one year by mode; a mode without one has no honest number."""

    year: int
    by_mode: dict[Mode, int] = field(default_factory=dict)
    electric_car: int | None = None

    def find_grams_per_km(self, mode: Mode, *, electric: bool = False) -> int | None:
        """Grams of CO2 equivalent a passenger kilometre; None where no source gives one."""
        if mode is Mode.CAR and electric and self.electric_car is not None:
            return self.electric_car
        return self.by_mode.get(mode)
