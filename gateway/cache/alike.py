"""Whether two questions ask the same: likeness of vectors alone takes a question for its reversal.

The words that carry meaning have to be the same ones in the same order. Only politeness, question words, case,
accents, punctuation and short endings may differ; numbers and names may not, and a negation is a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_WORD = re.compile(r"\w+")
_LONGEST_ENDING = 2
_SHORTEST_STEM = 3


def asks_the_same(one: str, other: str, *, empty: Collection[str]) -> bool:
    """Compare two questions word by word.

    Args:
        one: A question.
        other: Another one.
        empty: Words without meaning of their own, folded.
    """
    first, second = _words(one, empty), _words(other, empty)
    return bool(first) and len(first) == len(second) and all(map(_same, first, second))


def _words(question: str, empty: Collection[str]) -> list[str]:
    """The words that carry meaning; a name keeps its capital, so that it has to be met exactly."""
    words: list[str] = []
    for number, word in enumerate(_WORD.findall(unicodedata.normalize("NFKC", question))):
        folded = _fold(word)
        if folded in empty:
            continue
        is_name = number > 0 and word[0].isupper()
        words.append(folded.capitalize() if is_name else folded)
    return words


def _fold(word: str) -> str:
    return "".join(
        each for each in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(each)
    )


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    if (one[0].isupper() and other[0].isupper()) or not (one.isalpha() and other.isalpha()):
        return False
    one, other = one.lower(), other.lower()
    stem = _common(one, other)
    longest = max(len(one), len(other)) - stem
    return one == other or (stem >= _SHORTEST_STEM and longest <= _LONGEST_ENDING)


def _common(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
