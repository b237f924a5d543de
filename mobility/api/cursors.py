"""Cursors of lists: opaque to clients, the last row's place in the order to us."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from fastapi import HTTPException

NOT_OURS = "the cursor is not one that this API gave out"


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
    refused = HTTPException(400, NOT_OURS)
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        at, row_id = base64.urlsafe_b64decode(padded.encode()).decode().split("|", 1)
        instant = datetime.fromisoformat(at)
    except (ValueError, binascii.Error) as error:
        raise refused from error
    if instant.tzinfo is None or "\x00" in row_id:
        raise refused
    return instant, row_id
