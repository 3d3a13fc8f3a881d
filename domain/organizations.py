"""Who pays: the name of an organization."""

from __future__ import annotations

from domain.errors import InvalidInput


def organization_name(given: str, field: str = "organization") -> str:
    """Return the name of an organization as it was given.

    Args:
        given: The name.
        field: Where it was given, as the person calls it.

    Raises:
        InvalidInput: It is empty or holds only spaces; the empty name owns what all organizations share.
    """
    if not given.strip():
        raise InvalidInput(
            f"{field} is {given!r}, which names nobody who could pay.",
            next_step="Give an organization's name, or leave it out.",
            field=field,
        )
    return given
