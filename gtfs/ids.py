"""Indices into the tables of one timetable; an index of another timetable means nothing here."""

from __future__ import annotations

from typing import NewType

StopIdx = NewType("StopIdx", int)
RouteIdx = NewType("RouteIdx", int)
PatternIdx = NewType("PatternIdx", int)
TripIdx = NewType("TripIdx", int)
