"""Finds the question most like another one, by pgvector, within one organization."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import StoreUnavailable
from store.database import Database
from store.text import clean_json

_EXTENSION = text("create extension if not exists vector")
_NEAREST = text("""
select question, answer, 1 - (embedding::vector <=> cast(:embedding as float8[])::vector) as likeness
  from semantic_answers
 where organization_id = :organization_id and frame = :frame and expires_at > now()
   and cardinality(embedding) = cardinality(cast(:embedding as float8[]))
 order by embedding::vector <=> cast(:embedding as float8[])::vector
 limit :limit""")
_STORE = text("""
insert into semantic_answers (id, organization_id, frame, question, embedding, answer, expires_at)
values (:id, :organization_id, :frame, :question, :embedding, cast(:answer as jsonb),
        now() + make_interval(secs => :seconds))""")
_FORGET = text(
    "delete from semantic_answers where organization_id = :organization_id and expires_at <= now()"
)


@dataclass(frozen=True, slots=True)
class Near:
    """A question that was answered before; ``likeness`` is the cosine, 1 for the same direction."""

    question: str
    likeness: float
    answer: Mapping[str, Any]


class SemanticAnswers:
    """Answers by question. ``frame`` is the hash of all else that was asked; only equal frames are compared."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ready = False

    async def nearest(
        self, organization_id: str, frame: str, embedding: Sequence[float], *, limit: int = 3
    ) -> list[Near]:
        """Return the most alike questions of this organization, the nearest first.

        Raises:
            StoreUnavailable: PostgreSQL is away, or has no pgvector.
        """
        await self._prepare()
        values = {"organization_id": organization_id, "frame": frame, "limit": limit}
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_NEAREST, values | {"embedding": list(embedding)})).all()
        return [Near(row.question, float(row.likeness), row.answer) for row in rows]

    async def store(
        self,
        organization_id: str,
        frame: str,
        question: str,
        embedding: Sequence[float],
        answer: Mapping[str, Any],
        *,
        seconds: int,
    ) -> None:
        """Keep an answer for a time; what is over its time is forgotten."""
        async with self._database.transaction() as connection:
            await connection.execute(_FORGET, {"organization_id": organization_id})
            values = {
                "id": str(uuid.uuid4()),
                "organization_id": organization_id,
                "frame": frame,
                "question": clean_json(question),
                "embedding": list(embedding),
                "answer": json.dumps(clean_json(answer), ensure_ascii=False),
                "seconds": seconds,
            }
            await connection.execute(_STORE, values)

    async def _prepare(self) -> None:
        """Switch pgvector on in this database, once; only where somebody opted in."""
        if self._ready:
            return
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_EXTENSION)
        except DBAPIError as error:
            raise StoreUnavailable(
                "PostgreSQL has no pgvector, which finding similar questions needs.",
                next_step="Install the extension vector in the database, or unset POSTHUB_SEMANTIC_CACHE.",
            ) from error
        self._ready = True
