"""``posthub runs``: what there is. Loads no more than it needs, so that it answers soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.options import Json, Thread
from cli.screen.output import print_json, status_text, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import opened_services, read_settings, run_async
from domain.errors import InvalidInput

if TYPE_CHECKING:
    from app.runs import RunList
    from store.content.run_record import RunRecord

_WIDE = 120
"""Columns from which there is room for more than what is needed to go on."""


def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    json: Json = False,
) -> int:
    """List the runs, the newest first.

    Examples:
      posthub runs
      posthub runs --limit 5 --json
      posthub runs delete 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
    """
    if context.invoked_subcommand:
        return 0
    shown, settings = screen(json=json), read_settings()

    from runtime.runs import newest_runs

    _print_runs(shown, run_async(newest_runs(settings, limit=limit)))
    return 0


def delete(
    thread: Thread,
    yes: Annotated[bool, typer.Option("--yes", help="Delete it without asking.")] = False,
    json: Json = False,
) -> int:
    """Delete a run for good: texts, decisions, files, checkpoints.

    What it cost stays in the ledger. A package that you let it write into a folder of yours stays there.

    Examples:
      posthub runs delete 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub runs delete 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --yes --json
    """
    shown, settings = screen(json=json), read_settings()
    if not yes and not shown.interactive:
        raise InvalidInput(
            "It asks before it deletes, and nobody is here to answer.", next_step="Give --yes."
        )
    if not yes:
        typer.confirm(f"Delete the run {clean(thread)} for good?", abort=True, err=True)

    async def work() -> None:
        async with opened_services(shown, settings, buys=False) as services:
            gone = await services.delete_run(thread)
        if json:
            print_json(shown, gone.as_json())
            return
        shown.out.print(
            f"The run {clean(gone.thread_id)} is deleted, with {gone.files} files.", soft_wrap=True
        )
        if gone.left:
            shown.out.print(f"Its package stays in {clean(gone.left)}", soft_wrap=True)

    run_async(work())
    return 0


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
