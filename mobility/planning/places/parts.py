"""Which letters of a name and of the typed text belong together, for showing them."""

from __future__ import annotations

from collections.abc import Sequence

from mobility.planning.places.names import I32, PREFIX, SLIP, held_at, quality_of
from mobility.planning.places.rank import UNHELD
from mobility.planning.places.text import Word, fold

Parts = tuple[tuple[int, int], ...]
"""(start, length) of pieces of a text, in order, none over another."""


def parts_of(name: str, of_name: Sequence[Word], words: Sequence[Word], costs: I32) -> Parts:
    """The pieces of a name that hold the typed words; ``costs`` as `Ranked.costs` has them."""
    pieces: dict[int, int] = {}
    for word, cost in zip(words, costs.tolist(), strict=True):
        held = held_at(cost)
        if not held:
            continue
        start, end = of_name[held[0]].start, of_name[held[-1]].end
        if quality_of(cost) % SLIP == PREFIX:
            end = _end_of_start(name, start, end, len(word.folded))
        pieces[start] = max(end, pieces.get(start, 0))
    apart: list[tuple[int, int]] = []
    for start, end in sorted(pieces.items()):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return tuple((start, end - start) for start, end in apart)


def typed_of(words: Sequence[Word], costs: I32) -> Parts:
    """The pieces of the text that were understood."""
    return tuple(
        (word.start, word.end - word.start)
        for word, cost in zip(words, costs, strict=True)
        if cost != UNHELD
    )


def _end_of_start(name: str, start: int, end: int, letters: int) -> int:
    """Where so many folded letters of a name end that begin at ``start``."""
    for at in range(start + 1, end):
        if len(fold(name[start:at])) >= letters:
            return at
    return end
