"""The demo's month: a fictional company of the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from cli.commands.run import begin, checked
from cli.options import Approve
from cli.screen.terminal import Screen
from cli.session import opened, run_async
from domain.content.platforms import platforms
from domain.errors import InfrastructureError
from domain.tiers import tier
from runtime.settings import ProviderSettings, Settings
from store.content.runs import RunRecord

TIER, POSTS = "ultimate", 4
APART = "demo"
"""The organization of a demo where real keys are set: play money must not meet real books."""


def demo_settings(settings: Settings) -> Settings:
    """Take the provider keys away, so that the sandbox is used."""
    if not settings.has_provider_key:
        return settings
    providers = {
        name: ProviderSettings(name, provider.base_url, None) for name, provider in settings.providers.items()
    }
    return replace(settings, providers=providers, organization=APART)


def start_demo(screen: Screen, settings: Settings, approve: Approve, out: Path) -> int:
    """Run the demo; returns the exit status."""
    if settings.organization == APART:
        screen.say(
            "Provider keys are set; the demo does not use them. Its run belongs to the organization demo."
        )
    checked(_given("PostHub", "https://posthub.example", next_month(_today())), approve, out)

    async def work() -> int:
        async with opened(screen, settings) as (services, months):
            if services.sandbox is None or not services.sandbox.sites:
                raise InfrastructureError(
                    "The sandbox has no sample company.", next_step="Install PostHub again."
                )
            site = services.sandbox.sites[0]
            month = free_month(next_month(_today()), site.name, await months.runs(limit=1000))
            request = checked(_given(site.name, site.url, month), approve, out)
            return await begin(screen, services, months, request, approve, out)

    return run_async(work())


def next_month(day: date) -> str:
    return f"{day.year + day.month // 12}-{day.month % 12 + 1:02}"


def free_month(month: str, company: str, runs: Sequence[RunRecord]) -> str:
    """Return the first month from a given one on in which the tier leaves room for one more demo."""
    most = tier(TIER).posts_a_month
    while True:
        planned = sum(
            int(run.request["posts"])
            for run in runs
            if run.month == month and run.request["company"] == company
        )
        if planned + POSTS <= most:
            return month
        month = next_month(date.fromisoformat(f"{month}-01"))


def _given(company: str, website: str, month: str) -> dict[str, object]:
    return {
        "company": company,
        "website": website,
        "month": month,
        "posts": POSTS,
        "platforms": [platform.code for platform in platforms()],
        "tier": TIER,
        "videos": 1,
    }


def _today() -> date:
    return datetime.now(UTC).date()
