"""Who acts in a run: what a server's key has proved, and never what the request says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config

from domain.errors import NotAllowed, NotFound

_USER = "langgraph_auth_user"
"""Where LangGraph's servers put what the key has proved; clients cannot set it."""
_REVIEWER = "reviewer"
"""Who says that they decide, where nobody has to prove it."""


@dataclass(frozen=True)
class Acting:
    """Who acts; ``person`` stands in decisions."""

    organization: str
    person: str


def acting(config: RunnableConfig) -> Acting | None:
    """Return who acts, as a key has proved it; None in process, and on a server that asks for no key.

    Raises:
        NotAllowed: The server knows a user who is none of ours.
    """
    user: Any = config.get("configurable", {}).get(_USER)
    if user is None:
        return None
    organization, person = _of(user, "organization"), _of(user, "person")
    if organization is None:
        raise NotAllowed(
            "The server does not say for which organization this user acts.",
            next_step="Serve PostHub with the auth that its langgraph.json names.",
        )
    return Acting(str(organization), str(person)) if organization else None


def _of(user: Any, name: str) -> Any:
    """Read a user as any server keeps it: a mapping, or an object."""
    return user.get(name) if isinstance(user, Mapping) else getattr(user, name, None)


def person(config: RunnableConfig) -> str:
    """Return who decides, as it is kept with the decision."""
    who = acting(config)
    return who.person if who else str(config.get("configurable", {}).get(_REVIEWER) or "api")


def belongs(organization: str) -> str:
    """Return the organization of a state, which a client may have written, where the caller acts for it.

    Raises:
        NotFound: It is another organization's.
    """
    try:
        who = acting(get_config())
    except RuntimeError:  # outside of a graph
        who = None
    if who and who.organization != organization:
        raise NotFound("There is no such run.", next_step="List the threads of your organization.")
    return organization
