"""The whole product as processes, on a folder and a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gtfs.kernel_cache import folder as kernel_folder
from mobility.embedded.process import answers_ok, reserve_port, tail

START_SECONDS = 90
TIMETABLES = "timetables"
FREELY_ASKED = {
    "MOBILITY_RATE_LIMIT_PER_MINUTE": "1000000",
    "MOBILITY_RATE_LIMIT_CODES_PER_HOUR": "1000000",
    "MOBILITY_STEP_LEASE_SECONDS": "1.5",
}
"""The environment of one that tests ask as often as they like."""
SERVE = (sys.executable, "-m", "mobility.cli", "serve")


@dataclass
class Instance:
    """One ``mobility serve``. ``folder`` is its data; ``log`` is what it prints.

    The kernels that the tests have compiled are taken over, and the timetable that an earlier
    instance has made, which the product makes anew if it is of other facts or another day.
    """

    folder: Path
    command: tuple[str, ...] = SERVE
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port, self._holder = reserve_port()
        compiled = kernel_folder()
        kernels = self.folder / "kernels" / compiled.name
        if compiled.is_dir() and not kernels.exists():
            shutil.copytree(compiled, kernels, ignore=shutil.ignore_patterns(TIMETABLES))
        if (compiled / TIMETABLES).is_dir() and not (self.folder / TIMETABLES).exists():
            shutil.copytree(compiled / TIMETABLES, self.folder / TIMETABLES)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    def start(self) -> float:
        """Start it and wait until it is ready; returns how many seconds that took."""
        began = time.monotonic()
        environment = {**os.environ, **self.env}
        environment |= {"PORT": str(self.port), "MOBILITY_DATA": str(self.folder)}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env=environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        while "Ready:" not in self.output() or not answers_ok("127.0.0.1", self.port, "/readyz"):
            if self.process.poll() is not None:
                raise AssertionError(f"it ended instead of starting:\n{tail(self.log, 40)}")
            if time.monotonic() - began > START_SECONDS:
                raise AssertionError(f"not ready in {START_SECONDS} s:\n{tail(self.log, 40)}")
            time.sleep(0.05)
        took = time.monotonic() - began
        self._keep_timetable()
        return took

    def _keep_timetable(self) -> None:
        """For the instances to come, of this run and of the next ones."""
        made, kept = (each / TIMETABLES for each in (self.folder, kernel_folder()))
        of = [each / "luebeck.source" for each in (made, kept)]
        if "MOBILITY_CITY" in self.env or (
            of[1].exists() and of[0].read_text() == of[1].read_text()
        ):
            return
        own = kept.with_name(f"{TIMETABLES}-{os.getpid()}")
        shutil.copytree(made, own)
        shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):  # another process of the tests was first
            own.rename(kept)
        shutil.rmtree(own, ignore_errors=True)

    def output(self) -> str:
        """What it has printed since it was last started."""
        return self.log.read_text().rpartition("Database and live store")[2]

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL of the supervisor alone."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=30)

    def survivors(self, within_seconds: float = 10) -> list[str]:
        """The command lines of its processes that are still there after a while; hopefully none."""
        deadline = time.monotonic() + within_seconds
        while (found := processes_of(self.folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return list(found.values())

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self._holder.close()


@contextmanager
def running_instance(folder: Path, **options: object) -> Iterator[Instance]:
    """A started instance, stopped at the end of the block."""
    instance = Instance(folder, **options)  # type: ignore[arg-type]
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


def processes_of(folder: Path) -> dict[int, str]:
    """The living processes that have to do with a data folder: by command, environment or cwd."""
    needle, found = os.fsencode(folder), {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                continue
            command = (entry / "cmdline").read_bytes()
            traces = (
                command + (entry / "environ").read_bytes() + os.fsencode((entry / "cwd").readlink())
            )
        except OSError:
            continue
        if needle in traces:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found
