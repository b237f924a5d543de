"""TOMP 1.6 requests as the demo operator takes them: the fields it looks at."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _In(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class CoordinatesIn(_In):
    """TOMP coordinates."""

    lat: float = Field(ge=-90, le=90)
    lng: float = Field(ge=-180, le=180)


class PlaceIn(_In):
    """TOMP place."""

    name: str | None = None
    station_id: str | None = None
    coordinates: CoordinatesIn


class TravelerIn(_In):
    """TOMP traveler."""

    is_validated: bool = False
    reference_number: str | None = None


class PlanningExtra(_In):
    """What was agreed on beyond TOMP: the caller names the booking."""

    booking_id: str = Field(min_length=1, max_length=100)


class PlanningIn(_In):
    """TOMP planningRequest."""

    origin: PlaceIn = Field(alias="from")
    destination: PlaceIn = Field(alias="to")
    departure_time: AwareDatetime
    arrival_time: AwareDatetime
    nr_of_travelers: int = Field(default=1, ge=1)
    travelers: list[TravelerIn] = []
    use_assets: list[str] = Field(min_length=1, max_length=1)
    extra_info: PlanningExtra


class CustomerIn(_In):
    """TOMP customer: a pseudonym is all this operator wants."""

    external_id: str | None = None


class BookingIn(_In):
    """TOMP bookingRequest."""

    id: str = Field(min_length=1, max_length=100)
    customer: CustomerIn | None = None


class BookingEventIn(_In):
    """TOMP bookingOperation."""

    operation: Literal["COMMIT", "CANCEL", "EXTEND_EXPIRY_TIME"]


class LegEventIn(_In):
    """TOMP legEvent."""

    event: Literal["SET_IN_USE", "FINISH"]
    time: AwareDatetime
