"""Finding places while somebody types, against rapidfuzz's own search over the list of names.

    python -m benchmarks places

Three indexes: Lübeck as it is; Lübeck and 200,000 made-up addresses of 50 to a street; Lübeck and
200,000 names that are all different, as of a whole country's stops. Asked are starts of names,
whole names, and whole names with one slip. Each question counts its fastest of three rounds. Prints
what the index takes to build and to hold, the times, and how often the place meant is among the
first five answers; exits 1 where a place is not found by its own name.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from rapidfuzz import fuzz, process
from rich.console import Console
from rich.table import Table

from gtfs.build import build
from gtfs.load import read_feed
from gtfs.timetable import Timetable
from mobility.cities.city import City, load_city
from mobility.cities.network import write_feed
from mobility.planning.places.index import PlaceIndex
from mobility.planning.places.rows import PlaceRow, rows_of

ROUNDS, QUESTIONS, FIRST = 3, 300, 5
PEER_QUESTIONS = 8
PAGE = 4096
ADDRESSES, HOUSES = 200_000, 50
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß"
SYLLABLES = (
    *("al", "an", "bar", "bek", "ber", "bir", "brun", "dor", "ehr", "ei", "fal", "fe", "fried"),
    *("gar", "gro", "ha", "hei", "hol", "hu", "jo", "ka", "kir", "klo", "kü", "lan", "lin", "lö"),
    *("ma", "mei", "mo", "müh", "neu", "nor", "ol", "ost", "pap", "ra", "ro", "sand", "schil"),
    *("see", "stein", "tan", "tor", "trave", "ul", "vor", "wal", "wei", "wes", "zie"),
)
ENDINGS = ("straße", "weg", "allee", "platz", "ring", "gasse", "kamp", "damm", "brücke", "hof")


@dataclass(frozen=True, slots=True)
class Question:
    """What is typed, and the name that is meant."""

    text: str
    meant: str


def main() -> int:
    """All three indexes; 1 where a whole name does not find its place."""
    return _run(ADDRESSES, QUESTIONS)


def quick() -> int:
    """The same with a twentieth of the addresses and a quarter of the questions."""
    return _run(ADDRESSES // 20, QUESTIONS // 4)


def _run(addresses: int, questions: int) -> int:
    console, rng = Console(), random.Random(1)
    city, timetable = luebeck()
    own = [row.name for row in rows_of(city, timetable)]
    stops = [
        PlaceRow(name, "stop", *_somewhere(rng), id=f"stop-{i}")
        for i, name in enumerate(make_names(rng, addresses))
    ]
    indexes: tuple[tuple[str, list[PlaceRow]], ...] = (
        ("Lübeck", []),
        ("+ addresses", make_addresses(rng, addresses)),
        ("+ all different", stops),
    )
    table = Table("names", "built s", "MB", "asked", "p50 ms", "p99 ms", "meant in first 5", "peer")
    lost = 0
    for title, rows in indexes:
        index, seconds, megabytes = _built(city, timetable, rows)
        names = [*own, *(row.name for row in rows)]
        built = (f"{title}: {len(names)}", f"{seconds:.1f}", f"{megabytes:.0f}")
        for kind, make in KINDS.items():
            asked = [Question(make(name, rng), name) for name in rng.choices(names, k=questions)]
            times, found = _asked(index, asked)
            lost += kind == "whole" and found < len(asked)
            p50, p99 = np.percentile(times, [50, 99])
            here = f"{found / len(asked):.1%}"
            peer = _peer(names, asked[:PEER_QUESTIONS])
            table.add_row(*built, kind, f"{p50:.2f}", f"{p99:.2f}", here, peer)
    console.print(table)
    console.print("peer: rapidfuzz.process.extract (WRatio) over all names, p50, meant in first 5")
    return 1 if lost else 0


def luebeck() -> tuple[City, Timetable]:
    """The city and its compiled timetable."""
    city = load_city("luebeck")
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder) / "feed.zip"
        write_feed(city, feed, datetime.now(UTC).date())
        return city, build(read_feed(feed)[0])


def make_names(rng: random.Random, n: int) -> list[str]:
    """So many different names that sound like streets."""
    names: dict[str, None] = {}
    while len(names) < n:
        stem = "".join(rng.choices(SYLLABLES, k=rng.choice((2, 2, 3))))
        names[stem.capitalize() + rng.choice(ENDINGS)] = None
    return list(names)


def make_addresses(rng: random.Random, n: int) -> list[PlaceRow]:
    """House numbers in streets, the streets here and there."""
    rows = []
    for street in make_names(rng, n // HOUSES):
        lat, lon = _somewhere(rng)
        detail = f"{rng.randrange(23552, 23570)} Lübeck"
        for number in range(1, HOUSES + 1):
            here = (lat + rng.uniform(-2e-3, 2e-3), lon + rng.uniform(-2e-3, 2e-3))
            rows.append(PlaceRow(f"{street} {number}", "address", *here, detail=detail))
    return rows


def start_of(name: str, rng: random.Random) -> str:
    """What has been typed of a name when it is not finished."""
    return name[: rng.randrange(1, len(name) + 1)]


def slip(name: str, rng: random.Random) -> str:
    """The name with two letters swapped, one missing, doubled, wrong or too many.

    Its digits stay: another house number is another house.
    """
    at = rng.choice([i for i in range(len(name) - 1) if name[i : i + 2].isalpha()] or [0])
    head, one, two, tail = name[:at], name[at], name[at + 1], name[at + 2 :]
    other = rng.choice(LETTERS)
    return (
        head + rng.choice([two + one, two, one + one + two, other + two, other + one + two]) + tail
    )


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "start": start_of,
    "whole": lambda name, _: name,
    "one slip": slip,
}


def _somewhere(rng: random.Random) -> tuple[float, float]:
    return rng.uniform(53.78, 53.98), rng.uniform(10.56, 10.95)


def _built(
    city: City, timetable: Timetable, rows: Sequence[PlaceRow]
) -> tuple[PlaceIndex, float, float]:
    before, start = _resident(), perf_counter()
    index = PlaceIndex(city, timetable, rows)
    return index, perf_counter() - start, (_resident() - before) / 1e6


def _resident() -> int:
    """Bytes of memory in use; 0 where the system does not tell."""
    gc.collect()
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * PAGE if told.exists() else 0


def _asked(index: PlaceIndex, questions: Sequence[Question]) -> tuple[list[float], int]:
    """The fastest time of each question in ms, and how many found what was meant."""
    found = sum(
        question.meant in [place.name for place in index.find(question.text)[:FIRST]]
        for question in questions
    )
    return [_fastest(lambda q=q: index.find(q.text)) for q in questions], found  # type: ignore[misc]


def _peer(names: Sequence[str], questions: Sequence[Question]) -> str:
    def ask(text: str) -> list[str]:
        return [
            name for name, _, _ in process.extract(text, names, scorer=fuzz.WRatio, limit=FIRST)
        ]

    found, times = 0, []
    for question in questions:
        start = perf_counter()
        found += question.meant in ask(question.text)
        times.append(1000 * (perf_counter() - start))
    return f"{np.median(times):.2f} ms, {found / len(questions):.1%}"


def _fastest(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        call()
        times.append(1000 * (perf_counter() - start))
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
