"""The words of the stand-ins, read from the files beside this one: a language a folder, a trade a file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_NO_TRADES = ("themes", "kinds", "general")

Lists = Mapping[str, Sequence[str]]


@cache
def table(name: str) -> Mapping[str, Any]:
    """The whole of a file such as ``fields`` or ``cs/coffee``."""
    return tomllib.loads((_HERE / f"{name}.toml").read_text(encoding="utf-8"))


def trades(language: str) -> list[str]:
    """The trades that have a file of the language."""
    return sorted(path.stem for path in (_HERE / language).glob("*.toml") if path.stem not in _NO_TRADES)


@cache
def vocabulary(language: str, trade: str) -> Lists:
    """Frames for fields by kind, and a trade's facts and nouns, which stand in six cases split by ``|``."""
    return {**table(f"{language}/kinds"), **table(f"{language}/{trade}")}


def trade_of(text: str, language: str, least: int) -> str:
    """The trade a text is about, if its words occur at least so often; else empty."""
    lowered = text.lower()

    def score(trade: str) -> int:
        # many different words say more than one word that is said often
        return sum(min(lowered.count(stem), 3) for stem in table(f"{language}/{trade}")["match"].split())

    best = max(trades(language), key=score)
    return best if score(best) >= least else ""


def expression(line: str) -> str:
    """A line of ``reading``, with what follows a label in a prompt for ``<value>``."""
    return line.replace("<value>", str(table("reading")["value"]))


@cache
def rule(name: str) -> re.Pattern[str]:
    """The lines of a list of ``reading`` as alternatives of one expression, in letters of any case."""
    return re.compile("|".join(map(expression, table("reading")[name])), re.IGNORECASE | re.MULTILINE)
