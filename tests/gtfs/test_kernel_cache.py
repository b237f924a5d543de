"""Where compiled kernels lie, and that they run without the GIL's help."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import gtfs.kernel_cache
from gtfs import warm_up as warming
from gtfs.journey import Access, Query, between, search
from gtfs.kernel_cache import folder, kernel_sources
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import TimedCalls, Updates
from gtfs.text import text_of, timetable_from_text
from gtfs.warm_up import warm_up

WEDNESDAY = date(2026, 11, 25)


def test_every_file_with_a_kernel_or_its_numbers_names_the_folder():
    here = Path(gtfs.kernel_cache.__file__).parent
    kernels = {
        path.name
        for path in here.glob("*.py")
        if "\n@compiled" in path.read_text(encoding="utf-8") or path.stem.endswith("_layout")
    }
    named = {path.name for path in kernel_sources()}
    assert kernels <= named
    assert {"record.py", "trip_based_layout.py", "trip_based_search.py"} <= named


def test_the_folder_lies_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path))
    assert folder().parent == tmp_path / "kernels"


def test_the_folder_changes_with_a_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for source in kernel_sources():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    before = folder().name
    monkeypatch.setattr("gtfs.kernel_cache.__file__", str(tmp_path / "kernel_cache.py"))
    assert folder().name == before
    with (tmp_path / "trip_based_search.py").open("a", encoding="utf-8") as kernel:
        kernel.write("\n# changed\n")
    assert folder().name != before


def test_a_data_folder_that_cannot_be_written_only_costs_the_cache(tmp_path: Path):
    (tmp_path / "file").write_text("")
    code = "from gtfs.kernel_cache import compiled; print(compiled(lambda x: x + 1)(1))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"MOBILITY_DATA": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2\n"


def test_warming_up_says_what_it_does():
    said: list[str] = []
    warm_up(said.append)
    assert len(said) == 4
    assert all("compiling" in line for line in said)


def test_many_threads_search_one_timetable():
    town = timetable_from_text(
        "every 5 1: A 06:00..20:00 B +7 C +9\nevery 7 2: B 06:00..20:00 D +4"
    )
    queries = [between(town, "A", "D", WEDNESDAY, s) for s in range(21_600, 70_000, 60)]
    alone = [search(town, query) for query in queries]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda query: search(town, query), queries))
    assert together == alone
    assert text_of(town, alone[0][0]) == "06:00 | 1 A 06:00 B 06:07 | 2 B 06:07 D 06:11 | 06:11"


def test_doors_count_on_both_sides():
    town = timetable_from_text("1: A 08:00 B 08:10 C 08:14")
    a, b, c = (town.stop_index[stop] for stop in "ABC")
    query = Query(WEDNESDAY, 28_000, (Access(a, 90),), (Access(b, 600), Access(c, 120)))
    (journey,) = search(town, query)
    assert text_of(town, journey) == "07:58:30 | 1 A 08:00 C 08:14 | 08:16"
    assert (journey.source, journey.target) == (a, c)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_transfers": 16},
        {"max_transfers": -1},
        {"seconds": 10**9},
        {"sources": (Access(0, -1),)},  # type: ignore[arg-type]
    ],
)
def test_a_question_out_of_range_is_refused(wrong: dict[str, object]):
    good: dict[str, object] = {"day": WEDNESDAY, "seconds": 0, "sources": (), "targets": ()}
    with pytest.raises(ValueError, match=r"max_transfers|access|service day"):
        Query(**(good | wrong))  # type: ignore[arg-type]


def test_a_stop_of_another_timetable_is_refused():
    town = timetable_from_text("1: A 08:00 B 08:10")
    for ends in ((), (Access(7, 0),)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="not of this timetable"):
            search(town, Query(WEDNESDAY, 0, ends, ends))


def test_the_live_message_for_warming_up_is_of_the_trip_that_is_warmed_up_with():
    timetable = timetable_from_text(warming._SMALLEST)

    live = patched(timetable, Updates.of([read_message(warming._ON_TIME)]), datetime.now(UTC))

    assert live.summary.changed == 1
    assert isinstance(read_message(warming._ON_TIME).trips[0].calls, TimedCalls)
