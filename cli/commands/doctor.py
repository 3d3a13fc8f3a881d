"""``posthub doctor``: what a run would use, and whether it answers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from app.doctor import Check, Checkup
from cli.options import Json
from cli.screen.output import print_json, table
from cli.screen.terminal import screen
from cli.screen.text import clean
from cli.session import read_settings, run_async

_VERB = {"ok": "changed by", "failed": "set", "off": "set"}


def doctor(json: Json = False) -> int:
    """Check what a run would use, and what to set.

    Providers, models, database, cache, files. Starts no month, costs nothing. Names the variable of the environment
    that changes a line. Exit status: 0 all that is needed answers, 1 something does not.

    Examples:
      posthub doctor
      GEMINI_API_KEY=... posthub doctor --json
    """
    shown, settings = screen(json=json), read_settings()

    async def work() -> Checkup:
        from runtime.checks import check_all

        return await check_all(settings)

    found = run_async(work())
    if json:
        print_json(shown, found.as_json())
    else:
        shown.out.print(report(found.checks))
    return 0 if found.ok else 1


def report(checks: Sequence[Check]) -> Table:
    """The checks as a table for people."""
    styles = {"ok": "green", "failed": "bold red", "off": "dim"}
    made = table("", "Part", "What a run would use")
    for check in checks:
        says = Text(clean(check.uses))
        if check.detail:
            says.append(f"\n{clean(check.detail)}", style="red" if check.state == "failed" else "dim")
        if check.set and check.set not in check.detail:
            says.append(
                f"\n{_VERB[check.state]} {check.set}", style="bold" if check.state == "failed" else "dim"
            )
        made.add_row(Text(check.state, style=styles[check.state]), check.part, says)
    return made
