"""Organizations: who pays, and what they may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.tiers import organization_name, tier

if TYPE_CHECKING:
    from store.people.organizations import OrganizationRecord, Organizations


@dataclass(frozen=True, slots=True)
class OrganizationList:
    """All organizations of an installation, by name."""

    organizations: tuple[OrganizationRecord, ...]

    def as_json(self) -> dict[str, Any]:
        return {"organizations": [_organization(one) for one in self.organizations]}


@dataclass(frozen=True, slots=True)
class OrganizationTier:
    """An organization and the tier that it is on now."""

    organization: str
    tier: str

    def as_json(self) -> dict[str, Any]:
        return {"organization": self.organization, "tier": self.tier}


class OrganizationBook:
    """The organizations of an installation."""

    def __init__(self, organizations: Organizations) -> None:
        self._organizations = organizations

    async def list(self) -> OrganizationList:
        """Return all of them."""
        return OrganizationList(tuple(await self._organizations.list()))

    async def create(self, name: str, level: str) -> OrganizationTier:
        """Make one on a tier.

        Raises:
            InvalidInput: The name is empty or taken, or there is no such tier.
        """
        made = OrganizationTier(organization_name(name), tier(level).name)
        await self._organizations.create(made.organization, made.tier)
        return made

    async def set_tier(self, name: str, level: str) -> OrganizationTier:
        """Put one on a tier; months that were started keep theirs.

        Raises:
            NotFound: There is none of this name.
            InvalidInput: There is no such tier.
        """
        put = OrganizationTier(organization_name(name), tier(level).name)
        await self._organizations.set_tier(put.organization, put.tier)
        return put


def _organization(one: OrganizationRecord) -> dict[str, Any]:
    return {
        "organization": one.id,
        "tier": one.tier,
        "companies": one.companies,
        "members": one.members,
        "created_at": one.created_at.isoformat(),
    }
