"""Labels: which version of a template is in production, or stands under another name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from store.database import Connection
from store.prompts import sql
from store.prompts.events import Scope
from store.prompts.templates import TemplateKey
from store.schema.prompts import prompt_labels

LabelKey = tuple[str, str, str, str, str]
"""Organization, company, code, language, label."""


@dataclass(frozen=True)
class Label:
    """A label of an organization, of one of its companies, or of everybody (both empty)."""

    name: str
    version: int
    organization_id: str
    company_id: str


async def everywhere(connection: Connection) -> dict[LabelKey, str]:
    """Return the template id on which every label of everybody stands."""
    rows = await connection.execute(select(prompt_labels))
    return {(r.organization_id, r.company_id, r.code, r.language, r.label): r.template_id for r in rows}


async def all_of(connection: Connection, organization_id: str, key: TemplateKey) -> list[Label]:
    """Return every label of a template that counts for an organization and its companies."""
    values = {"organization_id": organization_id, "code": key[0], "language": key[1]}
    rows = await connection.execute(sql("labels_of_template"), values)
    return [Label(row.label, row.version, row.organization_id, row.company_id) for row in rows]


async def version_of(connection: Connection, scope: Scope, name: str) -> int | None:
    """Return the number of the version on which a label stands."""
    found = await connection.scalar(sql("labelled_version"), {**scope.columns(), "label": name})
    return None if found is None else int(found)


async def template_of(connection: Connection, scope: Scope, name: str) -> str | None:
    """Return the id of the version on which a label stands."""
    query = select(prompt_labels.c.template_id).filter_by(**scope.columns(), label=name)
    found = await connection.scalar(query)
    return None if found is None else str(found)


async def put(connection: Connection, scope: Scope, name: str, template_id: str) -> None:
    """Put a label on a version, from wherever it stood."""
    row = {**scope.columns(), "label": name}
    statement = insert(prompt_labels).values(**row, template_id=template_id)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=list(row), set_={"template_id": template_id})
    )


async def remove(connection: Connection, scope: Scope, name: str) -> None:
    """Take a label away."""
    await connection.execute(delete(prompt_labels).filter_by(**scope.columns(), label=name))
