"""Worlds that do not know of each other are divided among processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

SHARE = os.environ.get("SHARE", "1/1")
"""Which part this process plays: ``2/4`` is every fourth world, from the second on."""
_T = TypeVar("_T")


def share_of(worlds: Sequence[_T], share: str = SHARE) -> Sequence[_T]:
    """Those of all worlds that are played here."""
    number, n_processes = map(int, share.split("/"))
    return worlds[number - 1 :: n_processes]
