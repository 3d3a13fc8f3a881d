"""Decisions from a file or from stdin."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.decision_files import MOST_BYTES, parse_decisions
from domain.errors import InvalidInput


def read_decisions(source: str) -> Any:
    """Read a JSON file of decisions; ``-`` reads stdin.

    Raises:
        InvalidInput: It cannot be read, or is no whole JSON; names line and column.
    """
    name = "stdin" if source == "-" else source
    try:
        raw = sys.stdin.buffer.read(MOST_BYTES + 1) if source == "-" else _read(Path(source))
    except OSError as error:
        raise InvalidInput(
            f"The decisions cannot be read from {name}: {error.strerror}.",
            next_step="Check the path, or use -.",
        ) from error
    return parse_decisions(raw, name)


def written_at(source: str) -> datetime | None:
    """Return when a file of decisions was written; None for stdin, and where nothing can tell."""
    try:
        return None if source == "-" else datetime.fromtimestamp(Path(source).stat().st_mtime, UTC)
    except OSError:
        return None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)
