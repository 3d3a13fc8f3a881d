"""The tables of PostHub, by room. Importing this package fills ``metadata`` with all of them."""

from __future__ import annotations

from store.schema import content, erasures, money, people, prompts, review, runs, tenants
from store.schema.base import metadata

__all__ = ["content", "erasures", "metadata", "money", "people", "prompts", "review", "runs", "tenants"]
