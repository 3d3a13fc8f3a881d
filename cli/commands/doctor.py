"""``posthub doctor``: what a run would use, and whether it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.options import Json
from cli.screen.output import print_json, table
from cli.screen.terminal import screen
from cli.screen.text import clean
from cli.session import read_settings, run_async

if TYPE_CHECKING:
    from cli.checks import Check


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

    async def work() -> list[Check]:
        from cli.checks import check_all

        return await check_all(settings)

    checks = run_async(work())
    healthy = all(check.state != "failed" for check in checks)
    if json:
        sandbox = not settings.has_provider_key
        print_json(
            shown, {"ok": healthy, "sandbox": sandbox, "checks": [check.as_json() for check in checks]}
        )
    else:
        shown.out.print(report(checks))
    return 0 if healthy else 1


def report(checks: list[Check]) -> Table:
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
