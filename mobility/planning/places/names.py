"""Which names hold a typed word: as it is, as its start, or with a slip or two.

Every word of every name stands in one sorted vocabulary; behind each lie the names that hold it. A
typed word is a range of the vocabulary (all that start so) and a few words more that are one or two
slips away. What it finds is an array over all names: how badly each matches, and where.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from mobility.planning.places.text import Abbreviations, Word, read_words

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

PREFIX = 1
"""The typed word is only the start of the name's."""
CONTEXT = 2
"""The word is not in the name but in what stands around it: the town, the postcode."""
SLIP = 10
"""Times the number of slips."""

_AT = 64
_NOWHERE = 31
"""Position of what is not a word of the name itself."""
Cost = TypeVar("Cost", int, NDArray[np.int32])

MISSING = np.int32(2**30)
"""What a name costs that does not hold the word."""
_DEPTH = 16
"""To so many first letters of a word it is known which ones they are."""
_LAST = "\U0010ffff"
_SHORT, _LONG = 4, 8
"""A word of so many letters may hold one slip, and two."""


@dataclass(frozen=True, slots=True)
class _Postings:
    """Behind each word of the vocabulary the names that hold it: slices of `names` and `at`.

    `at` is twice the position of the word in the name, and one more where it is two words in one.
    """

    first: I32
    names: I32
    at: I32


class NameIndex:
    """All names, by their words. Immutable."""

    def __init__(
        self,
        names: Sequence[str],
        around: Sequence[str],
        everywhere: str,
        abbreviations: Abbreviations,
    ) -> None:
        """Read ``names``, what stands ``around`` each (a town, or empty) and around them all."""
        self.words = [read_words(name, abbreviations) for name in names]
        self.n_words = np.array([len(words) for words in self.words], np.int32)
        self.n_different = np.array([len({w.folded for w in ws}) for ws in self.words], np.int32)
        self.n_letters = np.array([_letters(words) for words in self.words], np.int32)
        self._everywhere = [f for w in read_words(everywhere, abbreviations) for f in w.forms]
        seen: dict[str, list[tuple[str, ...]]] = {}
        held: dict[str, tuple[list[int], list[int]]] = {}
        for i, (words, text) in enumerate(zip(self.words, around, strict=True)):
            for form, at in _forms_of(words):
                _hold(held, form, i, at)
            if text not in seen:
                seen[text] = [word.forms for word in read_words(text, abbreviations)]
            for forms in seen[text]:
                for form in forms:
                    _hold(held, form, i, 2 * _NOWHERE)
        self._vocabulary = sorted(held)
        self._postings = _packed([held[form] for form in self._vocabulary])
        self._letters = _letter_sets(self._vocabulary)
        self._lengths = np.array([len(form) for form in self._vocabulary], np.int32)

    def cost(self, word: Word) -> I32:
        """For each name what it costs to hold the word as it is, or as the start of one of its."""
        cost = np.full(len(self.words), MISSING, np.int32)
        for form in word.forms:
            low = bisect_left(self._vocabulary, form)
            high = bisect_left(self._vocabulary, form + _LAST, low)
            exact = low < high and self._vocabulary[low] == form
            if exact:
                self._lower(cost, low, low + 1, 0)
            self._lower(cost, low + exact, high, PREFIX)
            if any(known.startswith(form) for known in self._everywhere):
                np.minimum(cost, CONTEXT * _AT + 2 * _NOWHERE, out=cost)
        return cost

    def lower_by_slips(self, cost: I32, word: Word, budget: int) -> None:
        """Lower ``cost`` where a name holds the word with at most ``budget`` slips."""
        if budget < 1:
            return
        found: dict[int, int] = {}
        for form in word.forms:
            for i, value in self._near(form, budget):
                found[i] = min(value, found.get(i, value))
        if found:
            self._lower_each(cost, np.array(list(found)), np.array(list(found.values())))

    def _lower(self, cost: I32, low: int, high: int, quality: int) -> None:
        """Lower the cost of the names behind a range of the vocabulary."""
        if low < high:
            held = slice(self._postings.first[low], self._postings.first[high])
            self._lower_held(cost, held, quality)

    def _lower_each(self, cost: I32, words: I64, qualities: I64) -> None:
        """Lower the cost of the names behind some words of the vocabulary, by word."""
        first = self._postings.first[words]
        counts = self._postings.first[words + 1] - first
        ends = np.cumsum(counts)
        held = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
        self._lower_held(cost, held, np.repeat(qualities, counts))

    def _lower_held(self, cost: I32, held: slice | I64, quality: int | I64) -> None:
        at = self._postings.at[held]
        value = (quality + CONTEXT * (at == 2 * _NOWHERE)) * _AT + at
        np.minimum.at(cost, self._postings.names[held], value.astype(np.int32))

    def _near(self, form: str, budget: int) -> Iterable[tuple[int, int]]:
        """Words of the vocabulary that, whole or by their start, are so few slips away; how.

        A slip adds or takes at most one letter, so most words are ruled out by their letters.
        """
        n = len(form)
        letters = _letter_sets([form])[-1, 0]
        start = self._letters[min(n - budget, _DEPTH) - 1] if n > budget else np.uint64(0)
        possible = self._lengths >= n - budget
        possible &= np.bitwise_count(letters & ~self._letters[-1]) <= budget
        possible &= np.bitwise_count(start & ~letters) <= budget
        near = np.flatnonzero(possible).tolist()
        words = [self._vocabulary[i] for i in near]
        for length in range(max(1, n - budget), n + budget + 1):
            starts = [word[:length] for word in words]
            for _, slips, k in process.extract(
                form, starts, scorer=OSA.distance, score_cutoff=budget, limit=None
            ):
                if slips:
                    whole = len(words[k]) <= length
                    yield near[k], SLIP * int(slips) + (0 if whole else PREFIX)


