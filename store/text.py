"""Text as PostgreSQL can hold it, and as it was. NUL and lone surrogates come from models and scraped pages alike.

What PostgreSQL cannot hold is written as U+FDD0 and the character's number, which no text that is meant for people
has: nothing is dropped, a damaged answer stays what it was, and an id that holds such a character is no other's id.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from domain.errors import InvalidInput
from domain.ids import canonical_json

_ESCAPE = "\ufdd0"
"""One of Unicode's characters for inner use, which are never interchanged."""
_UNHELD = re.compile(f"[\x00\ud800-\udfff{_ESCAPE}]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")


def storable_text(value: str) -> str:
    """Escape what PostgreSQL cannot hold and join split surrogate pairs; everything else stays as it is."""
    if value.isascii() and "\x00" not in value:
        return value
    joined = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _UNHELD.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", joined)


def original_text(value: str) -> str:
    """Return a stored text as it was."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value) if _ESCAPE in value else value


def storable_json(value: Any) -> Any:
    """Escape every string of a plain JSON value, keys included.

    Raises:
        InvalidInput: The value is no plain JSON (NaN, infinity, dates, objects).
    """
    try:
        escaped = _each_text(value, storable_text)
        canonical_json(escaped)
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_plain(error) from error
    return escaped


def original_json(value: Any) -> Any:
    """Return a stored value with every text as it was."""
    return _each_text(value, original_text)


def json_text(value: Any) -> str:
    """Write a value as JSON that PostgreSQL can hold; an answer that has been paid for is not lost to a NUL.

    Raises:
        InvalidInput: It is no plain JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if "\\u0000" in text or _UNHELD.search(text):
            text = json.dumps(_each_text(value, storable_text), ensure_ascii=False, allow_nan=False)
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_plain(error) from error


def _not_plain(error: Exception) -> InvalidInput:
    return InvalidInput(
        f"The content cannot be stored because it is not plain JSON: {error}.",
        next_step="Give only texts, finite numbers, true/false, null, lists and objects.",
    )


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_each_text(key, change): _each_text(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return value


def fold_key(value: str) -> str:
    """Return a form in which texts that a reader takes for the same are equal (NFKC, case, spaces)."""
    return " ".join(unicodedata.normalize("NFKC", _UNHELD.sub("", value)).casefold().split())
