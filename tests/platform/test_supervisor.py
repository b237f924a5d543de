"""What dies is started again, what dies again and again stops everything."""

import sys
import time
from pathlib import Path

import pytest

from mobility.embedded.process import EmbeddedError, Program, reserve_port
from mobility.embedded.supervisor import Supervisor

pytestmark = pytest.mark.processes


def python(name: str, code: str, folder: Path, **options: object) -> Program:
    command = (sys.executable, "-I", "-S", "-c", code)
    return Program(name, command, folder / f"{name}.log", **options)  # type: ignore[arg-type]


def test_a_program_that_keeps_dying_is_named_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mobility.embedded.supervisor._FIRST_PAUSE_SECONDS", 0.01)
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.start(python("worker", "print('no table step'); raise SystemExit(3)", tmp_path))
    with pytest.raises(EmbeddedError) as refused:
        supervisor.watch()
    assert str(refused.value).startswith("worker ended 5 times within 60 s, the last time with")
    assert "status 3" in str(refused.value)
    assert "no table step" in str(refused.value)
    assert said[0] == "worker ended with status 3; starting it again in 0.0 s"
    supervisor.stop()


def test_a_program_that_ends_instead_of_listening_is_named(tmp_path: Path):
    port, holder = reserve_port()
    program = python("api", "raise SystemExit('boom')", tmp_path, port=port, port_holder=holder)
    supervisor = Supervisor(print)
    supervisor.start(program)
    with pytest.raises(EmbeddedError, match=r"(?s)api ended with status 1 instead .* boom"):
        supervisor.wait_until_ready()
    supervisor.stop()


def test_stages_stop_in_reverse(tmp_path: Path):
    trace = tmp_path / "trace"
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        f"    open({str(trace)!r}, 'a').write('NAME '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        f"open({str(trace)!r} + 'NAME', 'w')\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor(print)
    names = ("database", "operator", "api")
    for name in names:
        supervisor.start(python(name, code.replace("NAME", name), tmp_path))
    while not all(Path(f"{trace}{name}").exists() for name in names):
        time.sleep(0.01)
    supervisor.stop()
    assert trace.read_text().split() == ["api", "operator", "database"]


def test_a_reserved_port_can_be_listened_on_by_a_uvicorn_and_by_nobody_else(tmp_path: Path):
    port, holder = reserve_port()
    command = (sys.executable, "-m", "payments.sandbox", "--port", str(port))
    program = Program("payments", command, tmp_path / "log", port=port, port_holder=holder)
    supervisor = Supervisor(print)
    supervisor.start(program)
    supervisor.wait_until_ready()
    supervisor.stop()
