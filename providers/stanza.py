"""An operator as data: one ``[[provider]]`` table of a city's ``providers.toml``."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from providers.values import (
    Mode,
    PricingPlan,
    ProviderId,
    ReturnRule,
    Segment,
    Terms,
    VehicleType,
)

Amount = Annotated[Decimal, Field(ge=0, max_digits=9)]
Percent = Annotated[Decimal, Field(ge=0, le=100)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
MODES_OF_KIND = {
    "bus": {Mode.BUS, Mode.FERRY},
    "bike": {Mode.BIKE, Mode.SCOOTER},
    "car": {Mode.CAR},
}


class StanzaError(ValueError):
    """An operator's stanza cannot be used; the message says which and why."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TermsStanza(_Table):
    """What a rider must bring."""

    minimum_age: int = Field(default=0, ge=0, le=99)
    driving_licence: bool = False
    text: str = ""


class SegmentStanza(_Table):
    """A GBFS pricing segment; ``rate`` in major units."""

    start: int = Field(ge=0)
    rate: Decimal
    interval: int = Field(ge=0)
    end: int | None = Field(default=None, ge=0)


class PricingPlanStanza(_Table):
    """A tariff; several versions of one id may stand here, the last is the one on sale."""

    id: Name
    version: Name
    name: Name
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    price: Amount = Decimal(0)
    day_cap: Amount | None = None
    day_zone: str | None = None
    """With it the cap holds for all rides that a rider begins on one day of that zone."""
    per_min: tuple[SegmentStanza, ...] = ()
    per_km: tuple[SegmentStanza, ...] = ()

    @model_validator(mode="after")
    def _shares_its_cap(self) -> Self:
        if self.day_zone is None:
            return self
        if self.day_cap is None or self.price or self.per_km:
            raise ValueError(
                "day_zone: only a day_cap on a price by time can hold for several rides"
            )
        if self.day_zone not in available_timezones():
            raise ValueError(f"day_zone: there is no time zone {self.day_zone!r}")
        return self

    def value(self) -> PricingPlan:
        """The plan as the rest of the code knows it."""
        return PricingPlan(
            id=self.id,
            version=self.version,
            name=self.name,
            currency=self.currency,
            price=self.price,
            per_min=tuple(Segment(s.start, s.rate, s.interval, s.end) for s in self.per_min),
            per_km=tuple(Segment(s.start, s.rate, s.interval, s.end) for s in self.per_km),
            day_cap=self.day_cap,
            day_zone=self.day_zone,
        )


class VehicleTypeStanza(_Table):
    """A kind of vehicle."""

    id: Name
    mode: Mode
    name: Name
    electric: bool = False
    return_rule: ReturnRule
    pricing_plan_id: str
    max_range_m: int | None = Field(default=None, ge=0)
    seats: int = Field(default=1, ge=1, le=99)

    def value(self) -> VehicleType:
        """The type as the rest of the code knows it."""
        return VehicleType(
            id=self.id,
            mode=self.mode,
            name=self.name,
            electric=self.electric,
            return_rule=self.return_rule,
            pricing_plan_id=self.pricing_plan_id,
            max_range_m=self.max_range_m,
            seats=self.seats,
        )


class DemoFleet(_Table):
    """Where the demo operator's vehicles come from: CSV files relative to the city's folder."""

    stations: str | None = None
    vehicles: str | None = None


