"""How many calls a minute an organization may send to a provider, by its own file or by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.errors import InvalidInput
from gateway.providers import registry

SETTING = "POSTHUB_RATE_LIMITS"
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Calls in ``seconds``, by provider; a provider that is not named has no limit.

    Attributes:
        seconds: Length of the moving window.
        providers: What the providers themselves say.
        own: What was set for every organization.
        organizations: What was set for one: (organization, provider) → calls.
    """

    seconds: int = 60
    providers: Mapping[str, int] = field(default_factory=dict)
    own: Mapping[str, int] = field(default_factory=dict)
    organizations: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def of(self, organization_id: str, provider: str) -> int | None:
        """Return the calls that fit into a window, or None where there is no limit."""
        for_one = self.organizations.get((organization_id, provider))
        return for_one or self.own.get(provider) or self.providers.get(provider)

    def in_sandbox(self) -> RateLimits:
        """Return the limits of a run on the sandbox; what was set by hand stays."""
        return replace(self, providers=_limits("sandbox"))


def _limits(kind: str) -> dict[str, int]:
    found = registry.providers().values()
    return {each.name: int(each.limits[kind]) for each in found if kind in each.limits}


def read_limits(value: str) -> RateLimits:
    """Read what the providers say and what the setting puts over it.

    Args:
        value: ``provider=calls`` or ``organization:provider=calls``, separated by commas; calls a minute.

    Raises:
        InvalidInput: Names the setting and what is allowed.
    """
    known = registry.providers()
    own: dict[str, int] = {}
    organizations: dict[tuple[str, str], int] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        place, _, calls = entry.partition("=")
        organization, _, provider = place.strip().rpartition(":")
        number = _number(entry, calls.strip())
        if provider not in known:
            allowed = ", ".join(known)
            raise InvalidInput(
                f"{SETTING} names the provider {provider!r}, which there is not.",
                next_step=f"Name one of {allowed}.",
            )
        if organization:
            organizations[organization, provider] = number
        else:
            own[provider] = number
    return RateLimits(providers=_limits("calls"), own=own, organizations=organizations)


def _number(entry: str, calls: str) -> int:
    if not (calls.isascii() and calls.isdigit()) or not 1 <= int(calls) <= _MOST:
        first = next(iter(registry.providers()))
        raise InvalidInput(
            f"{SETTING} has the entry {entry!r}.",
            next_step=f"Write provider=calls a minute, such as {first}=120; calls from 1 to {_MOST}.",
        )
    return int(calls)
