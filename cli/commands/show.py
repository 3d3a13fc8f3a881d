"""``posthub runs``, ``show`` and ``export``: what there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.places import refuse_foreign_out
from cli.options import Json, Thread
from cli.screen.output import next_command, print_json, status_text, summary_panel, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import opened, read_settings, run_async

if TYPE_CHECKING:
    from app.runs import RunList
    from store.content.run_record import RunRecord

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
    shown, settings = screen(json=json), read_settings()

    from runtime.runs import newest_runs

    _print_runs(shown, run_async(newest_runs(settings, limit=limit)))
    return 0


def show(thread: Thread, json: Json = False) -> int:
    """Show what a run made, what waits, what it cost.

    Examples:
      posthub show 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub show 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --json
    """
    shown, settings = screen(json=json), read_settings()

    async def work() -> int:
        async with opened(shown, settings, buys=False) as months:
            summary = (await months.summary(thread)).as_json()
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
    shown, settings = screen(json=json), read_settings()
    refuse_foreign_out(out)

    async def work() -> int:
        async with opened(shown, settings, buys=False) as months:
            written = await months.export(thread, out.absolute())
        if json:
            print_json(shown, written.as_json())
        else:
            shown.out.print(str(written.index), soft_wrap=True)
        return 0

    return run_async(work())


def _print_runs(shown: Screen, found: RunList) -> None:
    if shown.json:
        print_json(shown, found.as_json())
    elif not found.runs:
        shown.out.print("No runs yet. Start with: posthub demo")
    else:
        shown.out.print(_runs_table(found.runs, wide=shown.out.width >= _WIDE))


def _runs_table(found: Sequence[RunRecord], *, wide: bool) -> Table:
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
