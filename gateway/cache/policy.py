"""How long an answer may be given again to the same organization; dated data, replaced by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from domain.caching import CREATIVE_PURPOSES, longest_seconds
from domain.errors import InvalidInput
from domain.tables import load

if TYPE_CHECKING:
    from domain.calls import Call

SETTING = "POSTHUB_CACHE_TTL"


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Seconds by purpose and by template; 0 is never.

    What the operator sets for a template counts first, then what the template says itself, then its purpose.
    """

    purposes: Mapping[str, int] = field(default_factory=dict)
    templates: Mapping[str, int] = field(default_factory=dict)

    def seconds(self, call: Call, purpose: str) -> int:
        """How long an answer to this call is kept. What is made again is made anew, whatever the policy says."""
        if call.revision > 0:
            return 0
        template = call.template
        if template is not None and template.code in self.templates:
            return self.templates[template.code]
        if template is not None and template.cache_seconds is not None:
            return min(template.cache_seconds, longest_seconds(purpose))
        return self.purposes.get(purpose, 0)


@cache
def _shipped() -> dict[str, Any]:
    table = load("gateway", "cache")
    assert isinstance(table, dict)
    return table


def read_cache_policy(value: str) -> CachePolicy:
    """Read the shipped table and what the setting puts over it.

    Args:
        value: ``name=seconds``, separated by commas; a name is a purpose or a template's code.

    Raises:
        InvalidInput: Names the setting and what is allowed.
    """
    table = _shipped()
    purposes: dict[str, int] = dict(table["seconds"])
    templates: dict[str, int] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        name, _, seconds = (part.strip() for part in entry.partition("="))
        if name not in purposes and name not in table["templates"]:
            allowed = ", ".join([*purposes, *table["templates"]])
            raise InvalidInput(
                f"{SETTING} names {name!r}, which is no purpose and no template.",
                next_step=f"Name one of {allowed}.",
            )
        place = purposes if name in purposes else templates
        place[name] = _seconds(table, name, seconds)
    return CachePolicy(purposes, templates)


def _seconds(table: Mapping[str, Any], name: str, value: str) -> int:
    creative = name in CREATIVE_PURPOSES or name in table["creative_templates"]
    longest = longest_seconds("text" if creative else "search")
    if not (value.isascii() and value.isdigit()) or int(value) > longest:
        kind = "a creative one" if creative else "one that states facts"
        raise InvalidInput(
            f"{SETTING} gives {name} {value!r} seconds.",
            next_step=f"{name} is {kind}: give 0 (never) to {longest} seconds.",
        )
    return int(value)
