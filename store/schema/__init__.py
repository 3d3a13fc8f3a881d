"""The tables of PostHub, by room. Importing this package fills ``metadata`` with all of them."""

from __future__ import annotations

from store.schema import content, erasures, money, people, prompts, review, runs, tenants
from store.schema.base import metadata

VIEWS = ("ledger_entries", "usage_records", "usage_by_provider")
"""What the migrations make beside the tables; each shows its reader's rows alone."""

__all__ = [
    "VIEWS",
    "content",
    "erasures",
    "metadata",
    "money",
    "people",
    "prompts",
    "review",
    "runs",
    "tenants",
]
