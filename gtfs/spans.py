"""Cells as spans of a block of bytes: plain numbers and clock times are read without any text.

Eight bytes of a cell fit a machine word, whose digits are tested and added up at once (the known
trick of "SIMD within a register"). What is not plain digits is left to who understands texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]

_WORD = 8
_LONGEST = 5 * _WORD


def _u(value: int) -> np.uint64:
    return np.uint64(value)


_ZEROS = 0x3030303030303030
_HIGH = 0xF0F0F0F0F0F0F0F0
_SIX = 0x0606060606060606
_NOT_COLONS = 0xFFFF00FFFF00FFFF
_COLONS = 0x00003A00003A0000


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Bytes of whole lines, and the same with some more behind so that words can be read."""

    text: str
    raw: bytes
    words: U64

    @classmethod
    def of(cls, text: str, raw: bytes) -> Block:
        """The block of a text and its UTF-8."""
        padded = raw + bytes(_LONGEST)
        words: U64 = np.ndarray((len(padded) - _WORD + 1,), "<u8", padded, strides=(1,))
        return cls(text, raw, words)


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """A column of cells: cell i is the bytes [`start[i]`, `end[i]`) of the block."""

    block: Block
    start: I64
    end: I64

    def __len__(self) -> int:
        return len(self.start)

    def texts(self, rows: NDArray[Any] | None = None) -> list[str]:
        """The text of all cells, or of some."""
        start, end = (self.start, self.end) if rows is None else (self.start[rows], self.end[rows])
        pairs = zip(start.tolist(), end.tolist(), strict=True)
        text, raw = self.block.text, self.block.raw
        if len(text) == len(raw):
            return [text[a:b] for a, b in pairs]
        return [raw[a:b].decode() for a, b in pairs]

    def heads(self) -> I64 | None:
        """Cells that differ from the one before; None where some are too long to say."""
        width = self.end - self.start
        longest = int(width.max(initial=0))
        if longest > _LONGEST:
            return None
        new = np.ones(len(self), np.bool_)
        new[1:] = width[1:] != width[:-1]
        for at in range(0, longest, _WORD):
            word = self._word(at, width)
            new[1:] |= word[1:] != word[:-1]
        return np.flatnonzero(new)

    def digits(self) -> tuple[I64, Bool]:
        """The numbers of plain digits, at most eight, and which cells are such."""
        width = self.end - self.start
        plain = (width > 0) & (width <= _WORD)
        aligned = self._aligned(np.where(plain, width, _WORD))
        plain &= _are_digits(aligned, _HIGH)
        value = (aligned & _u(0x0F0F0F0F0F0F0F0F)) * _u(2561) >> _u(8)
        value = (value & _u(0x00FF00FF00FF00FF)) * _u(6553601) >> _u(16)
        value = (value & _u(0x0000FFFF0000FFFF)) * _u(42949672960001) >> _u(32)
        return value.astype(np.int64), plain

    def clocks(self) -> tuple[I64, Bool]:
        """Seconds of cells HH:MM:SS or H:MM:SS, and which are such."""
        width = self.end - self.start
        plain = (width == _WORD) | (width == _WORD - 1)
        aligned = self._aligned(np.where(plain, width, _WORD))
        plain &= (aligned & _u(~_NOT_COLONS & (1 << 64) - 1)) == _u(_COLONS)
        plain &= _are_digits(aligned, _HIGH & _NOT_COLONS)
        digit = [
            ((aligned >> _u(8 * place)) & _u(0x0F)).astype(np.int64) for place in (0, 1, 3, 4, 6, 7)
        ]
        plain &= (digit[2] < 6) & (digit[4] < 6)
        hours, minutes, seconds = (digit[i] * 10 + digit[i + 1] for i in (0, 2, 4))
        return hours * 3600 + minutes * 60 + seconds, plain

    def _word(self, at: int, width: I64) -> U64:
        """Eight bytes of each cell from `at` on, zero beyond its end."""
        word = self.block.words[self.start + min(at, _LONGEST)]
        left = np.clip(width - at, 0, _WORD)
        full = left == _WORD
        bits = np.where(full, 0, left * 8).astype(np.uint64)
        mask = np.where(full, _u((1 << 64) - 1), (_u(1) << bits) - _u(1))
        return word & mask

    def _aligned(self, width: I64) -> U64:
        """The cell's bytes at the high end of a word, digits zero before them."""
        word = self._word(0, width)
        shift = ((_WORD - width) * 8).astype(np.uint64)
        zeros = _u(_ZEROS) & ((_u(1) << shift) - _u(1))
        return (word << shift) | zeros


def _are_digits(word: U64, where: int) -> Bool:
    """Whether all bytes of which `where` has the high half are digits."""
    high, zeros = _u(where), _u(_ZEROS & where)
    six = _u(_SIX & (where | where >> 4))
    digits: Bool = ((word & high) == zeros) & (((word + six) & high) == zeros)
    return digits
