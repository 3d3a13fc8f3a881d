"""What a run makes. Items are kept in all revisions (made again) and editions (edited by a person)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Date, Index, Integer, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from store.schema.base import created_at, metadata, required_text
from store.schema.tenants import of_company


class ItemStatus(StrEnum):
    """What became of an item; of all its versions the newest counts."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    """Before it is made again."""
    DROPPED = "dropped"
    PACKAGED = "packaged"
    """A post, once its media are approved too."""
    MATERIAL = "material"
    """What steps work with; nobody decides on it."""


def _versioned(name: str, *extra: SchemaItem) -> Table:
    columns: list[SchemaItem] = [
        Column("id", Text, primary_key=True),
        required_text("organization_id"),
        required_text("company_id"),
        required_text("run_id"),
        required_text("item"),
        Column("revision", Integer, nullable=False, comment="counts how often the model made it again"),
        Column("edition", Integer, nullable=False, comment="counts a person's edits of one revision"),
        required_text("status"),
        Column("content", JSONB, nullable=False),
        required_text("content_hash"),
        Column("findings", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
        Column("author", Text, nullable=False, comment="'model', or the person who wrote this edition"),
        Column("template_code", Text),
        Column("template_version", Integer),
        Column("template_language", Text),
        Column("experiment", Text),
        Column("arm", Text),
        Column("model", Text),
        created_at(),
        *extra,
        of_company(),
        UniqueConstraint("organization_id", "run_id", "item", "revision", "edition"),
    ]
    return Table(name, metadata, *columns)


company_dna = _versioned("company_dna")
personas = _versioned("personas")
topics = _versioned(
    "topics",
    Column("planned_date", Date),
    Column("title_key", Text, comment="NFKC and case folded title"),
    Column("focus_key", Text, comment="NFKC and case folded focus keyword"),
    Index(None, "organization_id", "company_id", "planned_date"),
)
blog_posts = _versioned("blog_posts", Column("slug", Text), Column("word_count", Integer))
social_posts = _versioned("social_posts")
assets = _versioned("assets")

fact_sources: Table = Table(
    "fact_sources",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("organization_id"),
    required_text("company_id"),
    required_text("run_id"),
    required_text("field"),
    required_text("value"),
    required_text("url"),
    created_at(),
    of_company(),
    Index(None, "organization_id", "run_id"),
)

TABLES: dict[str, Any] = {
    "dna": company_dna,
    "persona": personas,
    "topic": topics,
    "post": blog_posts,
    "social": social_posts,
    "asset": assets,
}
"""The table of each kind of item."""