def slips_allowed(word: Word) -> int:
    """How many slips a word may hold: none in a number, two in a long word."""
    n = len(word.folded)
    if n < _SHORT or any(c.isdigit() for c in word.folded):
        return 0
    return 1 if n < _LONG else 2


def quality_of(cost: Cost) -> Cost:
    """What is left of a cost without the position."""
    return cost // _AT


def places_of(cost: I32) -> I32:
    """Which words of the name a cost speaks of, as bits; 0 for none of them."""
    at = cost % _AT
    position, pair = at // 2, at % 2
    bits = np.left_shift(1 + 2 * pair, np.minimum(position, _NOWHERE - 2))
    return np.where(position == _NOWHERE, 0, bits).astype(np.int32)


def _forms_of(words: Sequence[Word]) -> Iterable[tuple[str, int]]:
    """Each word, and each two neighbours written as one, with where they stand."""
    for i, word in enumerate(words[: _NOWHERE - 2]):
        for form in word.forms:
            yield form, 2 * i
        if i + 1 < len(words):
            yield word.folded + words[i + 1].folded, 2 * i + 1


def _hold(held: dict[str, tuple[list[int], list[int]]], form: str, name: int, at: int) -> None:
    names, places = held.setdefault(form, ([], []))
    names.append(name)
    places.append(at)


def _packed(held: Sequence[tuple[list[int], list[int]]]) -> _Postings:
    first = np.cumsum([0, *(len(names) for names, _ in held)], dtype=np.int32)
    return _Postings(
        first,
        np.array([name for names, _ in held for name in names], np.int32),
        np.array([at for _, places in held for at in places], np.int32),
    )


def _letter_sets(words: Sequence[str]) -> U64:
    """The letters of each word's first 1, 2, ... letters as bits, and of the whole word last.

    Letters beyond a-z share some bits.
    """
    sets = np.zeros((_DEPTH + 1, len(words)), np.uint64)
    for i, word in enumerate(words):
        bits, column = 0, []
        for letter in word:
            bits |= 1 << _bit(ord(letter))
            column.append(bits)
        column += [bits] * (_DEPTH - len(word))
        sets[:, i] = [*column[:_DEPTH], bits]
    return sets


def _bit(code: int) -> int:
    if ord("a") <= code <= ord("z"):
        return code - ord("a")
    return 26 + code % 38


def held_at(cost: int) -> list[int]:
    """`places_of` one cost, as positions."""
    at = cost % _AT
    return [] if at // 2 == _NOWHERE else [at // 2, at // 2 + 1][: 1 + at % 2]


def _letters(words: Sequence[Word]) -> int:
    return sum(max(map(len, word.forms)) for word in words)
