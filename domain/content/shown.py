"""Text that may come from a stranger's website, made fit to be shown."""

from __future__ import annotations

import re

# ESC starts a terminal's commands, and C1 holds one-byte forms of them; bidi controls reorder what is read
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: object) -> str:
    """Return text that cannot command a terminal."""
    return _UNSAFE.sub("", str(text))


def one_line(text: object) -> str:
    return clean(" ".join(str(text).split()))


def duration(seconds: float) -> str:
    """Return ``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
