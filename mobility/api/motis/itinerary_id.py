"""Itinerary ids: the legs of a journey as the document's ``ItineraryId``, packed into one text.

The id is all that is needed to find the same journey again with the timetable of then
(``refresh``). It holds where the journey begins and ends, so it belongs to the rider alone.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from mobility.api.motis.errors import BadQueryError
from mobility.api.motis.modes import MotisMode

_MOST_BYTES = 60_000
_Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
_Seconds = Annotated[int, Field(ge=0, le=2**33)]


class LegId(BaseModel):
    """One leg: its trip and stops, or the positions of a walk; times in Unix seconds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)
    display_name: Annotated[str, Field(max_length=200)]
    trip_id: Annotated[str, Field(max_length=400)]
    from_id: Annotated[str, Field(max_length=200)]
    from_lat: _Degrees
    from_lon: _Degrees
    to_id: Annotated[str, Field(max_length=200)]
    to_lat: _Degrees
    to_lon: _Degrees
    sched_start: _Seconds
    sched_end: _Seconds
    mode: MotisMode
    scheduled: bool
    from_level: float | None = None
    to_level: float | None = None


class ItineraryId(BaseModel):
    """The legs in order."""

    model_config = ConfigDict(frozen=True)
    legs: Annotated[tuple[LegId, ...], Field(min_length=1, max_length=30)]


def pack(legs: Sequence[LegId]) -> str:
    """The id of a journey: the same for the same legs."""
    said = ItineraryId.model_construct(legs=tuple(legs))
    text = said.model_dump_json(by_alias=True, exclude_none=True).encode()
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")


def unpack(text: str) -> ItineraryId:
    """The legs of an id.

    Raises:
        BadQueryError: it is not one that was given out here.
    """
    refused = BadQueryError("itineraryId: use the id of an itinerary of an earlier answer")
    try:
        packed = base64.urlsafe_b64decode((text + "=" * (-len(text) % 4)).encode())
        reader = zlib.decompressobj()
        said = reader.decompress(packed, _MOST_BYTES)
        if reader.unconsumed_tail or not reader.eof:
            raise refused
        return ItineraryId.model_validate_json(said)
    except (ValueError, binascii.Error, zlib.error, ValidationError):
        raise refused from None
