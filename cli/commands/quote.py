"""``posthub quote``: what a month will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.options import (
    Approval,
    Approve,
    BusinessField,
    Ceiling,
    Company,
    ContentLanguage,
    Images,
    Json,
    Month,
    Out,
    Platforms,
    Posts,
    ProductType,
    Template,
    Tier,
    TimeZone,
    Video,
    Videos,
    Website,
)

if TYPE_CHECKING:
    from domain.request import RunRequest
    from runtime.quote import Quote
    from runtime.settings import Settings

Lines = Sequence[tuple[str, str, int, int, int]]


def quote(
    company: Company,
    website: Website,
    month: Month,
    posts: Posts = 4,
    platforms: Platforms = "instagram,linkedin,twitter",
    tier: Tier = "basic",
    language: ContentLanguage = "cs",
    approve: Approval = Approve.ASK,
    out: Out = None,
    json: Json = False,
    images: Images = True,
    video: Video = True,
    videos: Videos = 1,
    business_field: BusinessField = "",
    product_type: ProductType = "",
    time_zone: TimeZone = "Europe/Prague",
    template: Template = None,
    ceiling: Ceiling = None,
) -> int:
    """Say what a month will cost; buys nothing.

    By step and provider; takes the options of `posthub run`, and the website is not read. Expected is what this
    company's calls have used so far, or what is typical; at most is every allowed round at its token limit,
    without what you send back in a review.

    Example:
      posthub quote --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01 --tier ultimate
    """
    from cli.commands.run import asked, checked, parse_ceiling
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async

    given = asked(locals())
    shown, settings = screen(json=json), read_settings()
    most = parse_ceiling(ceiling)
    found = run_async(_quote(settings, checked(given, Approve.NONE, None)))
    if shown.json:
        print_json(shown, quote_json(found))
        return 0
    shown.out.print(
        quote_table([(q.step, q.provider, q.expected_micro, q.worst_micro, 0) for q in found.lines])
    )
    if most is not None and found.expected_micro > most:
        shown.out.print("The run would stop at its ceiling before it is done.", style="bold yellow")
    if not settings.has_provider_key:
        shown.out.print("SANDBOX: without a provider key nothing is charged.", style="bold yellow")
    return 0


async def _quote(settings: Settings, request: RunRequest) -> Quote:
    from dataclasses import replace

    from cli.session import opened_database
    from prompts.registry import Prompts
    from runtime.quote import quote_month
    from runtime.services import gateway_config
    from store.money.prices import Prices

    if not settings.has_provider_key:
        known = {name: replace(each, api_key="sandbox") for name, each in settings.providers.items()}
        settings = replace(settings, providers=known)
    async with opened_database(settings) as database:
        prompts = Prompts(database)
        await Prices(database).load_shipped()
        await prompts.sync_shipped()
        return await quote_month(
            request,
            settings.organization,
            database=database,
            config=gateway_config(settings),
            prompts=prompts,
        )


def quote_json(found: Quote) -> dict[str, Any]:
    """Exact amounts in USD as text."""
    from domain.money import to_usd

    return {
        "expected_usd": str(to_usd(found.expected_micro)),
        "worst_usd": str(to_usd(found.worst_micro)),
        "learned_from": list(found.learned),
        "lines": [
            {
                "step": line.step,
                "provider": line.provider,
                "calls": line.calls,
                "expected_usd": str(to_usd(line.expected_micro)),
                "worst_usd": str(to_usd(line.worst_micro)),
            }
            for line in found.lines
        ],
    }


def quote_table(lines: Lines, *, actual: bool = False) -> Any:
    """The same for people; with what it really cost where that is known."""
    from cli.screen.output import table
    from cli.screen.text import clean
    from domain.money import format_usd

    numbers = ("Expected", "At most", *(("Actual",) if actual else ()))
    made = table("Step", "Provider", *numbers, right=numbers)
    for step, provider, *micros in lines:
        made.add_row(clean(step.capitalize()), clean(provider), *map(format_usd, micros[: len(numbers)]))
    sums = [sum(line[index] for line in lines) for index in (2, 3, 4)]  # type: ignore[misc]
    made.add_section()
    made.add_row("Total", "", *map(format_usd, sums[: len(numbers)]), style="bold")
    return made
