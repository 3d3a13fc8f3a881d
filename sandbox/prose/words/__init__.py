"""The sandbox's words: sentence frames by theme, nouns and facts of a few trades, how prompts and fields are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_NO_TRADES = ("themes", "kinds", "general")

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
        # many different words say more than one word that is said often
        return sum(min(lowered.count(stem), 3) for stem in self.one("match").split())


def _blocks(lines: list[str], mark: str) -> dict[str, list[str]]:
    """The lines below every line that starts with a mark, by what follows the mark."""
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith(mark):
            current = blocks.setdefault(line.removeprefix(mark), [])
        else:
            current.append(line)
    return blocks


def _read(name: str) -> list[str]:
    lines = (_HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("# ")]


def _lists(lines: list[str]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in _blocks(lines, "@").items()}


@cache
def lists(name: str) -> Lists:
    """The lists of a file, by name."""
    return _lists(_read(name))


@cache
def themes(language: str) -> Mapping[str, Theme]:
    """Every theme of a language, in the order of the file."""
    made: dict[str, Theme] = {}
    for name, lines in _blocks(_read(f"{language}_themes"), "== ").items():
        parts = _lists(lines)
        match = frozenset(parts.pop("match")[0].split()) | {name}
        made[name] = Theme(name, match, **parts)
    return made


def kinds(language: str) -> Lists:
    """Values and patterns of fields that are steered by their names."""
    return lists(f"{language}_kinds")


@cache
def trade(key: str) -> Trade:
    return Trade(key, lists(key))


@cache
def _trades(language: str) -> list[Trade]:
    """Every trade that has a file of the language."""
    keys = sorted(path.stem for path in _HERE.glob(f"{language}_*.txt"))
    return [trade(key) for key in keys if not key.endswith(_NO_TRADES)]


def trade_of(text: str, language: str, least: int) -> Trade | None:
    """The trade a text is about, if its words occur at least so often; None for businesses in general."""
    lowered = text.lower()
    best = max(_trades(language), key=lambda candidate: candidate.score(lowered))
    return best if best.score(lowered) >= least else None


def general(language: str) -> Trade:
    """The words for businesses in general."""
    return trade(f"{language}_general")


@cache
def rules(file: str, name: str) -> tuple[re.Pattern[str], ...]:
    """The expressions of a list, one a line; ``<value>`` in them is what follows a label in a prompt."""
    value = lists("reading")["value"][0]
    return tuple(re.compile(line.replace("<value>", value)) for line in lists(file)[name])


@cache
def rule(name: str) -> re.Pattern[str]:
    """The lines of a list of ``reading`` as alternatives of one expression, in letters of any case."""
    lines = "|".join(one.pattern for one in rules("reading", name))
    return re.compile(lines, re.IGNORECASE | re.MULTILINE)


@cache
def pairs(file: str, name: str) -> tuple[tuple[str, str], ...]:
    """The lines of a list as their first word and the rest."""
    return tuple((head, rest) for head, _, rest in (line.partition(" ") for line in lists(file)[name]))
