"""Every place is found by its name, in any spelling, and with a slip in it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.text import timetable_from_text
from mobility.planning.places.index import PlaceIndex
from mobility.planning.places.rows import PlaceRow, rows_of
from mobility.planning.places.text import abbreviations_of, fold, read_words
from tests.planning.world import luebeck, luebeck_planner, luebeck_timetable

ONE_BUS = timetable_from_text("1: X 08:00  Y 08:10")
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß"
NAMES = sorted({row.name for row in rows_of(luebeck(), luebeck_timetable())})
TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
BARE = str.maketrans("äöüÄÖÜ", "aouAOU")


def index() -> PlaceIndex:
    return luebeck_planner().places


def slips_of(name: str, rng: random.Random) -> Iterable[str]:
    """One of each sort somewhere: swapped, missing, doubled, wrong, too many."""
    at, other = rng.randrange(len(name) - 1), rng.choice(LETTERS)
    head, one, two, tail = name[:at], name[at], name[at + 1], name[at + 2 :]
    for middle in (two + one, two, one + one + two, other + two, other + one + two):
        yield head + middle + tail


def among(name: str, typed: str, first: int) -> bool:
    """Whether a place of that name, or of the same words, is among the first so many."""
    words = sorted(fold(word) for word in name.replace("/", " ").replace("-", " ").split())
    found = [p.name for p in index().find(typed, limit=first)]
    return name in found or any(
        sorted(fold(w) for w in f.replace("/", " ").replace("-", " ").split()) == words
        for f in found
    )


def test_every_place_finds_itself_by_its_full_name_first() -> None:
    assert len(NAMES) > 500
    assert [name for name in NAMES if not among(name, name, 1)] == []


@pytest.mark.parametrize("seed", range(2))
def test_every_place_is_found_with_one_slip(seed: int) -> None:
    rng = random.Random(seed)
    long = [name for name in NAMES if sum(c.isalnum() for c in name) >= 5]
    lost = [
        (name, typed)
        for name in rng.sample(long, 70)
        for typed in slips_of(name, rng)
        if not among(name, typed, 5)
    ]
    assert lost == []


@pytest.mark.parametrize("spell", [str.upper, str.lower, str.casefold])
def test_case_makes_no_difference(spell: object) -> None:
    for name in NAMES[::7]:
        assert index().find(spell(name)) == index().find(name)  # type: ignore[operator]


def test_transcriptions_make_no_difference() -> None:
    for name in [name for name in NAMES if set(name) & set("äöüÄÖÜß")][::3]:
        as_it_is = index().find(name)
        assert index().find(name.translate(TRANSCRIBED).replace("ß", "ss")) == as_it_is
        assert index().find(name.translate(BARE).replace("ß", "ss")) == as_it_is


def test_the_order_of_words_makes_no_difference() -> None:
    for name in NAMES[::7]:
        backwards = " ".join(reversed(name.replace("/", " ").replace("-", " ").split()))
        assert among(name, backwards, 5), backwards


def test_a_name_is_found_while_it_is_typed() -> None:
    lost = [name for name in NAMES[::5] if not among(name, name[:-1], 5)]
    assert lost == []


@given(st.text(max_size=80))
@settings(max_examples=60)
def test_any_text_has_an_answer(typed: str) -> None:
    for match in index().search(typed, limit=5):
        pieces = [match.name[at : at + length] for at, length in match.parts]
        assert pieces
        assert all(pieces)
        assert all(at + length <= len(typed) for at, length in match.typed)


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5, unique=True))
@settings(max_examples=25)
def test_any_name_is_found_by_itself(names: list[str]) -> None:
    bare = replace(luebeck(), places=(), car_parks=())
    rows = [PlaceRow(name, "sight", 53.8, 10.6 + i / 50) for i, name in enumerate(names)]
    found = PlaceIndex(bare, ONE_BUS, rows)
    abbreviations = abbreviations_of(["de", "en"])
    for name in names:
        mine = [word.folded for word in read_words(name, abbreviations)]
        if mine:
            first = found.find(name)[0].name
            assert first == name or [w.folded for w in read_words(first, abbreviations)] == mine
