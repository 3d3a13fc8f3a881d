"""API keys: made once, kept as hashes, looked up with every request of a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import NotFound
from domain.people.keys import NewKey, key_hash, new_key
from domain.people.member import Caller, person
from domain.people.roles import Role, lesser
from store.database import Database
from store.people.members import MemberRecord
from store.schema.people import api_keys, members
from store.tenancy import SYSTEM
from store.text import storable_text

_USED = text("interval '1 minute'")
"""How exactly the last use of a key is kept: a write a request would cost more than the request's own reads."""


@dataclass(frozen=True)
class KeyRecord:
    """A key as it may be shown."""

    id: str
    organization_id: str
    member: str
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Keys:
    """Reads and writes keys. One of another organization is answered as an unknown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, member: MemberRecord, role: Role, name: str = "") -> NewKey:
        """Make a key for a member; its text is in the answer and nowhere else."""
        key = new_key()
        values = {
            "id": key.id,
            "organization_id": member.organization_id,
            "member_id": member.id,
            "name": storable_text(name),
            "role": role,
            "secret_hash": key_hash(key.text),
        }
        async with self._database.transaction(member.organization_id) as connection:
            await connection.execute(insert(api_keys).values(**values))
        return key

    async def list(self, organization_id: str) -> list[KeyRecord]:
        """Return an organization's keys, revoked ones too, the newest first."""
        query = _with_member().where(api_keys.c.organization_id == organization_id)
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(query.order_by(api_keys.c.created_at.desc()))).all()
        return [_record(row) for row in rows]

    async def revoke(self, organization_id: str, key_id: str) -> KeyRecord:
        """Let a key count no more; revoking it again changes nothing.

        Raises:
            NotFound: The organization has no such key.
        """
        mine = (api_keys.c.organization_id == organization_id) & (api_keys.c.id == storable_text(key_id))
        at = func.coalesce(api_keys.c.revoked_at, func.now())
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(update(api_keys).where(mine).values(revoked_at=at))
            row = (await connection.execute(_with_member().where(mine))).first()
        if row is None:
            raise NotFound(
                f"There is no key {storable_text(key_id)[:200]!r}.",
                next_step="See them with: posthub keys list",
            )
        return _record(row)

    async def caller(self, text: str) -> Caller | None:
        """Return who asks with a key; None where it is unknown or revoked. Notes that it was used."""
        mine = (api_keys.c.secret_hash == key_hash(text)) & api_keys.c.revoked_at.is_(None)
        used = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < func.now() - _USED)
        async with self._database.transaction(SYSTEM) as connection:
            row = (await connection.execute(_with_member().where(mine))).first()
            if row is not None:
                stale = update(api_keys).where(mine, used)
                await connection.execute(stale.values(last_used_at=func.now()))
        if row is None:
            return None
        role = lesser(Role(row.role), Role(row.member_role))
        return Caller(row.organization_id, row.member_id, person(row.member_name, row.email), role)

    async def any_made(self) -> bool:
        """Whether a key was ever made: from then on a server asks for one."""
        async with self._database.transaction(SYSTEM) as connection:
            return (await connection.execute(select(api_keys.c.id).limit(1))).first() is not None


def _with_member() -> Select[Any]:
    its = (members.c.name.label("member_name"), members.c.email, members.c.role.label("member_role"))
    return select(api_keys, *its).join(members, members.c.id == api_keys.c.member_id)


def _record(row: Any) -> KeyRecord:
    created, used, revoked = (
        at.astimezone(UTC) if at else None for at in (row.created_at, row.last_used_at, row.revoked_at)
    )
    assert created is not None
    return KeyRecord(row.id, row.organization_id, row.email, row.name, Role(row.role), created, used, revoked)
