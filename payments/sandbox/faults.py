"""Misbehaviour on command: ``POST /sandbox/faults`` arms one, the next matching calls suffer it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from payments.sandbox.wire import Json


class Fault(StrEnum):
    """What can go wrong."""

    TIMEOUT_BEFORE = "timeout_before"
    """The request is lost: nothing happens, and no answer comes for ``seconds``."""
    TIMEOUT_AFTER = "timeout_after"
    """It happens, and no answer comes for ``seconds``."""
    ERROR_500_BEFORE = "error_500_before"
    """Nothing happens; the 500 is stored and replayed for the idempotency key."""
    ERROR_500_AFTER = "error_500_after"
    """It happens; a 500 is answered, stored and replayed."""
    ERROR_429 = "error_429"
    """Nothing happens, nothing is stored."""
    WEBHOOK_DROP = "webhook_drop"
    WEBHOOK_DOUBLE = "webhook_double"
    WEBHOOK_LATE = "webhook_late"
    """Delivered ``seconds`` later."""


@dataclass(slots=True)
class Armed:
    """A fault, on what (an endpoint such as ``payment_intents.confirm``, an event type, ``*``)."""

    fault: Fault
    on: str
    times: int
    seconds: float


class Faults:
    """The armed faults, first armed first suffered."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []

    def arm(self, wanted: Json) -> Armed:
        """Arm ``{"fault": …, "on": "*", "times": 1, "seconds": 30}``.

        Raises:
            ValueError: not a fault, or not numbers.
        """
        armed = Armed(
            Fault(wanted["fault"]),
            str(wanted.get("on", "*")),
            int(wanted.get("times", 1)),
            float(wanted.get("seconds", 30)),
        )
        self._armed.append(armed)
        return armed

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def listed(self) -> list[Json]:
        """What is armed."""
        return [
            {"fault": each.fault, "on": each.on, "times": each.times, "seconds": each.seconds}
            for each in self._armed
        ]

    def strike(self, on: str, among: frozenset[Fault]) -> Armed | None:
        """The fault that this call or event suffers, used up once."""
        for armed in self._armed:
            if armed.fault in among and armed.on in {"*", on}:
                armed.times -= 1
                if armed.times <= 0:
                    self._armed.remove(armed)
                return armed
        return None


CALL_FAULTS = frozenset(
    {
        Fault.TIMEOUT_BEFORE,
        Fault.TIMEOUT_AFTER,
        Fault.ERROR_500_BEFORE,
        Fault.ERROR_500_AFTER,
        Fault.ERROR_429,
    }
)
WEBHOOK_FAULTS = frozenset({Fault.WEBHOOK_DROP, Fault.WEBHOOK_DOUBLE, Fault.WEBHOOK_LATE})
