"""Decisions from a file: understood as a whole before anything changes."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from domain.errors import InvalidInput

_MOST_BYTES = 20_000_000
_EXAMPLE = 'Write {"decisions": [{"id": "t01", "type": "approve"}]}; types: approve, edit, reject, drop.'


def read_decisions(source: str) -> Any:
    """Read a JSON file of decisions; ``-`` reads stdin.

    Raises:
        InvalidInput: It cannot be read, or is no whole JSON; names line and column.
    """
    name = "stdin" if source == "-" else source
    try:
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1) if source == "-" else _read(Path(source))
    except OSError as error:
        raise InvalidInput(
            f"The decisions cannot be read from {name}: {error.strerror}.",
            next_step="Check the path, or use -.",
        ) from error
    if len(raw) > _MOST_BYTES:
        raise InvalidInput(f"The decisions in {name} are larger than {_MOST_BYTES // 1_000_000} MB.")
    return _parsed(raw, name)


def written_at(source: str) -> datetime | None:
    """Return when a file of decisions was written; None for stdin, and where nothing can tell."""
    try:
        return None if source == "-" else datetime.fromtimestamp(Path(source).stat().st_mtime, UTC)
    except OSError:
        return None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def _parsed(raw: bytes, name: str) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        _refuse(name, f"line {line} is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(name, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except ValueError as error:
        _refuse(name, str(error))
    except RecursionError:
        _refuse(name, "it is nested too deeply")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse(name: str, why: str) -> NoReturn:
    raise InvalidInput(
        f"The decisions in {name} are no whole JSON: {why}. Nothing changed.", next_step=_EXAMPLE
    )
