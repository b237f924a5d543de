"""Addresses, streets and places with names, out of an extract: a table for the place search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.artefact import load_arrays
from mobility.streets.texts import pack_texts, unpack_texts

_TEXTS = ("name", "kind", "postcode", "locality")


@dataclass(frozen=True, slots=True)
class Address:
    """A place with a name.

    ``kind`` is ``address`` (the name ends in the house number), ``street``, or the value of the
    tag that says what it is: ``pharmacy``, ``museum``, ``suburb``.
    """

    name: str
    kind: str
    lat: float
    lon: float
    postcode: str = ""
    locality: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The table by columns of one length; degrees are float64."""

    name: tuple[str, ...]
    kind: tuple[str, ...]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    postcode: tuple[str, ...]
    locality: tuple[str, ...]

    @staticmethod
    def of(rows: Sequence[Address]) -> Addresses:
        """The table of these rows."""
        lat = np.array([row.lat for row in rows], dtype=np.float64)
        lon = np.array([row.lon for row in rows], dtype=np.float64)
        texts = {name: tuple(getattr(row, name) for row in rows) for name in _TEXTS}
        return Addresses(lat=lat, lon=lon, **texts)

    @staticmethod
    def load(path: Path) -> Addresses:
        """The addresses of a street artefact.

        Raises:
            ArtefactError: there is none, or it is damaged.
        """
        arrays, _facts, _digest = load_arrays(path)
        return Addresses.unpack(arrays)

    def pack(self) -> dict[str, NDArray[Any]]:
        """As arrays for an artefact."""
        arrays: dict[str, NDArray[Any]] = {"address.lat": self.lat, "address.lon": self.lon}
        for name in _TEXTS:
            arrays |= pack_texts(f"address.{name}", getattr(self, name))
        return arrays

    @staticmethod
    def unpack(arrays: Mapping[str, NDArray[Any]]) -> Addresses:
        """What ``pack`` made."""
        texts = {name: unpack_texts(f"address.{name}", arrays) for name in _TEXTS}
        return Addresses(lat=arrays["address.lat"], lon=arrays["address.lon"], **texts)

    def __len__(self) -> int:
        return len(self.lat)

    def __iter__(self) -> Iterator[Address]:
        columns = (self.name, self.kind, self.lat.tolist(), self.lon.tolist(), self.postcode)
        return (Address(*row) for row in zip(*columns, self.locality, strict=True))
