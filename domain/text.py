"""Words, sentences and keys: how text is cleaned, compared and counted everywhere."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from domain.tables import load

_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n|\r|\u2028|\u2029")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_SPACES = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"[.!?…]+[\"“”»)\]]*(?=\s|$)")


def normal(text: str) -> str:
    """Return a text in the one form in which it is counted: NFC, line feeds, split surrogate pairs joined."""
    if text.isascii() and "\r" not in text:
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", joined))


def normal_json(value: Any, *, refuse: bool = False) -> Any:
    """Return plain JSON with every text in its normal form.

    Args:
        value: Plain JSON; anything else in it is left as it is.
        refuse: Whether characters that no text may hold (controls, halves of surrogate pairs) are refused.

    Raises:
        ValueError: There is such a character; names it, and what stands before it.
    """
    if isinstance(value, str):
        text = normal(value)
        if refuse and (found := _NO_TEXT.search(text)):
            before = text[max(0, found.start() - 20) : found.start()]
            raise ValueError(
                f"after “{before}” stands the character U+{ord(found[0]):04X}, which no text may hold"
            )
        return text
    if isinstance(value, list | tuple):
        return [normal_json(one, refuse=refuse) for one in value]
    if isinstance(value, dict):
        return {
            normal_json(name, refuse=refuse): normal_json(one, refuse=refuse) for name, one in value.items()
        }
    return value


def key(text: str) -> str:
    """Fold a title, keyword or name for comparison: NFKC, casefold, single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", folded)).strip()


def fold(text: str) -> str:
    """Fold as `key` does and drop diacritics: ``Pražírna`` and ``prazirna`` meet."""
    decomposed = unicodedata.normalize("NFKD", key(text))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def contains(text: str, wanted: str) -> bool:
    """Tell whether a text holds a keyword exactly, whatever the case and the spaces."""
    return key(wanted) in key(text)


def count_words(text: str) -> int:
    """Count the words of plain text or Markdown: what stands between spaces and holds a letter or a digit.

    Link targets are no words; list marks, dashes and emphasis are none either.
    """
    return sum(any(map(str.isalnum, token)) for token in _LINK.sub(r"\1", text).split())


def first_sentence(text: str) -> str:
    """Return the text up to the first sentence end or line end, whichever comes first."""
    line = next((one.strip() for one in text.splitlines() if one.strip()), "")
    end = _SENTENCE_END.search(line)
    return line[: end.end()] if end else line


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most likely meant, or None when none is near."""
    by_key = {key(one): one for one in known}
    found = difflib.get_close_matches(key(word), by_key, n=1, cutoff=0.5)
    return by_key[found[0]] if found else None


def leaks(text: str) -> list[str]:
    """Find what must never be published: a model speaking of itself, unfilled slots, filler text.

    Returns the offending pieces as they stand in the text, each once.
    """
    found = (match.group(0) for pattern in _leak_patterns() for match in pattern.finditer(text))
    return list(dict.fromkeys(found))


def _leak_patterns() -> list[re.Pattern[str]]:
    return [re.compile(one, re.IGNORECASE) for one in load("domain", "leaks")["patterns"]]
