"""``posthub demo``: a sample month of a fictional company."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.demo import free_month, next_month, sample_month
from cli.month_options import Asked, checked
from cli.options import Approve, Json
from cli.screen.month import begin
from cli.screen.terminal import screen
from cli.session import opened_services, read_settings, run_async
from domain.errors import InfrastructureError
from runtime.settings import DEMO_ORGANIZATION, for_demo


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
    shown, settings = screen(json=json), for_demo(read_settings())
    chosen = approve or (Approve.ASK if shown.interactive else Approve.AUTO)
    if settings.organization == DEMO_ORGANIZATION:
        shown.say(
            "Provider keys are set; the demo does not use them. Its run belongs to the organization demo."
        )
    checked(sample_month("PostHub", "https://posthub.example", next_month(_today())), chosen, out)

    async def work() -> int:
        async with opened_services(shown, settings) as services:
            if services.sandbox is None or not services.sandbox.sites:
                raise InfrastructureError(
                    "The sandbox has no sample company.", next_step="Install PostHub again."
                )
            site, months = services.sandbox.sites[0], services.months
            month = free_month(next_month(_today()), site.name, await months.runs(limit=1000))
            asked = Asked(sample_month(site.name, site.url, month), chosen, out, json, None)
            return await begin(shown, months, asked.request(), asked)

    return run_async(work())


def _today() -> date:
    return datetime.now(UTC).date()
