"""Token counts: a fixed number of characters a token, about right for Czech."""

from __future__ import annotations

import math

CHARACTERS = 3.2


def count(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS) if text else 0


def first(text: str, tokens: int) -> str:
    """What is left of a text that was stopped after so many tokens."""
    return text[: max(0, int(tokens * CHARACTERS))]
