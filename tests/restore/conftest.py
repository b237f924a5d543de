from __future__ import annotations

from tests.simulation.conftest import city, database

__all__ = ["city", "database"]
