"""What was deleted from the tables and is still to be taken away elsewhere."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, text

from store.schema.base import created_at, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("company_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True, server_default=text("''")),
    Column("file", Text, primary_key=True, server_default=text("''")),
    created_at(),
    Index(None, "organization_id", "run_id"),
)
"""A row with a file's key: that file. With a run alone: its thread and package. With neither: the company's cached
answers. Written with the deletion, gone when it is done: what was interrupted in between is known."""
