"""Page cursors: a direction and an instant, ``LATER|1795676400``; to clients just a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from mobility.api.motis.errors import BadQueryError

_CURSOR = re.compile(r"(EARLIER|LATER)\|(\d{1,11})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """What lies before, or from, an instant."""

    earlier: bool
    at: datetime

    def text(self) -> str:
        """What a client gives back."""
        return f"{'EARLIER' if self.earlier else 'LATER'}|{int(self.at.timestamp())}"


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor of a text; None where there is none.

    Raises:
        BadQueryError: it is not one that was given out here.
    """
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise BadQueryError("pageCursor: use the cursor of an earlier answer, or leave it out")
    try:
        at = datetime.fromtimestamp(int(found[2]), UTC)
    except (ValueError, OverflowError, OSError):
        raise BadQueryError("pageCursor: use the cursor of an earlier answer") from None
    return Cursor(found[1] == "EARLIER", at)
