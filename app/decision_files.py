"""A file of decisions: understood as a whole before anything changes."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from domain.errors import InvalidInput

MOST_BYTES = 20_000_000
_EXAMPLE = 'Write {"decisions": [{"id": "t01", "type": "approve"}]}; types: approve, edit, reject, drop.'


def parse_decisions(raw: bytes, name: str) -> Any:
    """Read the JSON of a file of decisions.

    Args:
        raw: Its bytes; of a longer file than `MOST_BYTES`, more than these.
        name: What people call the file.

    Raises:
        InvalidInput: It is too large, or no whole JSON; names line and column.
    """
    if len(raw) > MOST_BYTES:
        raise InvalidInput(f"The decisions in {name} are larger than {MOST_BYTES // 1_000_000} MB.")
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
