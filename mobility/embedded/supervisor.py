"""Keeps the processes of an instance running, and ends them in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mobility.embedded.process import EmbeddedError, tail

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_DEATHS_ALLOWED = 5
_DEATHS_WITHIN_SECONDS = 60.0


class Service(Protocol):
    """What can be supervised: a program of ours, or the database."""

    @property
    def name(self) -> str:
        """What the messages call it."""

    @property
    def log(self) -> Path:
        """Where its output is."""

    def start(self) -> None:
        """Start the process."""

    def wait_until_ready(self) -> None:
        """Return once it serves. Raises EmbeddedError if it does not."""

    def poll(self) -> int | None:
        """How it ended; None while it runs."""

    def ask_to_stop(self) -> None:
        """Ask it to end, and return."""

    def stop(self) -> None:
        """End it and wait for that."""


@dataclass(slots=True)
class _Watched:
    service: Service
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=_DEATHS_ALLOWED))
    restart_at: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Starts services in stages, restarts what dies, and stops the stages in reverse."""

    say: Callable[[str], None]
    _stages: list[list[_Watched]] = field(default_factory=list, init=False)

    def start(self, *services: Service) -> None:
        """Start a stage, which is stopped together; it need not be ready when this returns."""
        stage: list[_Watched] = []
        self._stages.append(stage)
        for service in services:
            stage.append(_Watched(service))
            service.start()

    def wait_until_ready(self) -> None:
        """Return once all that was started is ready. Raises EmbeddedError if something is not."""
        for stage in self._stages:
            for watched in stage:
                watched.service.wait_until_ready()

    def watch(self) -> None:
        """Restart what dies, for ever; the caller's signal handler ends it by raising.

        Raises EmbeddedError when a service dies again and again.
        """
        while True:
            time.sleep(0.1)
            for stage in self._stages:
                for watched in stage:
                    self._look_after(watched, time.monotonic())

    def stop(self) -> None:
        """Stop everything, the last stage first; within a stage at the same time."""
        while self._stages:
            services: Sequence[Service] = [watched.service for watched in self._stages.pop()]
            for service in services:
                service.ask_to_stop()
            for service in services:
                service.stop()

    def _look_after(self, watched: _Watched, now: float) -> None:
        service = watched.service
        if watched.restart_at is not None:
            if now >= watched.restart_at:
                watched.restart_at = None
                service.start()
            return
        status = service.poll()
        if status is None:
            return
        watched.deaths.append(now)
        recent = sum(1 for death in watched.deaths if now - death < _DEATHS_WITHIN_SECONDS)
        if recent >= _DEATHS_ALLOWED:
            raise EmbeddedError(
                f"{service.name} ended {recent} times within {_DEATHS_WITHIN_SECONDS:.0f} s, the "
                f"last time with status {status}; its log {service.log} ends:\n{tail(service.log)}"
            )
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (recent - 1), _LONGEST_PAUSE_SECONDS)
        watched.restart_at = now + pause
        self.say(f"{service.name} ended with status {status}; starting it again in {pause:.1f} s")
