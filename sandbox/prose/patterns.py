"""A string that matches a regular expression, for the simple expressions that schemas use."""

from __future__ import annotations

import importlib
import random
import re
import string
from typing import Any

from sandbox.prose.fields import Span

_PARSER: Any = importlib.import_module("re._parser")
_COMPILER: Any = importlib.import_module("re._compiler")
_TIDY = string.ascii_letters + string.digits
_CHARACTERS = [*_TIDY, *"-_ ", *(chr(code) for code in range(33, 1024))]


def _character(node: Any, source: random.Random) -> str:
    """One character of a set; a letter or digit where it takes any."""
    fits = _COMPILER.compile(_PARSER.SubPattern(_PARSER.State(), [node])).fullmatch
    options = [one for one in _CHARACTERS if fits(one)]
    return str(source.choice([one for one in options if one in _TIDY] or options or ["x"]))


def _text(nodes: Any, source: random.Random, extra: int) -> str:
    """Text for a parsed expression; ``extra`` is how many more than the fewest repetitions are made."""
    text = ""
    for node in nodes:
        name, value = str(node[0]), node[1]
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            text += chr(value) if name == "LITERAL" else _character(node, source)
        elif name == "BRANCH":
            text += _text(source.choice(value[1]), source, extra)
        elif name == "SUBPATTERN":
            text += _text(value[-1], source, extra)
        elif name.endswith("_REPEAT"):
            times = min(int(value[1]), int(value[0]) + extra)
            text += "".join(_text(value[2], source, extra) for _ in range(times))
    return text  # anchors and look-arounds take no room


def matching(pattern: str, text: str, source: random.Random, span: Span) -> str:
    """The text if the pattern finds it (or nobody can read the pattern), else another of the wanted length."""
    try:
        nodes, best = _PARSER.parse(pattern), ""
        if re.search(pattern, text):
            return text
    except (re.error, OverflowError):
        return text
    for extra in (*range(24), 32, 48, 64, 96, 128, 200):
        made = _text(nodes, source, extra)
        if len(made) <= span.high and re.search(pattern, made):
            best = made
            if len(made) >= span.low:
                return made
    return best if pattern.rstrip().endswith("$") else best.ljust(span.low, "x")
