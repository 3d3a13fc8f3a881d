"""Text from outside enters a prompt as data: fenced, visible, and of bounded length."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

MAX_FENCED = 12_000
"""Characters of one fenced text; a page beyond that says nothing new about a company."""
MAX_LINE = 4_000

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_HIDDEN_RANGES = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors
    (0x2800, 0x2800),  # blank Braille pattern
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),  # variation selectors can carry a hidden message
    (0xFFA0, 0xFFA0),
    (0xE0100, 0xE01EF),
)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
_MARKS = re.compile(r"<{2,}|>{2,}")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def visible(text: str) -> str:
    """Strip every character that a reader does not see but a model does: controls, joiners, tags, fillers."""
    lines = _LINE_ENDS.sub("\n", text)
    hidden = {ord(char): None for char in set(lines) if _hidden(char)}
    return unicodedata.normalize("NFC", lines.translate(hidden))


def fence(text: object, label: object = "", limit: int = MAX_FENCED) -> str:
    """Fence a scraped text so that it is read as data and cannot end its fence by itself.

    The mark is the hash of the text: a page cannot know the mark that its own words make, and the same page
    always makes the same prompt.

    Args:
        text: The scraped text; None is an empty one.
        label: What it is, such as its address; kept on one line.
        limit: Characters that are let through.
    """
    shown = visible("" if text is None else str(text)).strip()
    shown = _MARKS.sub(" ", _BLANK_LINES.sub("\n\n", shown))[: max(0, min(limit, MAX_FENCED))].rstrip()
    mark = hashlib.sha256(shown.encode()).hexdigest()[:12]
    return f"<<<DATA {mark} {line(label)}".rstrip() + f"\n{shown}\nDATA {mark}>>>"


def line(text: object, limit: int = MAX_LINE) -> str:
    """Keep a short text from outside on one line, without anything hidden in it."""
    shown = " ".join(_MARKS.sub(" ", visible("" if text is None else str(text))).split())
    return shown[: max(0, min(limit, MAX_LINE))].rstrip()


@lru_cache(maxsize=4096)
def _hidden(char: str) -> bool:
    if char in "\n\t" or " " <= char <= "~":
        return False
    point = ord(char)
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or any(
        low <= point <= high for low, high in _HIDDEN_RANGES
    )
