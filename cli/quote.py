"""``posthub quote``: what a month will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Approve, Json, Template

if TYPE_CHECKING:
    from domain.request import RunRequest
    from runtime.quote import Quote
    from runtime.settings import Settings

Lines = Sequence[tuple[str, str, int, int, int]]


def quote(
    company: Annotated[str, typer.Option(metavar="NAME", help="The company's name.")],
    website: Annotated[str, typer.Option(metavar="URL", help="Its public website; it is not read.")],
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month to plan.")],
    posts: Annotated[int, typer.Option(help="How many blog posts.")] = 4,
    platforms: Annotated[
        str, typer.Option(help="Of instagram, linkedin, twitter, facebook, tiktok, pinterest; with commas.")
    ] = "instagram,linkedin,twitter",
    tier: Annotated[str, typer.Option(help="basic, pro (with images) or ultimate (with video).")] = "basic",
    language: Annotated[str, typer.Option(help="Language of the content, ISO 639-1.")] = "cs",
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Make images, where the tier has them.")
    ] = True,
    video: Annotated[
        bool, typer.Option("--video/--no-video", help="Make video, where the tier has it.")
    ] = True,
    videos: Annotated[int, typer.Option(help="For how many posts a clip is made.")] = 1,
    business_field: Annotated[str, typer.Option(help="As for run; changes nothing here.")] = "",
    product_type: Annotated[str, typer.Option(help="As for run; changes nothing here.")] = "",
    time_zone: Annotated[str, typer.Option(help="As for run; changes nothing here.")] = "Europe/Prague",
    template: Template = None,
    approve: Annotated[Approve, typer.Option(help="As for run; changes nothing here.")] = Approve.ASK,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="As for run; changes nothing here.")] = None,
    ceiling: Annotated[
        str | None, typer.Option(metavar="USD", help="Say so if the month is expected to cost more.")
    ] = None,
    json: Json = False,
) -> int:
    """Say what a month will cost; buys nothing.

    By step and provider; takes the arguments of `posthub run`. Expected is what this company's calls have used
    so far, or what is typical; at most is every allowed round at its token limit, without what you send back in
    a review.

    Example:
      posthub quote --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01 --tier ultimate
    """
    from cli.output import print_json
    from cli.run import checked, chosen_versions, parse_ceiling
    from cli.session import read_settings, run_async
    from cli.terminal import screen

    del approve, out
    given = {
        "company": company,
        "website": website,
        "month": month,
        "posts": posts,
        "platforms": platforms,
        "tier": tier,
        "language": language,
        "images": images,
        "video": video,
        "videos": videos,
        "business_field": business_field,
        "product_type": product_type,
        "time_zone": time_zone,
        "templates": chosen_versions(template or []),
    }
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
    from store.prices import Prices

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
    from cli.output import table
    from cli.text import clean
    from domain.money import format_usd

    numbers = ("Expected", "At most", *(("Actual",) if actual else ()))
    made = table("Step", "Provider", *numbers, right=numbers)
    for step, provider, *micros in lines:
        made.add_row(clean(step.capitalize()), clean(provider), *map(format_usd, micros[: len(numbers)]))
    sums = [sum(line[index] for line in lines) for index in (2, 3, 4)]  # type: ignore[misc]
    made.add_section()
    made.add_row("Total", "", *map(format_usd, sums[: len(numbers)]), style="bold")
    return made
