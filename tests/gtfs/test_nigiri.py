"""An independent engine, in the same process, on the same feed."""

from pathlib import Path

import pytest

from gtfs.build import build
from gtfs.journey import MAX_TRANSFERS, between, search
from gtfs.load import read_feed
from tests.gtfs.test_agreed_answers import FOLDER, day_of, rows

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not (FOLDER / "cairns.zip").exists(), reason=f"no cairns in {FOLDER}"),
]


def test_nigiri_gives_the_same_fronts_at_other_hours(tmp_path: Path):
    pytest.importorskip("pynigiri", reason="pynigiri has a wheel for CPython 3.11 on Linux only")
    from benchmarks.nigiri import Nigiri  # noqa: PLC0415 - needs the wheel

    timetable = build(read_feed(FOLDER / "cairns.zip")[0], max_footpath_m=0)
    asked = rows(FOLDER / "cairns.csv")[:150]
    day = day_of(asked[0])
    peer = Nigiri(FOLDER / "cairns.zip", day, tmp_path)
    for i, row in enumerate(asked):
        start, end, at = row["from_stop_id"], row["to_stop_id"], (i * 577 % 1440) * 60
        found = search(timetable, between(timetable, start, end, day, at, MAX_TRANSFERS))
        ours = [(j.arrives_s, j.transfers) for j in found if j.arrives_s <= at + 86_400]
        assert ours == peer.front(start, end, at), (start, end, at)
