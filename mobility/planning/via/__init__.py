"""Journeys by way of other places."""
