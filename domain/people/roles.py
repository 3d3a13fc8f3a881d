"""Roles of members and keys: each may do what those before it may."""

from __future__ import annotations

from enum import StrEnum

from domain.errors import InvalidInput, NotAllowed
from domain.text import nearest


class Role(StrEnum):
    """What somebody may do; in the order of how much."""

    VIEWER = "viewer"
    """Reads."""
    APPROVER = "approver"
    """Answers reviews, too."""
    EDITOR = "editor"
    """Starts months and changes them, too."""
    OWNER = "owner"
    """Members, keys and budgets, too."""

    def may(self, needed: Role) -> bool:
        """Whether this role has what another one has."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = tuple(Role)


def parse_role(given: str) -> Role:
    """Read a role, whatever the case.

    Raises:
        InvalidInput: There is none of that name.
    """
    name = given.strip().lower()
    if name in _ORDER:
        return Role(name)
    meant = nearest(name, _ORDER)
    hint = f"Did you mean {meant}?" if meant else f"Use one of {', '.join(_ORDER)}."
    raise InvalidInput(f"There is no role {given[:40]!r}.", next_step=hint, field="role")


def lesser(one: Role, other: Role) -> Role:
    """Return the role that may do less."""
    return min(one, other, key=_ORDER.index)


def need(role: Role, needed: Role, what: str) -> None:
    """Refuse what a role may not do.

    Args:
        role: Who asks.
        needed: The least that may do it.
        what: What is asked for, as the beginning of a sentence: "Answering a review".

    Raises:
        NotAllowed: The role may not.
    """
    if not role.may(needed):
        raise NotAllowed(
            f"{what} needs the role {needed}; this key has the role {role}.",
            next_step="Ask an owner of your organization.",
        )
