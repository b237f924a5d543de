"""What planning refuses.

::

    PlanningError
    ├── UnknownStopError     no stop or station of that id
    ├── UnknownVehicleError  no such vehicle, or it cannot be rented just now
    ├── UnknownPassError     a kind of pass that no fare table knows
    └── BadSearchError       a search that cannot be answered: its times, its page
"""

from __future__ import annotations


class PlanningError(Exception):
    """Root of what planning refuses."""


class UnknownStopError(PlanningError):
    """The timetable has no stop or station of that id."""


class UnknownVehicleError(PlanningError):
    """There is no such vehicle, or nobody can rent it just now."""


class UnknownPassError(PlanningError):
    """A kind of pass that no fare table of the city knows."""


class BadSearchError(PlanningError):
    """The search contradicts itself, or its page was not made here."""
