"""File names that are safe on every file system, whatever a model called its post.

Rules: only ``a-z 0-9 -`` of our own making, no name that Windows reserves, at most 60 characters, no two
names that a case-insensitive file system would take for one. A title never becomes a path by itself.
"""

from __future__ import annotations

import re
from datetime import date

from slugify import slugify

MAX_NAME = 60
"""Characters of one name; with date and extension it stays far below the 255 bytes that file systems take."""

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin", "conout", "clock"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in range(10)}
)


def safe_name(text: str, fallback: str) -> str:
    """Return ``text`` as one lower-case ASCII word with dashes, or ``fallback`` where nothing is left."""
    name = slugify(text[:400], max_length=MAX_NAME, word_boundary=True) or fallback
    return f"{fallback}-{name}" if name in _RESERVED else name


def iso_day(value: object) -> str:
    """Return a planned date as ``YYYY-MM-DD``, or ``undated`` where it is none."""
    text = str(value or "")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return "undated"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return "undated"


class Names:
    """Gives out names of one folder, each only once, compared as a case-insensitive file system compares."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str, extension: str = "") -> str:
        """Return ``name`` plus ``extension``, with ``-2``, ``-3`` … where it is taken."""
        candidate, number = f"{name}{extension}", 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{name}-{number}{extension}"
        self._taken.add(candidate.casefold())
        return candidate
