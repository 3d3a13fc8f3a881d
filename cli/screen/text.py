"""Text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import cleandoc

from domain.content.shown import clean, duration, one_line

__all__ = ["clean", "duration", "keep_examples", "listed", "one_line", "plural"]


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def listed(words: Sequence[str], most: int = 8) -> str:
    """Join words; where there are many, the first ones and how many more."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def keep_examples(text: str | None) -> str:
    """Mark the paragraphs with indented lines, so that help prints them as they stand."""
    paragraphs = cleandoc(text or "").split("\n\n")
    return "\n\n".join(f"\b\n{each}" if "\n  " in each else each for each in paragraphs)
