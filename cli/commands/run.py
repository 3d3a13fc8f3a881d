"""``posthub run``, ``demo`` and ``resume``: a month, carried as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    Thread,
    Tier,
    TimeZone,
    Video,
    Videos,
    Website,
)

if TYPE_CHECKING:
    from app.months import Months
    from cli.screen.terminal import Screen
    from domain.month_request import MonthRequest
    from runtime.services import Services
    from runtime.settings import Settings


def run(
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
    r"""Make a month of content for a company.

    Research, personas, topics, blog posts, social posts, images and video; you approve on the way. Without a
    provider key, stand-in providers answer (the sandbox), so that you can try everything for nothing.

    Examples:
      posthub run --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01
      posthub run --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01 \
          --posts 4 --platforms instagram,linkedin,twitter --tier ultimate --out ./leden
      posthub run ... --approve auto --json > result.json

    Where nobody can be asked, the run stops at the first review with exit status 3; go on with
    `posthub review THREAD`. Exit status: 0 done, 1 failed, 2 bad input, 3 waits for review.
    """
    given = asked(locals())
    from cli.session import read_settings

    return start(
        given, approve, out, json=json, settings=read_settings(), ceiling_micro=parse_ceiling(ceiling)
    )


_MONTH_OPTIONS = (
    *("company", "website", "month", "posts", "platforms", "tier", "language", "images", "video", "videos"),
    *("business_field", "product_type", "time_zone"),
)


def asked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a month is asked with, of the options of ``run`` and ``quote``."""
    versions = chosen_versions(options["template"] or [])
    return {name: options[name] for name in _MONTH_OPTIONS} | {"templates": versions}


def parse_ceiling(ceiling: str | None) -> int | None:
    """Read a ceiling in USD as micro-USD; InvalidInput names the field."""
    if ceiling is None:
        return None
    from domain.money import parse_usd

    return parse_usd(ceiling, "ceiling")


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the package goes.")] = Path("out/demo"),
    approve: Annotated[
        Approve | None, typer.Option(help="ask, auto or none; without it: ask on a terminal, else auto.")
    ] = None,
    json: Json = False,
) -> int:
    """Make a sample month: no key, no cost.

    A fictional company: 4 posts for 6 platforms with images and a clip, on tier ultimate, next month. Always
    uses the sandbox, even where provider keys are set. An earlier package of PostHub in the same folder is
    replaced; anything else in it is never touched.

    Examples:
      posthub demo
      posthub demo --approve auto --out ./my-demo
    """
    from cli.sample import demo_settings, start_demo
    from cli.screen.terminal import screen
    from cli.session import read_settings

    shown = screen(json=json)
    chosen = approve or (Approve.ASK if shown.interactive else Approve.AUTO)
    return start_demo(shown, demo_settings(read_settings()), chosen, out)


def resume(
    thread: Thread,
    approve: Annotated[
        Approve, typer.Option(help="ask you in the terminal, or none: stop at a review.")
    ] = Approve.ASK,
    json: Json = False,
) -> int:
    """Let a stopped or failed run go on where it was.

    What was paid for is never bought again. A run that waits for a review asks you here, as `posthub review` does.

    Examples:
      posthub resume 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub resume 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --json
    """
    from cli.screen.terminal import screen
    from cli.session import opened, read_settings, run_async
    from domain.errors import InvalidInput

    if approve is Approve.AUTO:
        raise InvalidInput(
            "A run keeps the approval policy that it was started with.",
            next_step="Answer in the terminal (X accepts everything), or with: posthub review THREAD --decisions FILE",
        )
    shown, settings = screen(json=json), read_settings()

    async def work() -> int:
        from cli.place import refuse_foreign_out

        async with opened(shown, settings) as (services, months):
            record = await services.runs.get(settings.organization, thread)
            if record.out:
                refuse_foreign_out(Path(record.out))
            return await carry(
                shown, services, months, thread, ask=approve is Approve.ASK and shown.interactive
            )

    return run_async(work())


def chosen_versions(pairs: list[str]) -> dict[str, int | str]:
    """Read ``CODE=VERSION`` pairs; a version is a number or a label.

    Raises:
        InvalidInput: One is not written so.
    """
    from domain.errors import InvalidInput

    chosen: dict[str, int | str] = {}
    for pair in pairs:
        code, _, version = pair.partition("=")
        if not code or not version or code in chosen:
            raise InvalidInput(
                f"--template {pair[:80]!r} is not understood.", next_step="Write, say, BLOGPOST_GEN_V1=3."
            )
        chosen[code] = int(version) if version.isdecimal() and len(version) < 10 else version
    return chosen


def start(
    given: Mapping[str, Any],
    approve: Approve,
    out: Path | None,
    *,
    json: bool,
    settings: Settings,
    ceiling_micro: int | None = None,
) -> int:
    """Check what was given, start the month and carry it on; returns the exit status."""
    from cli.screen.terminal import screen
    from cli.session import opened, run_async

    shown = screen(json=json)
    request = checked(given, approve, out)

    async def work() -> int:
        async with opened(shown, settings) as (services, months):
            return await begin(shown, services, months, request, approve, out, ceiling_micro=ceiling_micro)

    return run_async(work())


def checked(given: Mapping[str, Any], approve: Approve, out: Path | None) -> MonthRequest:
    """Check everything that can be checked before a server is started or money is spent.

    Raises:
        InvalidInput: Something given cannot be used, or the package could not be written.
        LimitExceeded: The tier has less.
    """
    from datetime import UTC, datetime

    from cli.place import refuse_foreign_out
    from domain.month_request import parse

    policy = "auto" if approve is Approve.AUTO else "ask"
    request = parse({**given, "approve": policy}, today=datetime.now(UTC).date())
    if out:
        refuse_foreign_out(out)
    return request


async def begin(
    shown: Screen,
    services: Services,
    months: Months,
    request: MonthRequest,
    approve: Approve,
    out: Path | None,
    *,
    ceiling_micro: int | None = None,
) -> int:
    """Start a checked month in open services, say what it will cost, and carry it on."""
    from cli.session import working_on

    thread = await months.start(request, out=out.absolute() if out else None, ceiling_micro=ceiling_micro)
    working_on(thread)
    shown.say(f"Thread {thread}", "dim")
    quoted = await months.quoted(thread)
    if quoted:
        from cli.screen.output import quote_line

        shown.say(quote_line(quoted))
    return await carry(shown, services, months, thread, ask=approve is Approve.ASK and shown.interactive)


async def carry(
    shown: Screen, services: Services, months: Months, thread: str, *, ask: bool, answer: Any = None
) -> int:
    from cli.screen.month import Terminal

    record = await services.runs.get(services.settings.organization, thread)
    return await Terminal(services, months, shown, record, ask).go_on(answer)
