"""The sandbox's vocabulary: sentence frames by theme, and the nouns and facts of a few trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_TRADES = {
    "cs": ("cs_coffee", "cs_accounting", "cs_carpentry", "cs_general"),
    "en": ("en_coffee", "en_accounting", "en_carpentry", "en_general"),
}

Lists = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Theme:
    """What a section may be about: headings, first sentences, further ones in order, last ones."""

    name: str
    match: frozenset[str]
    heading: tuple[str, ...]
    open: tuple[str, ...]
    body: tuple[str, ...]
    close: tuple[str, ...]


@dataclass(frozen=True)
class Trade:
    """A line of business. ``lists`` holds nouns in six cases split by ``|`` (t p m n z c) and plain lists."""

    key: str
    lists: Lists

    def one(self, name: str) -> str:
        return self.lists[name][0]

    def score(self, lowered: str) -> int:
        """How often the stems of this trade occur in a text."""
        counts = [lowered.count(stem) for stem in self.lists["match"][0].split()]
        # many different words say more than one word that is said often
        return sum(min(count, 3) for count in counts)


def _read(name: str) -> list[str]:
    lines = (_HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("# ")]


def _lists(lines: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("@"):
            current = found.setdefault(line[1:], [])
        else:
            current.append(line)
    return {name: tuple(values) for name, values in found.items()}


def _split_themes(lines: list[str]) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("== "):
            current = blocks.setdefault(line[3:], [])
        else:
            current.append(line)
    return blocks


@cache
def themes(language: str) -> Mapping[str, Theme]:
    """Every theme of a language, in the order of the file."""
    made: dict[str, Theme] = {}
    for name, lines in _split_themes(_read(f"{language}_themes")).items():
        lists = _lists(lines)
        match = frozenset(lists["match"][0].split()) | {name}
        made[name] = Theme(name, match, lists["heading"], lists["open"], lists["body"], lists["close"])
    return made


@cache
def kinds(language: str) -> Lists:
    """Values and patterns of fields that are steered by their names."""
    return _lists(_read(f"{language}_kinds"))


@cache
def trade(key: str) -> Trade:
    return Trade(key, _lists(_read(key)))


def trade_of(text: str, language: str, least: int) -> Trade | None:
    """The trade a text is about, if its words occur at least so often; None for businesses in general."""
    lowered = text.lower()
    best = max(map(trade, _TRADES[language][:-1]), key=lambda candidate: candidate.score(lowered))
    return best if best.score(lowered) >= least else None


def general(language: str) -> Trade:
    """The words for businesses in general."""
    return trade(_TRADES[language][-1])
