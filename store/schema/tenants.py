"""Who pays, and for whom content is made."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Table, Text, UniqueConstraint

from store.schema.base import created_at, metadata, required_text

organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tier", Text, comment="NULL: nobody has set it, so each month may ask for one"),
    created_at(),
)

companies = Table(
    "companies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    required_text("name"),
    Column("name_key", Text, nullable=False, comment="NFKC and case folded: one company per name"),
    required_text("website"),
    required_text("business_field"),
    required_text("product_type"),
    required_text("language"),
    required_text("time_zone"),
    created_at(),
    UniqueConstraint("organization_id", "name_key"),
    UniqueConstraint("organization_id", "id"),
)


def of_company() -> ForeignKeyConstraint:
    """Ties a row to a company *of its own organization*, so that no row can point across tenants."""
    return ForeignKeyConstraint(
        ["organization_id", "company_id"], ["companies.organization_id", "companies.id"]
    )
