"""A version of an item as it is kept, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row

from domain.calls import NO_TEMPLATE
from domain.errors import InvalidInput
from domain.ids import content_hash
from domain.month import Version
from domain.stages import Kind
from store.text import fold_key, storable_json, storable_text


@dataclass(frozen=True)
class Owner:
    """Whose rows: every read and write is limited to this organization, and to this run."""

    organization_id: str
    company_id: str
    run_id: str


@dataclass(frozen=True)
class ItemRecord:
    """One version of one item. ``content`` is plain JSON as its domain model dumps it."""

    id: str
    kind: Kind
    item: str
    revision: int
    edition: int
    status: str
    content: dict[str, Any]
    content_hash: str
    findings: tuple[str, ...]
    author: str
    template_code: str | None
    template_version: int | None
    template_language: str | None
    experiment: str | None
    arm: str | None
    model: str | None
    created_at: datetime

    @property
    def version(self) -> Version:
        """Which of the item's contents this is, as cards name it."""
        return {"revision": self.revision, "edition": self.edition, "hash": self.content_hash}


def record(kind: Kind, row: Row[Any]) -> ItemRecord:
    """Return a row of a kind's table as a record."""
    return ItemRecord(
        id=row.id,
        kind=kind,
        item=row.item,
        revision=row.revision,
        edition=row.edition,
        status=row.status,
        content=row.content,
        content_hash=row.content_hash,
        findings=tuple(row.findings),
        author=row.author,
        **{column: getattr(row, column) for column in NO_TEMPLATE},
        model=row.model,
        created_at=row.created_at.astimezone(UTC),
    )


def values_of(
    owner: Owner, kind: Kind, item: str, revision: int, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a row's columns but for its id, its edition and who made it.

    Raises:
        InvalidInput: The content is no plain JSON.
    """
    cleaned = storable_json(dict(content))
    return {
        "organization_id": owner.organization_id,
        "company_id": owner.company_id,
        "run_id": owner.run_id,
        "item": storable_text(item),
        "revision": revision,
        "content": cleaned,
        "content_hash": content_hash(cleaned),
        **_searchable(kind, cleaned),
    }


def _searchable(kind: Kind, content: dict[str, Any]) -> dict[str, Any]:
    """Fill the columns that queries ask for from the content."""
    if kind is Kind.TOPIC:
        return {
            "planned_date": _date(content.get("plannedDate")),
            "title_key": fold_key(str(content.get("title", ""))),
            "focus_key": fold_key(str(content.get("focusKeyword", ""))),
        }
    if kind is Kind.POST:
        return {"slug": content.get("slug"), "word_count": content.get("wordCount")}
    return {}


def _date(value: Any) -> date | None:
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise InvalidInput(
            f"The planned date {value!r} is no date.", next_step="Write it as YYYY-MM-DD."
        ) from error
