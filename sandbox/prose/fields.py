"""What kind of text a field wants, judged by its name, its neighbours and its description; see words/fields.txt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from sandbox.prose.words import pairs, rules

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def plain(text: str) -> str:
    """The text without diacritics."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def snake(name: str) -> str:
    """``focusKeyword`` and ``Focus keyword`` become ``_focus_keyword_``; diacritics fall."""
    return f"_{_NOT_WORD.sub('_', plain(_CAMEL.sub('_', name)).lower()).strip('_')}_"


def slugify(text: str, high: int = 60) -> str:
    """A text as a part of an address, of at most so many characters."""
    return _NOT_WORD.sub("-", plain(text).lower()).strip("-")[:high].rstrip("-") or "clanek"


def kind_of(name: str, neighbours: Collection[str] = (), high: int | None = None) -> str:
    """The kind of a field called ``name`` beside ``neighbours`` that takes at most ``high`` characters."""
    snaked = snake(name)
    kind = next((kind for kind, rule in pairs("fields", "kind") if re.search(rule, snaked)), "")
    if kind == "name" and _beside("personal", neighbours):
        return "full_name"
    if kind in ("content", "") and _beside("social", neighbours):
        return "social"
    if kind == "content" and high is not None and high <= 120:
        return "takeaway"
    return kind or ("name" if high is not None and high <= 60 else "text")


def _beside(name: str, neighbours: Collection[str]) -> bool:
    rule = rules("fields", name)[0]
    return any(rule.search(snake(other)) for other in neighbours)


def _numbers(text: str) -> tuple[int, int]:
    low, high = map(int, text.split())
    return low, high


def bounds(kind: str, low: int | None, high: int | None) -> tuple[int, int, int]:
    """Shortest, longest and aimed-at length: about 40 % of the range that the schema leaves."""
    usual_low, usual_high = _numbers(dict(pairs("fields", "length")).get(kind, "3 160"))
    aim = int(usual_low + 0.4 * (usual_high - usual_low))
    if low is None and high is None:
        return usual_low, usual_high, aim
    if high is None:
        high = max(usual_high, int((low or 0) * 1.6) + 40)
    if low is None:
        aim = min(aim, int(high * 0.8))
        return 0 if high < usual_low else min(usual_low, aim), high, aim
    return low, high, int(low + 0.4 * (high - low))


def usual_range(name: str, low: float | None, high: float | None) -> tuple[float, float]:
    """What a number of that name usually is; the schema's own limits come first where they exclude it."""
    snaked = snake(name)
    for rule, numbers in pairs("fields", "range"):
        if re.search(rule, snaked):
            return _numbers(numbers)
    if low is not None and high is not None:
        return low, high
    return (low if low is not None else (min(1, high) if high is not None else 1)), (low or 0) + 9
