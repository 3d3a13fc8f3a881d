"""The API keys of an organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.errors import InvalidInput
from domain.people.keys import NewKey
from domain.people.roles import lesser, parse_role

if TYPE_CHECKING:
    from store.content.tenants import Tenants
    from store.people.keys import KeyRecord, Keys
    from store.people.members import Members

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A new key; ``key.text`` is shown this once."""

    key: NewKey
    organization: str
    member: str
    role: str

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.key.id,
            "key": self.key.text,
            "organization": self.organization,
            "member": self.member,
            "role": self.role,
        }


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as it may be shown."""

    record: KeyRecord

    def as_json(self) -> dict[str, Any]:
        its = self.record
        return {
            "id": its.id,
            "organization": its.organization_id,
            "member": its.member,
            "name": its.name,
            "role": its.role.value,
            "created_at": its.created_at.isoformat(),
            "last_used_at": its.last_used_at.isoformat() if its.last_used_at else None,
            "revoked_at": its.revoked_at.isoformat() if its.revoked_at else None,
        }


@dataclass(frozen=True, slots=True)
class KeyList:
    """An organization's keys, the newest first."""

    organization: str
    keys: tuple[ShownKey, ...]

    def as_json(self) -> dict[str, Any]:
        return {"organization": self.organization, "keys": [one.as_json() for one in self.keys]}


class Keyring:
    """The keys of one organization."""

    def __init__(self, organization: str, *, keys: Keys, members: Members, tenants: Tenants) -> None:
        self._organization = organization
        self._keys = keys
        self._members = members
        self._tenants = tenants

    async def list(self) -> KeyList:
        """Return all keys, revoked ones too."""
        found = await self._keys.list(self._organization)
        return KeyList(self._organization, tuple(ShownKey(one) for one in found))

    async def create(self, email: str, *, role: str | None = None, name: str = "") -> KeyMade:
        """Make a key for a member.

        Args:
            email: The member's address.
            role: The most that the key may do; None for all that the member may.
            name: What it is for.

        Raises:
            NotFound: The organization has no such member.
            InvalidInput: It is on no tier yet, or the role or the name cannot be used.
        """
        if len(name) > _LONGEST_NAME:
            raise InvalidInput(f"A key's name has at most {_LONGEST_NAME} characters.", field="name")
        if await self._tenants.tier_of(self._organization) is None:
            raise InvalidInput(
                f"{self._organization!r} is on no tier yet, and who asks with a key cannot choose one.",
                next_step="Set it with: posthub organizations set-tier NAME TIER",
            )
        member = await self._members.find(self._organization, email)
        granted = member.role if role is None else lesser(member.role, parse_role(role))
        key = await self._keys.create(member, granted, name)
        return KeyMade(key, self._organization, member.email, granted.value)

    async def revoke(self, key_id: str) -> ShownKey:
        """Let a key count no more. Raises NotFound where the organization has none of this id."""
        return ShownKey(await self._keys.revoke(self._organization, key_id))


async def need_a_key(keys: Keys, host: str) -> None:
    """See to it that a server which others can reach has somebody to answer to.

    Raises:
        InvalidInput: No key was made yet.
    """
    if not await keys.any_made():
        raise InvalidInput(
            f"On {host} others can reach the server, and there is no key yet with which they could prove who they are.",
            next_step="Make one with posthub keys create EMAIL, or serve on 127.0.0.1.",
        )
