"""Members: who works for an organization, and as what. One owner always stays."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import InvalidInput, NotFound
from domain.people.member import Caller, person
from domain.people.roles import Role
from store.database import Database
from store.people.organizations import unknown_organization
from store.schema.people import members
from store.schema.tenants import organizations
from store.tenancy import SYSTEM
from store.text import fold_key, storable_text


@dataclass(frozen=True)
class MemberRecord:
    id: str
    organization_id: str
    name: str
    email: str
    role: Role
    created_at: datetime


class Members:
    """Reads and writes members. One of another organization is answered as an unknown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, organization_id: str, *, name: str, email: str, role: Role) -> MemberRecord:
        """Make somebody a member.

        Raises:
            NotFound: There is no such organization.
            InvalidInput: The address is a member's already.
        """
        values = {
            "id": str(uuid.uuid4()),
            "organization_id": organization_id,
            "name": storable_text(name),
            "email": storable_text(email),
            "email_key": fold_key(email),
            "role": role,
        }
        statement = insert(members).values(**values).on_conflict_do_nothing().returning(members)
        async with self._database.transaction(organization_id) as connection:
            await _lock(connection, organization_id)
            row = (await connection.execute(statement)).first()
        if row is None:
            raise InvalidInput(
                f"{email} is a member already.", next_step="Change the role with: posthub members set-role"
            )
        return _record(row)

    async def find(self, organization_id: str, email_or_id: str) -> MemberRecord:
        """Return a member by e-mail address, whatever its case, or by id.

        Raises:
            NotFound: The organization has no such member.
        """
        async with self._database.transaction(organization_id) as connection:
            return await _find(connection, organization_id, email_or_id)

    async def caller(self, member_id: str) -> Caller | None:
        """Return a member as somebody who asks; None for one who is a member no more."""
        query = select(members).where(members.c.id == storable_text(member_id))
        async with self._database.transaction(SYSTEM) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return Caller(row.organization_id, row.id, person(row.name, row.email), Role(row.role))

    async def list(self, organization_id: str) -> list[MemberRecord]:
        """Return an organization's members, by name."""
        query = select(members).where(members.c.organization_id == organization_id)
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(query.order_by(members.c.name, members.c.email_key))).all()
        return [_record(row) for row in rows]

    async def set_role(self, organization_id: str, email_or_id: str, role: Role) -> MemberRecord:
        """Give a member another role; the keys of the member may do no more from now on.

        Raises:
            NotFound: The organization has no such member.
            InvalidInput: Nobody would be left who is an owner.
        """
        async with self._database.transaction(organization_id) as connection:
            await _lock(connection, organization_id)
            member = await _find(connection, organization_id, email_or_id)
            if role is not Role.OWNER:
                await _keep_an_owner(connection, member)
            mine = members.c.id == member.id
            row = (
                await connection.execute(update(members).where(mine).values(role=role).returning(members))
            ).one()
        return _record(row)

    async def remove(self, organization_id: str, email_or_id: str) -> MemberRecord:
        """Forget a member, and the member's keys; what was decided keeps the name.

        Raises:
            NotFound: The organization has no such member.
            InvalidInput: Nobody would be left who is an owner.
        """
        async with self._database.transaction(organization_id) as connection:
            await _lock(connection, organization_id)
            member = await _find(connection, organization_id, email_or_id)
            await _keep_an_owner(connection, member)
            await connection.execute(delete(members).where(members.c.id == member.id))
        return member


async def _lock(connection: AsyncConnection, organization_id: str) -> None:
    """Count owners and change one as one: two at once must not both take the other for the one who stays."""
    query = select(organizations.c.id).where(organizations.c.id == organization_id).with_for_update()
    if (await connection.execute(query)).first() is None:
        raise unknown_organization(organization_id)


async def _find(connection: AsyncConnection, organization_id: str, email_or_id: str) -> MemberRecord:
    named = or_(members.c.email_key == fold_key(email_or_id), members.c.id == storable_text(email_or_id))
    query = select(members).where(members.c.organization_id == organization_id, named)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(
            f"There is no member {storable_text(email_or_id)[:200]!r}.",
            next_step="See them with: posthub members list",
        )
    return _record(row)


async def _keep_an_owner(connection: AsyncConnection, member: MemberRecord) -> None:
    others = select(members.c.id).where(
        members.c.organization_id == member.organization_id,
        members.c.role == Role.OWNER,
        members.c.id != member.id,
    )
    if member.role is Role.OWNER and (await connection.execute(others.limit(1))).first() is None:
        raise InvalidInput(
            f"{member.email} is the only owner of {member.organization_id!r}.",
            next_step="Make somebody else an owner first: posthub members set-role EMAIL --role owner",
        )


def _record(row: Any) -> MemberRecord:
    return MemberRecord(
        row.id, row.organization_id, row.name, row.email, Role(row.role), row.created_at.astimezone(UTC)
    )
