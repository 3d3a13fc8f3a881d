"""Which tables the migrations answer for."""

from __future__ import annotations

from typing import Any

FOREIGN = ("checkpoint", "store", "vector_")
"""LangGraph makes its own tables in the same database and migrates them itself."""


def is_ours(name: str | None, kind: str, parents: Any) -> bool:
    """Tell Alembic whether to compare an object with our metadata."""
    return kind != "table" or name is None or not name.startswith(FOREIGN)
