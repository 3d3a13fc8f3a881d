"""Who works for an organization, and the keys with which they ask."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from domain.people.roles import Role
from store.schema.base import created_at, metadata, one_of, required_text

members = Table(
    "members",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    required_text("email"),
    Column("email_key", Text, nullable=False, comment="NFKC and case folded: one member per address"),
    required_text("name"),
    required_text("role"),
    created_at(),
    CheckConstraint(one_of("role", Role), name="role"),
    UniqueConstraint("organization_id", "email_key"),
    UniqueConstraint("organization_id", "id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True, comment="the part of the key that may be shown"),
    required_text("organization_id"),
    required_text("member_id"),
    Column("name", Text, nullable=False, server_default=text("''"), comment="what it is for"),
    Column("role", Text, nullable=False, comment="the most that it may do; its member's role limits it, too"),
    Column("secret_hash", Text, nullable=False, unique=True, comment="SHA-256 of the whole key"),
    created_at(),
    Column("last_used_at", DateTime(timezone=True), comment="to the minute"),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint(one_of("role", Role), name="role"),
    ForeignKeyConstraint(
        ["organization_id", "member_id"], ["members.organization_id", "members.id"], ondelete="CASCADE"
    ),
    Index(None, "organization_id", "member_id"),
)
