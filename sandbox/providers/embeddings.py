"""Embeddings by hashing words and pairs of words: like texts lie near one another, the order of words counts."""

from __future__ import annotations

import hashlib
import math
import re
from itertools import pairwise

SIZE = 3072
_WORD = re.compile(r"\w+")
_POSITIONS = 24


def _features(text: str) -> list[str]:
    words = [word[:7] for word in _WORD.findall(text.lower())]
    return words + [f"{one} {two}" for one, two in pairwise(words)] or [text]


def embed(text: str, size: int, seed: int) -> list[float]:
    """The first ``size`` of 3072 components; only the full vector has length 1, as with Google's."""
    vector = [0.0] * SIZE
    for feature in _features(text):
        digest = hashlib.sha512(f"{seed}\x1f{feature}".encode()).digest()
        digest += hashlib.sha512(digest).digest()
        for at in range(0, _POSITIONS * 3, 3):
            position = int.from_bytes(digest[at : at + 2], "big") % SIZE
            vector[position] += 1.0 if digest[at + 2] & 1 else -1.0
    length = math.sqrt(sum(one * one for one in vector)) or 1.0
    return [round(one / length, 7) for one in vector[:size]]
