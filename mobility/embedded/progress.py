"""What ``mobility serve`` shows while it starts: a spinner and times, or plain lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console


class Progress(Protocol):
    """How a step tells what it is at."""

    def note(self, text: str) -> None:
        """Say what the current step does right now, such as ``"12 of 28 lines"``."""

    def say(self, text: str) -> None:
        """Print a line that stays; ``text`` is Rich's markup."""


class StartDisplay:
    """The steps of a start, one below the other."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._label = ""

    @contextmanager
    def step(self, label: str) -> Iterator[Progress]:
        """One step: shown at work for the length of the block, then with the time it took."""
        self._label, began = label, time.monotonic()
        if self._status is not None:
            self._status.update(f"{label} …")
            self._status.start()
        try:
            yield self
        except BaseException:
            self._end_line(f"[red]✗[/red] {label}")
            raise
        self._end_line(f"[green]✓[/green] {label} [dim]{time.monotonic() - began:.1f} s[/dim]")

    def note(self, text: str) -> None:
        """Say what the current step does right now."""
        if self._status is not None:
            self._status.update(f"{self._label} … [dim]{text}[/dim]")

    def say(self, text: str) -> None:
        """Print a line that stays; ``text`` is Rich's markup."""
        self._console.print(text, soft_wrap=True)

    def _end_line(self, text: str) -> None:
        if self._status is not None:
            self._status.stop()
        self._console.print(text, soft_wrap=True)
