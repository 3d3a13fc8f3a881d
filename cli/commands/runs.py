"""``posthub runs``: what there is. Loads no more than it needs, so that it answers soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.options import Json
from cli.screen.output import print_json, status_text, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import read_settings, run_async

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
