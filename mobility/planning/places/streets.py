"""Streets and their house numbers, made of addresses: a street is one name, however long it is."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from mobility.planning.places.rows import PlaceRow
from mobility.planning.places.text import Word, fold

_HOUSE = re.compile(
    r"^(?P<street>.*\D)\s+(?P<number>\d+\s?[a-zA-Z]?(?:\s?[-/+]\s?\d+\s?[a-zA-Z]?)?)$"
)
_TYPED = re.compile(r"^\d{1,4}[a-z]?$")
_STARTS = 3
"""So many houses are offered for the start of a number."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street of one name and town; ``houses`` by number, their rows sorted by it."""

    row: PlaceRow
    numbers: tuple[tuple[int, str], ...] = ()
    houses: tuple[PlaceRow, ...] = ()

    def find(self, words: Sequence[str]) -> list[PlaceRow]:
        """The houses of a typed number, ``12a``, ``12 a`` or ``12-14`` in words.

        Where there is none, that of its first word; else a few whose number starts so.
        """
        number = "".join(words)
        for wanted in ((_sort_key(words[0])[0], _rest(words)), _sort_key(words[0])):
            at = bisect_left(self.numbers, wanted)
            until = bisect_right(self.numbers, wanted)
            if at < until:
                return list(self.houses[at:until])
        starts = (
            house
            for (value, rest), house in zip(self.numbers, self.houses, strict=True)
            if f"{value}{rest}".startswith(number)
        )
        return list(islice(starts, _STARTS))


def is_house_number(folded: str) -> bool:
    """Whether a typed word can be one: up to four digits and a letter."""
    return _TYPED.match(folded) is not None


def is_house_letter(before: Word, word: Word) -> bool:
    """Whether a typed letter belongs to the house number before it, as in ``12 a``."""
    return before.folded.isdecimal() and len(word.folded) == 1 and word.folded.isalpha()


def split_address(name: str) -> tuple[str, str]:
    """Street and house number; the number is empty where the name ends in none."""
    found = _HOUSE.match(name)
    return (found["street"].strip(), found["number"]) if found else (name, "")


def streets_of(rows: Iterable[PlaceRow]) -> tuple[list[Street], list[PlaceRow]]:
    """The streets of the addresses and streets among the rows, and all other rows.

    A street stands where its own row says, or else in the middle of its houses.
    """
    own: dict[tuple[str, str], PlaceRow] = {}
    houses: dict[tuple[str, str], list[tuple[tuple[int, str], PlaceRow]]] = defaultdict(list)
    others = []
    for row in rows:
        street, number = split_address(row.name)
        key = (street, row.detail)
        if row.kind == "street":
            own.setdefault((row.name, row.detail), row)
        elif row.kind == "address" and number:
            houses[key].append((_sort_key(number), row))
        else:
            others.append(row)
    keys = dict.fromkeys([*own, *houses])
    return [_street(key, own.get(key), houses.get(key, ())) for key in keys], others


def _street(
    key: tuple[str, str],
    own: PlaceRow | None,
    houses: Sequence[tuple[tuple[int, str], PlaceRow]],
) -> Street:
    ordered = sorted(houses, key=lambda item: (item[0], item[1].key))
    name, detail = key
    row = own or PlaceRow(
        name,
        "street",
        median(house.lat for _, house in ordered),
        median(house.lon for _, house in ordered),
        detail=detail,
    )
    return Street(row, tuple(n for n, _ in ordered), tuple(house for _, house in ordered))


def _sort_key(number: str) -> tuple[int, str]:
    """``12 a`` as (12, "a"), ``12-14`` as (12, "14")."""
    if number.isdecimal():
        return int(number[:9]), ""
    first = re.match(r"\d+", number)
    rest = number[first.end() :] if first else number
    return int(first.group()[:9]) if first else 0, "".join(c for c in fold(rest) if c.isalnum())


def _rest(words: Sequence[str]) -> str:
    return _sort_key(words[0])[1] + "".join(words[1:])
