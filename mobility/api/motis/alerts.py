"""What riders are to be told of a line, a trip or a stop, as the MOTIS document writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gtfs.realtime_values import Alert
from mobility.api.motis.places_wire import Json
from mobility.api.motis.runs import Run


def alerts_of(run: Run, position: int) -> list[Json]:
    """What holds for a run at one of its calls, at that time."""
    call = run.calls[position]
    found = run.network.live.alerts_for(
        call.departs_at, stop=call.stop, trip=None if run.cancelled else run.trip, day=run.day
    )
    return alerts_wire(found, run.network.languages)


def alerts_wire(alerts: Iterable[Alert], languages: Sequence[str]) -> list[Json]:
    """The alerts in the city's language, or else in any that there is."""
    shown: list[Json] = []
    for alert in alerts:
        header, description = _text(alert.header, languages), _text(alert.description, languages)
        url = _text(alert.url, languages)
        shown.append(
            {
                "headerText": header or description,
                "descriptionText": description or header,
                "cause": alert.cause if alert.cause in _CAUSES else "UNKNOWN_CAUSE",
                "effect": alert.effect if alert.effect in _EFFECTS else "UNKNOWN_EFFECT",
                "severityLevel": (
                    alert.severity if alert.severity in _SEVERITIES else "UNKNOWN_SEVERITY"
                ),
                **({"url": url} if url else {}),
            }
        )
    return shown


def _text(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    return next((texts[name] for name in (*languages, "", *texts) if name in texts), "")


_CAUSES = frozenset(
    {
        *("UNKNOWN_CAUSE", "OTHER_CAUSE", "TECHNICAL_PROBLEM", "STRIKE", "DEMONSTRATION"),
        *("ACCIDENT", "HOLIDAY", "WEATHER", "MAINTENANCE", "CONSTRUCTION"),
        *("POLICE_ACTIVITY", "MEDICAL_EMERGENCY", "SPECIAL_EVENT"),
    }
)
_EFFECTS = frozenset(
    {
        *("NO_SERVICE", "REDUCED_SERVICE", "SIGNIFICANT_DELAYS", "DETOUR", "ADDITIONAL_SERVICE"),
        *("MODIFIED_SERVICE", "OTHER_EFFECT", "UNKNOWN_EFFECT", "STOP_MOVED", "NO_EFFECT"),
        "ACCESSIBILITY_ISSUE",
    }
)
_SEVERITIES = frozenset({"UNKNOWN_SEVERITY", "INFO", "WARNING", "SEVERE"})