class ProviderStanza(_Table):
    """One operator."""

    id: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{1,40}$")]
    kind: Literal["bus", "bike", "car"]
    name: Name
    demo: bool = False
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)]
    agency_ids: tuple[str, ...] = ()
    role: Literal["agent", "principal"] = "agent"
    commission_percent: Percent = Decimal(0)
    vat_percent: Percent
    protocol: Literal["tomp-1.6"] | None = None
    availability: Literal["push", "pull"] = "push"
    hold_seconds: int = Field(default=600, ge=1, le=86_400)
    extends_hold: bool = False
    """TOMP's process identifier ``ALLOW_EXTEND_BOOKING_EXPIRY_TIME``; it then sends ``Expires``."""
    ticket_minutes: int | None = Field(default=None, ge=1, le=1440)
    fares: str | None = None
    terms: TermsStanza = TermsStanza()
    vehicle_type: tuple[VehicleTypeStanza, ...] = ()
    pricing_plan: tuple[PricingPlanStanza, ...] = ()
    demo_fleet: DemoFleet | None = None
    geofencing_zones: str | None = None
    """A file of the city's folder with the ``data`` of GBFS 3.0 ``geofencing_zones.json``: what
    holds until the operator pushes zones of its own."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        strange = set(self.modes) - MODES_OF_KIND[self.kind]
        if strange:
            raise ValueError(f"kind {self.kind} does not serve {', '.join(sorted(strange))}")
        if self.kind == "bus":
            if self.fares is None or self.ticket_minutes is None:
                raise ValueError("kind bus needs fares and ticket_minutes")
            return self
        if self.protocol is None:
            raise ValueError(f"kind {self.kind} needs a protocol, such as tomp-1.6")
        if not self.vehicle_type:
            raise ValueError("no vehicle_type: nothing to rent")
        plans = {plan.id for plan in self.pricing_plan}
        for kind in self.vehicle_type:
            if kind.pricing_plan_id not in plans:
                raise ValueError(f"vehicle type {kind.id}: no pricing plan {kind.pricing_plan_id}")
            if kind.mode not in self.modes:
                raise ValueError(f"vehicle type {kind.id}: mode {kind.mode} is not in modes")
        _no_twins("vehicle type", [kind.id for kind in self.vehicle_type])
        _no_twins("pricing plan", [f"{plan.id}/{plan.version}" for plan in self.pricing_plan])
        return self

    @property
    def provider_id(self) -> ProviderId:
        """The id under its own type."""
        return ProviderId(self.id)

    def terms_value(self) -> Terms:
        """The terms as the rest of the code knows them."""
        return Terms(self.terms.minimum_age, self.terms.driving_licence, self.terms.text)

    def vehicle_types(self) -> tuple[VehicleType, ...]:
        """The kinds of vehicle."""
        return tuple(kind.value() for kind in self.vehicle_type)

    def pricing_plans(self) -> tuple[PricingPlan, ...]:
        """All versions of all plans, in the order of the file."""
        return tuple(plan.value() for plan in self.pricing_plan)

    def get_plan(self, vehicle_type_id: str) -> PricingPlan:
        """The plan on sale for a kind of vehicle.

        Raises:
            KeyError: no such kind of vehicle.
        """
        plan = self._plans_on_sale.get(vehicle_type_id)
        if plan is None:
            raise KeyError(f"{self.id} has no vehicle type {vehicle_type_id!r}")
        return plan

    @cached_property
    def _plans_on_sale(self) -> dict[str, PricingPlan]:
        """By kind of vehicle; of a plan's versions the last one."""
        plans = {plan.id: plan.value() for plan in self.pricing_plan}
        return {kind.id: plans[kind.pricing_plan_id] for kind in self.vehicle_type}


class _File(_Table):
    provider: tuple[ProviderStanza, ...]


def read_stanzas(path: Path) -> tuple[ProviderStanza, ...]:
    """Read a city's ``providers.toml``.

    Raises:
        StanzaError: the file is absent, not TOML, or a stanza does not hold together.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        # Through JSON, because strict validation of JSON reads enums and decimals from text.
        stanzas = _File.model_validate_json(json.dumps(raw)).provider
        _no_twins("provider", [stanza.id for stanza in stanzas])
    except (OSError, ValueError, TypeError) as error:
        raise StanzaError(f"{path}: {_reason(error)}") from error
    return stanzas


def get_stanza(path: Path, provider_id: str) -> ProviderStanza:
    """One operator of a city's ``providers.toml``.

    Raises:
        StanzaError: as ``read_stanzas``, and if there is no such operator.
    """
    for stanza in read_stanzas(path):
        if stanza.id == provider_id:
            return stanza
    raise StanzaError(f"{path}: no provider {provider_id}")


def _no_twins(what: str, names: list[str]) -> None:
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise ValueError(f"{what} {twins[0]} stands there twice")


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
