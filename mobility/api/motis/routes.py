"""All questions of the MOTIS API as one router; they stand outside our OpenAPI document."""

from __future__ import annotations

from fastapi import APIRouter

from mobility.api.motis import geocode, map_stops, plan, refresh, rentals, stoptimes, trip

router = APIRouter()
for question in (plan, geocode, stoptimes, trip, map_stops, rentals, refresh):
    router.include_router(question.router)
