"""Which templates may be answered from similar questions; dated data, and who opted in."""

from __future__ import annotations

from functools import cache
from typing import Any

from domain.errors import InvalidInput
from domain.tables import load

SETTING = "POSTHUB_SEMANTIC_CACHE"


@cache
def shipped() -> dict[str, Any]:
    """Return the table of `data/semantic.json`."""
    table = load("gateway", "semantic")
    assert isinstance(table, dict)
    return table


def read_semantic_templates(value: str) -> frozenset[str]:
    """Read which templates opted in, separated by commas.

    Raises:
        InvalidInput: One of them must not; names those that may.
    """
    names = frozenset(filter(None, (part.strip() for part in value.split(","))))
    allowed = shipped()["templates"]
    for name in names:
        if name not in allowed:
            raise InvalidInput(
                f"{SETTING} names {name!r}, whose answers must not be given to a similar question.",
                next_step=f"Name any of {', '.join(allowed)}, or leave it out.",
            )
    return names
