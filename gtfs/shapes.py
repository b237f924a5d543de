"""Shapes from shapes.txt: complete points in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.columns import BLANK, Decimals, Names, numbers, read_columns
from gtfs.defects import Kind, Report
from gtfs.source import Source
from gtfs.trip_columns import Shapes


def read_shapes(source: Source, names: Names, report: Report) -> tuple[Shapes, NDArray[np.bool_]]:
    """The shapes by their number in `names`, and which of them have two points or more.

    Raises:
        FeedError: the zip is damaged, or the file is no table.
    """
    table = read_columns(
        source,
        "shapes",
        {
            "shape_id": names,
            "shape_pt_sequence": numbers(),
            "shape_pt_lat": Decimals(),
            "shape_pt_lon": Decimals(),
        },
        report,
    )
    shape, order = table["shape_id"], table["shape_pt_sequence"]
    lat, lon = table.floats["shape_pt_lat"], table.floats["shape_pt_lon"]
    placed = is_position(lat, lon)
    whole = (shape >= 0) & (order != BLANK) & placed
    report.add_rows(
        "shapes", table.lines[~whole].tolist(), "shape_id", Kind.MISSING_VALUE,
        "the point lacks its shape, number or position", "ignored it",
    )  # fmt: skip
    rows = np.flatnonzero(whole)
    key = shape[rows].astype(np.int64) * (1 << 32) + order[rows].astype(np.int64) + (1 << 31)
    if np.any(key[1:] < key[:-1]):
        rows = rows[np.argsort(key, kind="stable")]
    n_shapes = len(names.values_)
    sizes = np.bincount(shape[rows], minlength=n_shapes)
    point0 = np.zeros(n_shapes + 1, np.int64)
    np.cumsum(sizes, out=point0[1:])
    return Shapes(list(names.values_), point0, lat[rows], lon[rows]), sizes >= 2


def is_position(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether degrees are on the globe and not the zero that stands for nothing."""
    with np.errstate(invalid="ignore"):
        inside = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
    placed: NDArray[np.bool_] = inside & ~((lat == 0) & (lon == 0))
    return placed
