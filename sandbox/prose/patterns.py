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
    "CATEGORY_WORD": _WORD,
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": _WORD,
    "CATEGORY_NOT_DIGIT": string.ascii_lowercase,
    "CATEGORY_NOT_WORD": "-",
}
_PREFERRED = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_ áéíóúčřšžě.,:#/"


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
            "NOT_LITERAL": lambda code: next(one for one in _PREFERRED if ord(one) != code),
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
        text = self.many(nodes)
        if number is not None:
            self.groups[number] = text
        return text

    def _repeat(self, argument: Any) -> str:
        low, high, nodes = argument
        count = min(int(high), int(low) + self.extra)
        return "".join(self.many(nodes) for _ in range(count))

    def _in(self, argument: Any) -> str:
        allowed: list[str] = []
        negated = False
        for op, value in argument:
            kind = str(op)
            if kind == "NEGATE":
                negated = True
            elif kind == "LITERAL":
                allowed.append(chr(value))
            elif kind == "RANGE":
                allowed += [chr(code) for code in range(value[0], min(value[1], value[0] + 400) + 1)]
            elif kind == "CATEGORY":
                allowed += list(_CATEGORIES.get(str(value), _WORD))
        if negated:
            return self.source.choice([one for one in _PREFERRED if one not in allowed] or ["x"])
        tidy = [one for one in allowed if one in string.ascii_letters + string.digits] or allowed
        return self.source.choice(tidy or ["x"])


def matching(pattern: str, source: random.Random, low: int = 0, high: int | None = None) -> str:
    """A string that ``pattern`` finds, between the lengths if that is possible."""
    try:
        parsed = _PARSER.parse(pattern)
    except (re.error, OverflowError):
        return "x" * max(low, 1)
    best = ""
    for extra in (*range(24), 32, 48, 64, 96, 128, 200):
        text = _Generator(source, extra).many(parsed)
        if re.search(pattern, text) and (high is None or len(text) <= high):
            best = text
            if len(text) >= low:
                return text
    if len(best) < low and not pattern.rstrip().endswith("$"):
        best += "x" * (low - len(best))
    return best
