"""Text for a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from inspect import cleandoc

# ESC starts a terminal's commands, and C1 holds one-byte forms of them; bidi controls reorder what is read
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: object) -> str:
    """Return text that cannot command a terminal: it may come from a stranger's website."""
    return _UNSAFE.sub("", str(text))


def one_line(text: object) -> str:
    return clean(" ".join(str(text).split()))


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def listed(words: Sequence[str], most: int = 8) -> str:
    """Join words; where there are many, the first ones and how many more."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def duration(seconds: float) -> str:
    """Return ``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def keep_examples(text: str | None) -> str:
    """Mark the paragraphs with indented lines, so that help prints them as they stand."""
    paragraphs = cleandoc(text or "").split("\n\n")
    return "\n\n".join(f"\b\n{each}" if "\n  " in each else each for each in paragraphs)
