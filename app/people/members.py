"""The members of an organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.people.member import parse_email, parse_name
from domain.people.roles import parse_role

if TYPE_CHECKING:
    from store.people.members import MemberRecord, Members


@dataclass(frozen=True, slots=True)
class Member:
    """One member."""

    record: MemberRecord

    def as_json(self) -> dict[str, Any]:
        its = self.record
        return {
            "id": its.id,
            "organization": its.organization_id,
            "name": its.name,
            "email": its.email,
            "role": its.role.value,
            "created_at": its.created_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class MemberList:
    """An organization's members, by name."""

    organization: str
    members: tuple[Member, ...]

    def as_json(self) -> dict[str, Any]:
        return {"organization": self.organization, "members": [one.as_json() for one in self.members]}


class Staff:
    """Who works for one organization."""

    def __init__(self, organization: str, members: Members) -> None:
        self._organization = organization
        self._members = members

    async def list(self) -> MemberList:
        """Return all members."""
        found = await self._members.list(self._organization)
        return MemberList(self._organization, tuple(Member(one) for one in found))

    async def add(self, *, name: str, email: str, role: str) -> Member:
        """Make somebody a member.

        Raises:
            NotFound: There is no such organization.
            InvalidInput: Name, address or role cannot be used, or the address is a member's already.
        """
        its = (parse_name(name), parse_email(email), parse_role(role))
        return Member(await self._members.add(self._organization, name=its[0], email=its[1], role=its[2]))

    async def set_role(self, email: str, role: str) -> Member:
        """Give a member another role. Raises as `store.people.members.Members.set_role`."""
        return Member(await self._members.set_role(self._organization, email, parse_role(role)))

    async def remove(self, email: str) -> Member:
        """Forget a member and the member's keys. Raises as `store.people.members.Members.remove`."""
        return Member(await self._members.remove(self._organization, email))
