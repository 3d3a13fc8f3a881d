"""``posthub runs``, ``show`` and ``export``: what there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Json, Thread

if TYPE_CHECKING:
    from rich.table import Table

    from app.runs import RunList
    from cli.screen.terminal import Screen
    from store.content.runs import RunRecord

_WIDE = 120
"""Columns from which there is room for more than what is needed to go on."""


def runs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    json: Json = False,
) -> int:
    """List the runs, the newest first.

    Examples:
      posthub runs
      posthub runs --limit 5 --json
    """
    from cli.screen.terminal import screen
    from cli.session import opened_books, read_settings, run_async

    shown, settings = screen(json=json), read_settings()

    async def work() -> RunList:
        async with opened_books(settings) as books:
            return await books.runs(limit=limit)

    _print_runs(shown, run_async(work()))
    return 0


def show(thread: Thread, json: Json = False) -> int:
    """Show what a run made, what waits, what it cost.

    Examples:
      posthub show 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub show 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --json
    """
    from cli.screen.output import next_command, print_json, summary_panel
    from cli.screen.terminal import screen
    from cli.session import opened, read_settings, run_async

    shown, settings = screen(json=json), read_settings()

    async def work() -> int:
        async with opened(shown, settings, buys=False) as (_, months):
            summary = await months.summary(thread)
        if json:
            print_json(shown, summary)
            return 0
        shown.out.print(summary_panel(summary))
        if next_command(summary):
            shown.say(next_command(summary), "bold")
        return 0

    return run_async(work())


def export(
    thread: Thread,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the package goes.")],
    json: Json = False,
) -> int:
    """Write a run's package into a folder.

    The same run gives the same bytes. An earlier package of PostHub in the folder is replaced; anything else
    in it is never touched.

    Example:
      posthub export 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --out ./leden
    """
    from cli.place import refuse_foreign_out
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.session import opened, read_settings, run_async

    shown, settings = screen(json=json), read_settings()
    refuse_foreign_out(out)

    async def work() -> int:
        async with opened(shown, settings, buys=False) as (_, months):
            written = await months.export(thread, out.absolute())
        if json:
            print_json(shown, {"thread_id": thread, "out": str(written.parent), "index": str(written)})
        else:
            shown.out.print(str(written), soft_wrap=True)
        return 0

    return run_async(work())


def _print_runs(shown: Screen, found: RunList) -> None:
    from cli.screen.output import print_json

    if shown.json:
        print_json(shown, found.as_json())
    elif not found.runs:
        shown.out.print("No runs yet. Start with: posthub demo")
    else:
        shown.out.print(_runs_table(found.runs, wide=shown.out.width >= _WIDE))


def _runs_table(found: Sequence[RunRecord], *, wide: bool) -> Table:
    from rich.text import Text

    from cli.screen.output import status_text, table
    from cli.screen.text import clean

    more = ("Tier", "Started (UTC)") if wide else ()
    made = table("Thread", "Month", "Status", *more, "Company", whole=("Thread", "Month", *more))
    for run in found:
        status = status_text(
            f"{run.standing}: {run.waiting_at}" if run.waiting_at else run.standing, run.standing
        )
        company = Text(clean(run.request["company"]))
        if run.sandbox:
            company.append(" (sandbox)", style="yellow")
        cells = (run.tier, f"{run.created_at:%Y-%m-%d %H:%M}") if wide else ()
        made.add_row(run.id, run.month, status, *cells, company)
    return made
