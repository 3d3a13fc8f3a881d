"""What people were asked, what they and policies decided, and how each piece of work ended."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from store.schema.base import created_at, metadata, one_of, required_text
from store.schema.tenants import of_company


class OutcomeStatus(StrEnum):
    """How a piece of work ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The tier does not have it."""


approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("organization_id"),
    required_text("company_id"),
    required_text("run_id"),
    Column("point", Text, nullable=False, comment="the review point: dna, personas, topics, posts, packages"),
    required_text("item"),
    Column("revision", Integer, nullable=False),
    Column("edition", Integer, nullable=False),
    required_text("decision"),
    Column("reason", Text, nullable=False, server_default=text("''")),
    required_text("decided_by"),
    Column("policy", Boolean, nullable=False, comment="decided by the policy, not by a person"),
    Column("content_hash", Text, nullable=False, comment="of the exact content that was decided on"),
    created_at("decided_at"),
    of_company(),
    Index(None, "organization_id", "run_id"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", Text, primary_key=True, comment="made of everything that was asked, in its exact version"),
    required_text("organization_id"),
    required_text("company_id"),
    required_text("run_id"),
    Column("point", Text, nullable=False, comment="the review point: dna, personas, topics, posts, packages"),
    Column(
        "asked_at",
        DateTime(timezone=True),
        nullable=False,
        comment="for the first time, by the clock of the process that asked: answers older than this are to others",
    ),
    of_company(),
    Index(None, "organization_id", "run_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("organization_id"),
    required_text("company_id"),
    required_text("run_id"),
    required_text("kind"),
    required_text("item"),
    Column("revision", Integer, nullable=False),
    required_text("status"),
    Column("code", Text, nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("money", Text, nullable=False, comment="what it did to money: none, held, spent, lost"),
    created_at(),
    of_company(),
    CheckConstraint(one_of("status", OutcomeStatus), name="status"),
    UniqueConstraint("organization_id", "run_id", "kind", "item", "revision"),
)
