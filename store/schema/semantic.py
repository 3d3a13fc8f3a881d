"""Answers to questions, to be found again by likeness; never across organizations."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Float, Index, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema.base import created_at, metadata, required_text

semantic_answers = Table(
    "semantic_answers",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("organization_id"),
    Column("frame", Text, nullable=False, comment="hash of everything that is asked but the question itself"),
    required_text("question"),
    # Plain numbers, read as pgvector's type in the query: the table needs no extension while nobody opts in.
    Column("embedding", ARRAY(Float), nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    created_at(),
    Index(None, "organization_id", "frame"),
)
