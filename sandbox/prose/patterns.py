"""A string that matches a regular expression, for the simple expressions that schemas use."""

from __future__ import annotations

import importlib
import random
import re
import string
from typing import Any

_PARSER: Any = importlib.import_module("re._parser")
_WORD = string.ascii_lowercase + string.digits
_CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": string.ascii_lowercase,
    "CATEGORY_NOT_WORD": "-",
}
_PREFERRED = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_ áéíóúčřšžě.,:#/"
_LENGTHS = (*range(24), 32, 48, 64, 96, 128, 200)


class _Generator:
    """Walks a parsed expression. ``extra`` is how many more than the fewest repetitions are made."""

    def __init__(self, source: random.Random, extra: int) -> None:
        self.source = source
        self.extra = extra
        self.groups: dict[int, str] = {}

    def many(self, nodes: Any) -> str:
        return "".join(self.one(str(op), argument) for op, argument in nodes)

    def one(self, op: str, argument: Any) -> str:
        makers: dict[str, Any] = {
            "LITERAL": chr,
            "NOT_LITERAL": lambda code: self._in([("NEGATE", None), ("LITERAL", code)]),
            "ANY": lambda _: self.source.choice(string.ascii_lowercase),
            "IN": self._in,
            "BRANCH": lambda arg: self.many(self.source.choice(arg[1])),
            "SUBPATTERN": self._group,
            "ATOMIC_GROUP": self.many,
            "GROUPREF": lambda number: self.groups.get(number, ""),
            "MAX_REPEAT": self._repeat,
            "MIN_REPEAT": self._repeat,
            "POSSESSIVE_REPEAT": self._repeat,
        }
        return str(makers[op](argument)) if op in makers else ""  # anchors and look-arounds take no room

    def _group(self, argument: Any) -> str:
        number, _, _, nodes = argument
        self.groups[number] = self.many(nodes)
        return self.groups[number]

    def _repeat(self, argument: Any) -> str:
        low, high, nodes = argument
        return "".join(self.many(nodes) for _ in range(min(int(high), int(low) + self.extra)))

    def _in(self, argument: Any) -> str:
        named = "".join(_characters(str(op), value) for op, value in argument)
        if any(str(op) == "NEGATE" for op, _ in argument):
            return self.source.choice([one for one in _PREFERRED if one not in named] or ["x"])
        tidy = [one for one in named if one in string.ascii_letters + string.digits]
        return self.source.choice(tidy or named or "x")


def _characters(op: str, value: Any) -> str:
    """The characters that one part of a set stands for; of a wide range its beginning."""
    if op == "RANGE":
        return "".join(map(chr, range(value[0], min(value[1], value[0] + 400) + 1)))
    if op == "CATEGORY":
        return _CATEGORIES.get(str(value), _WORD)
    return chr(value) if op == "LITERAL" else ""


def matching(pattern: str, source: random.Random, low: int = 0, high: int | None = None) -> str:
    """A string that ``pattern`` finds, between the lengths if that is possible."""
    try:
        parsed = _PARSER.parse(pattern)
    except (re.error, OverflowError):
        return "x" * max(low, 1)
    made = (_Generator(source, extra).many(parsed) for extra in _LENGTHS)
    fitting = (text for text in made if re.search(pattern, text) and len(text) <= (high or 10**9))
    best = ""
    for text in fitting:
        best = text
        if len(text) >= low:
            return text
    return best if pattern.rstrip().endswith("$") else best.ljust(low, "x")
