"""Cursors of lists: opaque to clients, the last row's place in the order to us."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from fastapi import HTTPException


def make_cursor(at: datetime, row_id: str) -> str:
    """The cursor of the page after the row with this time and id."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The row a cursor stands for; None for the first page.

    Raises:
        HTTPException: 400, when it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, row_id = base64.urlsafe_b64decode(padded.encode()).decode().split("|", 1)
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None or "\x00" in row_id:
            raise ValueError(at)
    except (ValueError, binascii.Error) as error:
        raise HTTPException(400, "the cursor is not one that this API gave out") from error
    return instant, row_id
