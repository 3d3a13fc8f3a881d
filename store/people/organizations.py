"""Organizations: made, listed, and put on a tier by whoever administers the installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import InvalidInput, NotFound
from store.database import Database
from store.schema.people import members
from store.schema.tenants import companies, organizations
from store.tenancy import SYSTEM
from store.text import storable_text


@dataclass(frozen=True)
class OrganizationRecord:
    """An organization. ``tier`` is None where nobody has set it: each month may ask for one."""

    id: str
    tier: str | None
    companies: int
    members: int
    created_at: datetime


class Organizations:
    """Reads and writes organizations, of the whole installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, organization_id: str, tier: str) -> None:
        """Make an organization on a tier; one that months have made before is put on it.

        Raises:
            InvalidInput: There is one of this name, on a tier.
        """
        statement = insert(organizations).values(id=storable_text(organization_id), tier=tier)
        statement = statement.on_conflict_do_update(
            index_elements=["id"], set_={"tier": tier}, where=organizations.c.tier.is_(None)
        )
        async with self._database.transaction(storable_text(organization_id)) as connection:
            made = await connection.execute(statement.returning(organizations.c.id))
            if made.first() is None:
                raise InvalidInput(
                    f"There is an organization {organization_id!r} already.",
                    next_step="Change its tier with: posthub organizations set-tier",
                )

    async def set_tier(self, organization_id: str, tier: str) -> None:
        """Put an organization on a tier.

        Raises:
            NotFound: There is none of this name.
        """
        mine = organizations.c.id == storable_text(organization_id)
        statement = update(organizations).where(mine).values(tier=tier).returning(organizations.c.id)
        async with self._database.transaction(storable_text(organization_id)) as connection:
            if (await connection.execute(statement)).first() is None:
                raise unknown_organization(organization_id)

    async def list(self) -> list[OrganizationRecord]:
        """Return all organizations, by name."""
        counts = {
            table.name: select(func.count())
            .select_from(table)
            .where(table.c.organization_id == organizations.c.id)
            .scalar_subquery()
            for table in (companies, members)
        }
        query = select(organizations, *(count.label(name) for name, count in counts.items()))
        async with self._database.transaction(SYSTEM) as connection:
            rows = (await connection.execute(query.order_by(organizations.c.id))).all()
        return [
            OrganizationRecord(row.id, row.tier, row.companies, row.members, row.created_at.astimezone(UTC))
            for row in rows
        ]


def unknown_organization(organization_id: str) -> NotFound:
    """Build the refusal of a name that no organization has."""
    return NotFound(
        f"There is no organization {storable_text(organization_id)[:200]!r}.",
        next_step="Make it with: posthub organizations create NAME --tier TIER",
    )
