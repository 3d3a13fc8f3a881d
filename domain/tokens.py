"""Tokens: what exactly was put before a person, in one word that a decision can name."""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(r"([\w.]+)-(\d+)-(\d+)-([0-9a-f]{16})")


class Named(NamedTuple):
    """What a token names: the id, how often it was made again and changed since, the start of its content's hash."""

    item: str
    revision: int
    edition: int
    content_hash: str


def token_of(item: str, revision: int, edition: int, content_hash: str) -> str:
    """Name what is shown, such as ``t01.post-1-0-5f0c9a…``; safe in addresses and the same on every reading.

    Args:
        item: The id under which it is decided, which says the review point too.
        revision: How often the item was made again.
        edition: How often a person changed this revision.
        content_hash: Hex of 16 digits or more; 64 bits of it tell versions apart, they keep no secret.
    """
    return f"{item}-{revision}-{edition}-{content_hash[:16]}"


def named_by(token: str) -> Named | None:
    """What a token names; None where it is no token."""
    form = _FORM.fullmatch(token)
    return Named(form[1], int(form[2]), int(form[3]), form[4]) if form else None


def item_of(token: str) -> str:
    """The item's id that a token names; empty where it is no token."""
    named = named_by(token)
    return named.item if named else ""


def words_of(token: str) -> str:
    """Say what a token stands for, for people."""
    named = named_by(token)
    if not named:
        return f"{token[:60]!r}, which is no token"
    return f"{named.item} (revision {named.revision}, edition {named.edition})"


def stale(given: str, current: str, past: str = "") -> str:
    """Say that a decision is about something else than what waits now.

    Args:
        given: The token that the decision names.
        current: The token of what waits now under the same id; empty where nothing does.
        past: Who decided what of it before, as a sentence of its own; empty where nobody did.
    """
    waits = f"what waits now is {words_of(current)}" if current else "that does not wait now"
    if current and words_of(given) == words_of(current):
        waits = "its content is another one now"
    told = f" {past}" if past else ""
    return f"the decision is about {words_of(given)}; {waits}.{told} Look at it and decide again."
