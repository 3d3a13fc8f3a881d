"""What kind of text a field wants, judged by its name, its neighbours and its limits; see fields.toml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.prose.words import table

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_ANY = 10**6


@dataclass(frozen=True)
class Span:
    """Shortest and longest length of a text in characters."""

    low: int = 0
    high: int = _ANY

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Span:
        low, high = schema.get("minLength"), schema.get("maxLength")
        return cls(int(low or 0), _ANY if high is None else int(high))

    @property
    def aim(self) -> int:
        """Two fifths of the range."""
        return int(self.low + 0.4 * (self.high - self.low))

    def usual(self, kind: str) -> Span:
        """The same limits, those left open as they are usual for a kind of text."""
        low, high = table("fields")["length"].get(kind, (3, 160))
        if self.high < _ANY:
            return self if self.low else Span(min(low, self.high // 2), min(self.high, high))
        return Span(self.low or low, max(high, int(self.low * 1.6) + 40))


def slugify(text: str, high: int = 60) -> str:
    """A text as a part of an address, of at most so many characters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_WORD.sub("-", plain).strip("-")[:high].rstrip("-") or "clanek"


def _snake(name: str) -> str:
    """``focusKeyword`` and ``Focus keyword`` become ``_focus_keyword_``; diacritics fall."""
    return f"_{slugify(_CAMEL.sub('_', name)).replace('-', '_')}_"


def kind_of(name: str, neighbours: Collection[str] = (), high: int = _ANY) -> str:
    """The kind of a field called ``name`` beside ``neighbours`` that takes at most ``high`` characters."""
    fields, snaked = table("fields"), _snake(name)
    kind = next((kind for kind, rule in fields["kind"].items() if re.search(rule, snaked)), "")
    beside = {
        one: re.search(fields[one], " ".join(map(_snake, neighbours))) for one in ("personal", "social")
    }
    if kind == "name" and beside["personal"]:
        return "full_name"
    if kind in ("content", "") and beside["social"]:
        return "social"
    if kind == "content" and high <= 120:
        return "takeaway"
    return kind or ("name" if high <= 60 else "text")
