"""All tables there are: one metadata per package, and no foreign key from one to another."""

from __future__ import annotations

from importlib import import_module, util

from sqlalchemy import MetaData

_MODULES = ("mobility.tables", "mobility.identity.tables", "payments.tables")

METADATA: tuple[MetaData, ...] = tuple(
    import_module(name).metadata for name in _MODULES if util.find_spec(name)
)
