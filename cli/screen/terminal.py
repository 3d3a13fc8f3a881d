"""The person's terminal: where results go, where talk goes, and keys."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from rich.console import Console

from cli.errors import Interrupted
from cli.screen.text import clean
from domain.errors import InvalidInput
from runtime.children import SIGNALS


@dataclass(frozen=True)
class Screen:
    """``out`` takes results, ``talk`` takes progress and questions, so that ``--json`` keeps stdout for JSON."""

    out: Console
    talk: Console
    json: bool
    interactive: bool

    @property
    def live(self) -> bool:
        """Whether lines can be drawn again in place."""
        return self.talk.is_terminal and not self.talk.is_dumb_terminal

    def say(self, text: str, style: str = "") -> None:
        self.talk.print(clean(text), style=style or None, soft_wrap=True)


def screen(*, json: bool = False) -> Screen:
    """Return the screen of this process. Questions are asked only where stdin and stdout are a terminal."""
    out, errors = _console(stderr=False), _console(stderr=True)
    talk = out if sys.stdout.isatty() and not json else errors
    asks = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and talk.is_terminal
    return Screen(out, talk, json, asks)


def _console(*, stderr: bool) -> Console:
    # generated text is no markup: "[/]" in a post must neither vanish nor raise
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


class Keyboard(Protocol):
    """What a person answers with."""

    def key(self) -> str: ...

    def line(self, prompt: str) -> str: ...

    def edit(self, text: str, suffix: str) -> str: ...


class TerminalKeyboard:
    """Reads from the terminal. Blocks, and lets signals end the waiting at once."""

    def key(self) -> str:
        """Return one key press; keys that write nothing give an empty string.

        What was typed before the question was seen is thrown away: it was meant for something else.
        """
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        with interruptible():
            try:
                tty.setcbreak(fd)  # Ctrl-C goes on being a signal
                pressed = os.read(fd, 64).decode("utf-8", "replace")
            finally:
                termios.tcsetattr(fd, termios.TCSADRAIN, before)
        if not pressed:
            raise Interrupted(signal.SIGHUP)  # the terminal is gone: asking on would never end
        return pressed[0] if pressed[0].isprintable() else ""

    def line(self, prompt: str) -> str:
        """Return one line; an end of file gives an empty one."""
        with interruptible():
            try:
                return input(prompt).strip()
            except EOFError:
                return ""

    def edit(self, text: str, suffix: str) -> str:
        """Let the person change a text in their editor and return it.

        Raises:
            InvalidInput: The editor could not be started, or failed.
        """
        with tempfile.TemporaryDirectory(prefix="posthub-") as folder:
            path = Path(folder, f"edit{suffix}")
            path.write_text(text, encoding="utf-8")
            with interruptible(ours=False):
                # as git does: VISUAL and EDITOR may hold arguments
                status = subprocess.run(
                    ["sh", "-c", 'exec ${VISUAL:-${EDITOR:-vi}} "$0"', str(path)]
                ).returncode
            if status:
                raise InvalidInput(
                    f"The editor ended with status {status}.",
                    next_step="Set EDITOR to your editor, such as nano.",
                )
            return path.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def interruptible(*, ours: bool = True) -> Iterator[None]:
    """Let a signal end a blocking read at once; with ``ours`` false, Ctrl-C belongs to the program in front.

    Raises:
        Interrupted: A signal came.
    """
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    if not ours:
        # a handler of ours, not SIG_IGN: that one would be inherited
        signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
