"""Who changes a template: for the audit trail, and for what a role may do."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import InvalidInput, NotAllowed

ROLES = ("admin", "manager", "editor")
RELEASERS = ("admin", "manager")
"""Roles that may change what is in use."""


@dataclass(frozen=True)
class Actor:
    """A person, what they may do, and the program and machine that they do it from."""

    author: str
    role: str
    origin: str


RELEASE = Actor("posthub", "release", "posthub")
"""The product itself, when it brings its own templates."""
SYSTEM = Actor("posthub", "system", "posthub")
"""The product itself, when it reacts to what happens."""


def may_release(actor: Actor, what: str) -> None:
    """Refuse what changes the prompts in use to those who may not.

    Raises:
        NotAllowed: The role may save versions and try them, no more.
    """
    if actor.role not in RELEASERS:
        raise NotAllowed(
            f"The role {actor.role} may not {what}.",
            next_step=f"Ask somebody with the role {' or '.join(RELEASERS)}.",
            role=actor.role,
        )


def reason_given(reason: str) -> str:
    """Return why something was done, on one line.

    Raises:
        InvalidInput: Nothing was said.
    """
    said = " ".join(reason.split())[:500]
    if not said:
        raise InvalidInput("There is no reason.", next_step="Say why with --reason TEXT.")
    return said
