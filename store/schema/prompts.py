"""Prompt templates as data: every version is kept, labels say which one is in use."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Integer, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import created_at, metadata, required_text

prompt_templates = Table(
    "prompt_templates",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("code"),
    required_text("language"),
    Column("version", Integer, nullable=False),
    required_text("type"),
    required_text("name"),
    required_text("body"),
    Column("front_matter", JSONB, nullable=False),
    required_text("content_hash"),
    required_text("author"),
    Column("reason", Text, nullable=False, server_default=text("''")),
    created_at(),
    UniqueConstraint("code", "language", "version"),
)

prompt_labels = Table(
    "prompt_labels",
    metadata,
    Column("code", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["code", "language", "version"],
        ["prompt_templates.code", "prompt_templates.language", "prompt_templates.version"],
    ),
)
