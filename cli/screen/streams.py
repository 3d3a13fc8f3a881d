"""stdout and stderr where they are odd: an encoding that lacks characters, a pipe whose reader has gone."""

from __future__ import annotations

import contextlib
import os
import sys


def survive_odd_terminals() -> None:
    """Let a character that the terminal's encoding lacks become a question mark instead of a crash."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def silence_broken_pipe() -> None:
    """Let nothing be flushed into a pipe whose reader has gone, such as ``head``."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
