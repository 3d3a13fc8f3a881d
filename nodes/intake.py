"""Intake: checks the request, opens the company and the run, and pins the prompt versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import LimitExceeded
from domain.month import GRAPH_VERSION, Month, Update
from domain.request import RunRequest, parse
from domain.review import Policy
from domain.tiers import tier
from nodes.work import Ports, announce
from store.content.items import Items
from store.content.runs import RunRecord
from store.content.tenants import Tenants


class RunContext(BaseModel):
    """Who runs a month, and how it is approved. In Studio this is the assistant's configuration."""

    model_config = ConfigDict(extra="ignore")

    organization: str = Field("local", description="The organization that pays.")
    tier: str = Field("ultimate", description="basic, pro or ultimate: what the organization may use.")
    approve: Policy | dict[str, Policy] = Field(
        "ask", description="ask or auto; or one of them for each of dna, personas, topics, posts, packages."
    )
    templates: dict[str, int | str] = Field(
        default_factory=dict,
        description="Prompt versions by template, as numbers or labels: BLOGPOST_GEN_V1: 3, or staging.",
    )


@dataclass(frozen=True)
class Intake:
    ports: Ports
    sandbox: bool

    async def __call__(self, state: Month, config: RunnableConfig, runtime: Runtime[RunContext]) -> Update:
        context = runtime.context or RunContext()
        today = datetime.now(UTC).date()
        asked = {"tier": context.tier, "approve": context.approve, "templates": context.templates}
        request = parse({**state, **asked}, today=today)
        run_id = str(config["configurable"]["thread_id"])
        await self.ports.prompts.check(request.language, context.organization, request.templates)
        company_id = await self._open(request, context.organization, run_id)
        chosen = await self.ports.prompts.resolve(
            request.language,
            organization=context.organization,
            company=company_id,
            wanted=request.templates,
        )
        announce("research", ["dna"])
        return {
            **request.as_json(),
            "graph_version": GRAPH_VERSION,
            "organization_id": context.organization,
            "company_id": company_id,
            "run_id": run_id,
            "not_before": today.isoformat() if request.month == f"{today:%Y-%m}" else "",
            "templates": {code: choice.version.number for code, choice in chosen.items()},
            "pins": {code: choice.pin() for code, choice in chosen.items()},
        }

    async def _open(self, request: RunRequest, organization: str, run_id: str) -> str:
        company_id = await open_company(self.ports.tenants, request, organization)
        await check_quota(self.ports.items, request, organization, company_id, run_id)
        await self.ports.runs.create(
            RunRecord(
                id=run_id,
                organization_id=organization,
                company_id=company_id,
                month=request.month,
                tier=request.tier,
                request=request.as_json(),
                sandbox=self.sandbox,
                graph_version=GRAPH_VERSION,
            )
        )
        return company_id


async def open_company(tenants: Tenants, request: RunRequest, organization: str) -> str:
    """Make the organization and the company, or bring them up to date; returns the company's id.

    Raises:
        LimitExceeded: The tier has fewer companies.
    """
    await tenants.ensure_organization(organization, request.tier)
    return await tenants.ensure_company(
        organization,
        name=request.company,
        website=request.website,
        language=request.language,
        time_zone=request.time_zone,
        business_field=request.business_field,
        product_type=request.product_type,
        max_companies=tier(request.tier).companies,
    )


async def check_quota(
    items: Items, request: RunRequest, organization: str, company_id: str, run_id: str
) -> None:
    """Hold what is asked for against what other runs of the company have planned for the month.

    Raises:
        LimitExceeded: The tier has fewer posts a month.
    """
    planned = await items.planned_count(organization, company_id, request.month, exclude_run=run_id)
    most = tier(request.tier).posts_a_month
    if planned + request.posts > most:
        raise LimitExceeded(
            f"The tier {request.tier} has {most} posts a month; {planned} are planned for {request.month} already.",
            next_step=f"Ask for at most {max(0, most - planned)} with --posts, or choose a higher tier.",
        )
