"""The version in a path: ``/api/v1`` to ``/api/v6``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from mobility.api.motis.errors import NotThereError
from mobility.api.motis.versions import NEWEST, OLDEST, Version


def read_version(version: int) -> Version:
    """The version of a path.

    Raises:
        NotThereError: there is none of that number.
    """
    if not OLDEST <= version <= NEWEST:
        raise NotThereError(f"there are /api/v{OLDEST} to /api/v{NEWEST} of this; use v{NEWEST}")
    return Version(version)


VersionDep = Annotated[Version, Depends(read_version)]
