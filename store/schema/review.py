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
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import created_at, metadata, one_of, required_text
from store.schema.tenants import of_company


class OutcomeStatus(StrEnum):
    """How a piece of work ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The tier does not have it."""


class DecisionState(StrEnum):
    """How far a decision is."""

    RECORDED = "recorded"
    """Given, and not yet held against what waits."""
    ACCEPTED = "accepted"
    """It is about what waited; it is carried out, or was."""
    REFUSED = "refused"
    """It changed nothing."""
    TAKEN_BACK = "taken back"
    """With the server's run that brought it."""


decisions = Table(
    "decisions",
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
    Column("token", Text, nullable=False, comment="of what was shown; empty in rows of earlier releases"),
    Column("edited", JSONB, nullable=False, comment="the fields that change"),
    Column("parts", JSONB, nullable=False, comment="of a rejected package, what is made again; empty: all"),
    required_text("state"),
    Column("problem", Text, nullable=False, comment="why it was refused"),
    Column("request", Text, nullable=False, comment="the server's run that brought it; empty in process"),
    Column("checkpoint", Text, nullable=False, comment="of the thread's, where it was accepted"),
    created_at("decided_at"),
    Column("settled_at", DateTime(timezone=True), comment="when it was accepted or refused"),
    of_company(),
    CheckConstraint(one_of("state", DecisionState), name="state"),
    Index(None, "organization_id", "run_id"),
    Index(
        "uq_decisions_recorded",
        *("organization_id", "run_id", "token"),
        unique=True,
        postgresql_where=text("state = 'recorded' and token <> ''"),
    ),
    Index("ix_decisions_request", "request", postgresql_where=text("request <> ''")),
)
"""A decision stands here before anything is done for it. What is recorded of one token is the first that was given."""

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
