"""Which names answer a text, and how well.

A score is what the words say, and a little of how many people mean the place and how near it is:

- 1.4 for the whole name as typed, 1.0 for a whole alias or a whole name with slips, 0.6 where the
  text holds the first word, 0.5 else; less 0.3 for each slip, and for letters not typed;
- up to 0.2 for departures (see `mobility.planning.places.rows`), up to 0.2 for nearness.

So no popular place drives out the one that is called exactly so, and among names that answer alike
the near one and the busy one come first. Names that hold all words come before any that do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mobility.planning.places.names import (
    CONTEXT,
    MISSING,
    PREFIX,
    SLIP,
    NameIndex,
    places_of,
    quality_of,
    slips_allowed,
)
from mobility.planning.places.streets import is_house_letter, is_house_number
from mobility.planning.places.text import Word

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

WHOLE_NAME, WHOLE, FIRST_WORD, LATER_WORD = 1.4, 1.0, 0.6, 0.5
PER_SLIP, UNTYPED, UNMATCHED = 0.3, 0.1, 0.4
ENOUGH_LETTERS = 0.5
"""Where no name holds all words, one that holds so many of the letters answers."""
ELSEWHERE = np.int32(CONTEXT * 64 + 62)
"""The cost of a word that the name itself does not hold but need not, such as a house number."""
UNHELD = np.int32(CONTEXT * 64 + 63)
"""The cost of a word that was let go."""


@dataclass(frozen=True, slots=True)
class Names:
    """What is ranked: the names, and of each whether it is its place's first and has houses."""

    index: NameIndex
    primary: Bool
    with_houses: Bool


@dataclass(frozen=True, slots=True)
class Ranked:
    """Names that answer, with their score by the words alone and the costs of each word."""

    names: I32
    scores: F64
    costs: I32
    """``costs[word, i]`` is what ``names[i]`` costs to hold the word."""


class Asked:
    """What is asked: words, and what each costs in each name. Of one search, not to be shared."""

    def __init__(self, names: Names, words: Sequence[Word], allowed: Bool | None = None) -> None:
        """Look the words up; ``allowed`` are the names that may answer, or all."""
        self._names = names
        self._words = words
        self._allowed = allowed
        self._costs = np.stack([names.index.cost(word) for word in words])
        for i, word in enumerate(words):
            if is_house_number(word.folded) or (i and is_house_letter(words[i - 1], word)):
                np.minimum(self._costs[i], ELSEWHERE, out=self._costs[i], where=names.with_houses)
        self._pairs = [
            Word((one.folded + other.folded,), one.start, other.end)
            for one, other in pairwise(words)
        ]
        self._pair_costs = [names.index.cost(pair) for pair in self._pairs]
        self._take_pairs()

    def strictly(self) -> Ranked:
        """The names that hold each word as it is, or as the start of one of theirs."""
        return self._ranked(self._costs)

    def loosely(self) -> Ranked:
        """The names that hold each word but for a slip or two."""
        for word, cost in zip(self._words, self._costs, strict=True):
            self._names.index.lower_by_slips(cost, word, slips_allowed(word))
        for pair, cost in zip(self._pairs, self._pair_costs, strict=True):
            self._names.index.lower_by_slips(cost, pair, min(1, slips_allowed(pair)))
        self._take_pairs()
        return self._ranked(self._costs)

    def partly(self) -> Ranked:
        """The names that hold enough of the words, those that hold most of them; after `loosely`.

        Here a word too short for a slip may hold one, as there are others to tell the name by.
        """
        costs = self._costs.copy()
        for word, cost in zip(self._words, costs, strict=True):
            short = len(word.folded) > 1 and word.folded.isalpha() and not slips_allowed(word)
            if short and len(self._words) > 1:
                self._names.index.lower_by_slips(cost, word, 1)
        letters = np.array([len(word.folded) for word in self._words])
        share = letters @ (costs < MISSING) / letters.sum()
        best = share.max(initial=0, where=True if self._allowed is None else self._allowed)
        costs[costs == MISSING] = UNHELD
        costs[:, share < max(ENOUGH_LETTERS, best - 1e-9)] = MISSING
        ranked = self._ranked(costs)
        scores = ranked.scores - UNMATCHED * (1 - share[ranked.names])
        return Ranked(ranked.names, scores, ranked.costs)

    def _take_pairs(self) -> None:
        """Let one word of a name answer two typed ones, where either is worse answered alone."""
        for i, cost in enumerate(self._pair_costs):
            both = self._costs[i : i + 2]
            better = (quality_of(cost) < quality_of(both)).any(axis=0)
            np.copyto(both, cost, where=better)

    def _ranked(self, costs: I32) -> Ranked:
        index = self._names.index
        answering = (costs < MISSING).all(axis=0)
        found = np.flatnonzero(answering if self._allowed is None else answering & self._allowed)
        costs = costs[:, found]
        held = np.bitwise_or.reduce(places_of(costs), axis=0)
        kept = held > 0
        found, costs, held = found[kept], costs[:, kept], held[kept]
        quality = quality_of(costs)
        slips = (quality // SLIP).sum(axis=0)
        prefix = (quality % SLIP == PREFIX).any(axis=0)
        whole = (np.bitwise_count(held) == index.n_different[found]) & ~prefix
        exact = whole & (quality == 0).all(axis=0) & (index.n_words[found] == len(self._words))
        score = np.select(
            [exact & self._names.primary[found], whole, (held & 1) > 0],
            [WHOLE_NAME, WHOLE, FIRST_WORD],
            LATER_WORD,
        )
        typed = sum(len(word.folded) for word in self._words)
        covered = np.where(whole, 1, np.minimum(1, typed / np.maximum(1, index.n_letters[found])))
        score = score - PER_SLIP * slips - UNTYPED * (1 - covered)
        return Ranked(found.astype(np.int32), score, costs)
