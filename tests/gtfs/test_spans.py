"""Cells read as machine words are the cells read as text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gtfs.columns import BLANK, Names, clocks, numbers
from gtfs.spans import Block, Spans

HOURS, SIXTY = st.integers(0, 99), st.integers(0, 61)
ODD = ["", "00000001", "99999999", "167:59:59", "169:00:00", "1a", "7" * 50, "S1", "S2"]
CELLS = st.one_of(
    st.integers(-5, 10**9).map(str),
    st.text("0123456789:/ -+_é", max_size=9),
    st.builds("{:02}:{:02}:{:02}".format, HOURS, SIXTY, SIXTY),
    st.builds("{}:{:02}:{:02}".format, st.integers(0, 9), SIXTY, SIXTY),
    st.sampled_from(ODD),
)


def spans(cells: list[str]) -> Spans:
    text = "".join(f"x,{cell}\n" for cell in cells)
    sizes = np.array([len(cell.encode()) for cell in cells], np.int64)
    start = np.cumsum(np.append(2, sizes[:-1] + 3)) if cells else np.zeros(0, np.int64)
    return Spans(Block.of(text, text.encode()), start, start + sizes)


@given(st.lists(CELLS, max_size=12))
def test_numbers_and_times_are_what_their_text_says(cells: list[str]):
    for reader in (numbers, clocks):
        by_text, by_word = reader(), reader()
        expected = by_text.read(cells)
        found = by_word.read(spans(cells))
        good = expected >= -(1 << 30)
        assert found[good].tolist() == expected[good].tolist()
        assert ((found == BLANK) == (expected == BLANK)).all()
        assert ((found < -(1 << 30)) == ~good).all()


@given(st.lists(CELLS, max_size=6), st.integers(1, 5))
def test_names_are_numbered_alike_in_runs_and_alone(cells: list[str], times: int):
    repeated = [cell for cell in cells for _ in range(times)]
    by_text, by_word = Names(), Names()
    assert by_word.read(spans(repeated)).tolist() == by_text.read(repeated).tolist()
    assert by_word.values_ == by_text.values_
    assert spans(repeated).texts() == repeated
