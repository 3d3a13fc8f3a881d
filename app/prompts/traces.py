"""From an item of a run to the exact prompt version that asked for it, and from a company to data for a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.errors import NotFound
from domain.ids import is_part_of
from prompts.files import TemplateFile
from store.content.items import ItemRecord, Items, ItemStatus, Kind, Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.content.tenants import CompanyRecord

_RUNS = 1_000


async def traced(
    runs: Runs, items: Items, organization: str, run_id: str, item: str = ""
) -> list[dict[str, Any]]:
    """Return every version of every item of a run with the template version, experiment and arm that asked for it.

    Args:
        runs: Where the runs are.
        items: Where their items are.
        organization: Whose run it is.
        run_id: The thread id.
        item: An item, such as ``t01``; what was made from it counts too. Empty: all.

    Raises:
        NotFound: There is no such run, or no such item in it.
    """
    run = await runs.get(organization, run_id)
    owner = Owner(run.organization_id, run.company_id, run.id)
    rows = []
    for kind in Kind:
        names = {record.item for record in await items.list_newest(owner, kind) if _meant(record, item)}
        for name in sorted(names):
            rows += [_row(kind, record) for record in await items.history(owner, kind, name)]
    if not rows:
        raise NotFound(
            f"The run has no item {item[:60]!r}.", next_step=f"See: posthub prompts trace {run_id}"
        )
    return rows


def _meant(record: ItemRecord, item: str) -> bool:
    return not item or record.item == item or is_part_of(record.item, item)


def _row(kind: Kind, record: ItemRecord) -> dict[str, Any]:
    names = ("item", "revision", "edition", "status", "author", "model")
    asked = ("template_code", "template_version", "template_language", "experiment", "arm")
    return {"kind": kind.value, **{name: getattr(record, name) for name in (*names, *asked)}}


async def company_variables(
    runs: Runs, items: Items, company: CompanyRecord, template: TemplateFile
) -> tuple[dict[str, Any], list[str]]:
    """Fill a template's variables from what a company's newest runs made.

    Returns:
        The variables, and the names of those for which the template's own examples had to do.
    """
    found: dict[str, Any] = {}
    for run in await runs.list(company.organization_id, limit=_RUNS):
        if run.company_id == company.id:
            found = {**await _of_run(items, run), **found}
        if {"dna", "personas", "topics", "blogpost"} <= set(found):
            break
    variables = {**template.examples, **_as_variables(company, found)}
    used = {name: value for name, value in variables.items() if name in template.variables}
    return used, sorted(set(template.variables) - set(_as_variables(company, found)))


async def _of_run(items: Items, run: RunRecord) -> dict[str, Any]:
    owner = Owner(run.organization_id, run.company_id, run.id)
    dna = [one for one in await items.list_newest(owner, Kind.DNA) if one.item == "dna"]
    personas = await items.list_newest(owner, Kind.PERSONA, statuses=(ItemStatus.APPROVED,))
    topics = await items.list_newest(owner, Kind.TOPIC)
    posts = await items.list_newest(owner, Kind.POST)
    made = {
        "dna": [one.content for one in dna],
        "personas": [{"item": one.item, **one.content} for one in personas],
        "topics": [one.content for one in topics],
        "blogpost": [one.content for one in posts],
    }
    return {name: values for name, values in made.items() if values}


def _as_variables(company: CompanyRecord, found: Mapping[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = {
        "company": {
            "name": company.name,
            "website": company.website,
            "business_field": company.business_field,
            "product_type": company.product_type,
            "language": company.language,
            "company_dna": found["dna"][0] if "dna" in found else None,
        }
    }
    if "topics" in found:
        variables["topic"] = found["topics"][0]
    if "personas" in found:
        meant = variables.get("topic", {}).get("personaId")
        cast = [
            (one["item"], {key: value for key, value in one.items() if key != "item"})
            for one in found["personas"]
        ]
        variables["personas"] = [persona for _, persona in cast]
        variables["persona"] = dict(cast).get(meant, cast[0][1])
    if "blogpost" in found:
        post = found["blogpost"][0]
        variables["blogpost"] = {
            "title": post["title"],
            "summary": post["metaDescription"],
            "keyTakeaways": post["keyTakeaways"],
        }
    # a first draft: nothing was sent back and nothing is to be mended
    return {**variables, "previous": None, "findings": [], "reason": ""}
