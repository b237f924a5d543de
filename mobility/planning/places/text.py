"""How the names of places are spelled: words, their foldings and their abbreviations.

Two spellings of a word are one when their folded forms are: letters without marks and case, ``ß``
as ``ss``, and ``ä``, ``ae`` and ``a`` alike (so ``ö`` and ``ü``). What a language abbreviates is a
row of ``mobility/cities/place_words.csv``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pydantic.dataclasses import dataclass as checked

from mobility.cities.city import CITIES
from mobility.cities.rows import DATA, Text, read_rows

MAX_CHARACTERS = 200
MAX_WORDS = 12
MAX_LETTERS = 40
"""Beyond these a text is not read: no name that people type is longer."""

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_NUMBERED = re.compile(r"(?P<word>[^\W\d]{3,})(?P<number>\d+\w?)")
"""A house number without a space before it; ``P3`` is one word."""
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "œ": "oe"})
_FILE = CITIES / "place_words.csv"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: its forms, the folded one first, and where it stands in the text."""

    forms: tuple[str, ...]
    start: int
    end: int

    @property
    def folded(self) -> str:
        """The form in which spellings that mean the same are the same."""
        return self.forms[0]


@checked(frozen=True, slots=True, config=DATA)
class _Abbreviation:
    language: Text
    short: Text
    long: Text
    as_ending: bool


@dataclass(frozen=True, slots=True)
class Abbreviations:
    """What stands for what, folded: whole words, and endings such as ``str`` of ``Mühlenstr.``."""

    words: dict[str, tuple[str, ...]]
    endings: tuple[tuple[str, str], ...]

    def expand(self, form: str) -> Iterable[str]:
        """The long forms of a folded word that is, or ends with, a short one."""
        yield from self.words.get(form, ())
        for short, long in self.endings:
            if form.endswith(short) and len(form) > len(short):
                yield form.removesuffix(short) + long


def abbreviations_of(languages: Iterable[str]) -> Abbreviations:
    """Those of some languages, by their two letters.

    Raises:
        CityDataError: the table does not read.
    """
    wanted = frozenset(languages)
    words: dict[str, tuple[str, ...]] = {}
    endings = []
    for row in _rows():
        if row.language not in wanted:
            continue
        short, long = fold(row.short), fold(row.long)
        words[short] = (*words.get(short, ()), long)
        if row.as_ending:
            endings.append((short, long))
    return Abbreviations(words, tuple(endings))


@cache
def _rows() -> tuple[_Abbreviation, ...]:
    return read_rows(_FILE, _Abbreviation)


def read_words(text: str, abbreviations: Abbreviations) -> list[Word]:
    """The words of a text, at most `MAX_WORDS` of its first `MAX_CHARACTERS` characters."""
    words = []
    for start, piece in _pieces(text[:MAX_CHARACTERS]):
        spelled = _spelled(piece)
        if spelled:
            folded = _without_digraphs(spelled)
            forms = [folded, *abbreviations.expand(folded), spelled]
            if "ß" in piece:
                forms.append(fold(piece.replace("ß", "s")))
            words.append(Word(tuple(dict.fromkeys(forms)), start, start + len(piece)))
        if len(words) == MAX_WORDS:
            break
    return words


def _pieces(text: str) -> Iterable[tuple[int, str]]:
    """The words as they stand in a text, with where."""
    for found in _WORD.finditer(text):
        numbered = _NUMBERED.fullmatch(found.group())
        if numbered:
            yield found.start(), numbered["word"]
            yield found.start() + numbered.start("number"), numbered["number"]
        else:
            yield found.start(), found.group()


def fold(word: str) -> str:
    """The folded form of one word: ``Mühlen``, ``Muehlen`` and ``muhlen`` are ``muhlen``."""
    return _without_digraphs(_spelled(word))


def _spelled(word: str) -> str:
    """Lower case and without marks, but ``ue`` for ``ü``."""
    if word.isascii():
        return word.lower()[:MAX_LETTERS]
    lower = unicodedata.normalize("NFKC", word).casefold().translate(_DIGRAPHS)
    bare = unicodedata.normalize("NFKD", lower)
    return "".join(c for c in bare if c.isalnum())[:MAX_LETTERS]


def _without_digraphs(spelled: str) -> str:
    return spelled.replace("ae", "a").replace("oe", "o").replace("ue", "u")
