"""Run a command that ends when its parent ends, however the parent ends.

Started by path, ``python -I -S die_with_parent.py SIGNAL PARENT_PID COMMAND…``, it asks the kernel
for SIGNAL on the parent's death (prctl(2), PR_SET_PDEATHSIG) and becomes COMMAND. It is a program
and no ``preexec_fn`` because the parent may have threads by then. The signal fires when the
*thread* that spawned us ends, so spawn from the main one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: int, parent_pid: int) -> None:
    """Arrange for ``death_signal`` when the parent dies; exits at once if it already has."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit(f"{sys.argv[0]}: parent {parent_pid} is gone, not starting {sys.argv[3:]}")


def main() -> None:
    """Become the command of the arguments, with signals as a fresh program expects them."""
    death_signal, parent_pid, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    die_with_parent(death_signal, parent_pid)
    os.execvp(command[0], command)  # noqa: S606  # becoming the command is the point


if __name__ == "__main__":
    main()
