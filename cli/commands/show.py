"""``posthub show`` and ``export``: what a run made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.places import refuse_foreign_out
from cli.options import Json, Thread
from cli.screen.output import print_json
from cli.screen.summary import next_command, summary_panel
from cli.screen.terminal import screen
from cli.session import opened, read_settings, run_async


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
