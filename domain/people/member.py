"""A member's name and e-mail address as they are kept, and how a person is written down."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from domain.errors import InvalidInput
from domain.people.roles import Role

_EMAIL = re.compile(r"[^\s@<>\"',;]+@[^\s@<>\"',;.]+(\.[^\s@<>\"',;.]+)+")
_MOST = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as a key proved it. ``person`` stands in decisions: ``Eva Nová <eva@acme.cz>``."""

    organization: str
    member_id: str
    person: str
    role: Role


def person(name: str, email: str) -> str:
    """Write a person down for a record."""
    return f"{name} <{email}>"


def parse_email(given: str) -> str:
    """Return an e-mail address as it was written.

    Raises:
        InvalidInput: It is none.
    """
    text = unicodedata.normalize("NFC", given.strip())
    if len(text) > _MOST or not _EMAIL.fullmatch(text):
        raise InvalidInput(
            f"{given[:80]!r} is no e-mail address.", next_step="Give it as eva@acme.cz.", field="email"
        )
    return text


def parse_name(given: str) -> str:
    """Return a person's name in one line.

    Raises:
        InvalidInput: It is empty, too long, or has characters that nobody sees.
    """
    text = " ".join(unicodedata.normalize("NFC", given).split())
    unseen = any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in text)
    if not text or len(text) > _MOST or unseen or set(text) & set("<>"):
        raise InvalidInput(
            f"The name {given[:80]!r} cannot be used.",
            next_step=f"Give a name of 1 to {_MOST} visible characters, without < and >.",
            field="name",
        )
    return text
