"""API keys: ``ph_``, the key's id, and 256 random bits. What is kept is a hash, so a key is shown once."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

PREFIX = "ph_"
PATTERN = re.compile(r"ph_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
"""What a whole key looks like: for those who search logs and files for leaked ones, and hide them."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made this moment; its text is not kept."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"NewKey({self.id!r})"


def new_key() -> NewKey:
    """Make a key."""
    key_id = secrets.token_hex(6)
    return NewKey(key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}")


def key_hash(text: str) -> str:
    """SHA-256 (hex) of a key. Its bits are random, so a slow hash would protect nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
