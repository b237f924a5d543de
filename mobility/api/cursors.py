"""Cursors of lists: opaque to clients; to us the list, and its last row's place in the order."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from fastapi import HTTPException

NOT_OURS = "the cursor is not one that this API gave out for this list"


def make_cursor(of: str, at: datetime, row_id: str) -> str:
    """The cursor of the page of a list after the row with this time and id."""
    text = f"{of}|{at.isoformat()}|{row_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(of: str, cursor: str | None) -> tuple[datetime, str] | None:
    """The row a cursor of a list stands for; None for the first page.

    Raises:
        HTTPException: 400, when it is not one of ours, or of another list.
    """
    if cursor is None:
        return None
    refused = HTTPException(400, NOT_OURS)
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        its, at, row_id = base64.urlsafe_b64decode(padded.encode()).decode().split("|", 2)
        instant = datetime.fromisoformat(at)
    except (ValueError, binascii.Error) as error:
        raise refused from error
    if its != of or instant.tzinfo is None or "\x00" in row_id:
        raise refused
    return instant, row_id
