"""Text as PostgreSQL can hold it. NUL and lone surrogates come from models and scraped pages alike."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from domain.errors import InvalidInput
from domain.ids import canonical_json


def clean_text(value: str) -> str:
    """Drop NUL and lone surrogates and join split surrogate pairs; everything else stays as it is."""
    if value.isascii() and "\x00" not in value:
        return value
    joined = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return joined.replace("\x00", "")


def clean_json(value: Any) -> Any:
    """Clean every string of a plain JSON value, keys included.

    Raises:
        InvalidInput: The value is no plain JSON (NaN, infinity, dates, objects).
    """
    try:
        cleaned = _cleaned(value)
        canonical_json(cleaned)
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_plain(error) from error
    return cleaned


def json_text(value: Any) -> str:
    """Write a value as JSON that PostgreSQL can hold; an answer that has been paid for is not lost to a NUL.

    Raises:
        InvalidInput: It is no plain JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if "\\u0000" in text or not _is_unicode(text):
            text = json.dumps(_cleaned(value), ensure_ascii=False, allow_nan=False)
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_plain(error) from error


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_plain(error: Exception) -> InvalidInput:
    return InvalidInput(
        f"The content cannot be stored because it is not plain JSON: {error}.",
        next_step="Give only texts, finite numbers, true/false, null, lists and objects.",
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value


def fold_key(value: str) -> str:
    """Return a form in which texts that a reader takes for the same are equal (NFKC, case, spaces)."""
    return " ".join(unicodedata.normalize("NFKC", clean_text(value)).casefold().split())
