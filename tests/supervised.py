"""Runs pytest, and leaves nothing running however it ends: ``python -m tests.supervised ARGUMENTS…``.

On Linux whatever a test has started, and whatever that has started and left, becomes a child of this process when its
own parent dies; here it is killed when pytest has ended. Elsewhere pytest simply runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

import psutil

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
_LINUX = sys.platform == "linux"


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _begin() -> None:
    """In pytest's process: it ends with this one, and hears Ctrl-C however this one was begun."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait_for(pid: int) -> int:
    """Bury every child that ends, until one of them is this one; returns its exit status."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _end_all() -> None:
    """Kill all descendants; what they leave behind becomes our child and is killed in the next round."""
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            os.wait()


def main(arguments: list[str]) -> int:
    _prctl(_SET_CHILD_SUBREAPER, 1)
    tests = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], preexec_fn=_begin)

    def pass_on(number: int, frame: FrameType | None) -> None:
        os.kill(tests.pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches pytest itself
    status = _wait_for(tests.pid)
    if _LINUX:
        _end_all()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
