"""``posthub quote``: what a month will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.table import Table

from cli.month_options import Asked, month_command
from cli.options import Approve
from cli.screen.output import print_json, table
from cli.screen.terminal import screen
from cli.screen.text import clean
from cli.session import opened_quotes, read_settings, run_async
from domain.money import format_usd

if TYPE_CHECKING:
    from app.money.quotes import ComparedQuote, Quote


@month_command
def quote(asked: Asked) -> int:
    """Say what a month will cost; buys nothing.

    By step and provider; takes the options of `posthub run`, and the website is not read. Expected is what this
    company's calls have used so far, or what is typical; at most is every allowed round at its token limit,
    without what you send back in a review.

    Example:
      posthub quote --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01 --tier ultimate
    """
    shown, settings = screen(json=asked.json), read_settings()
    request = replace(asked, approve=Approve.NONE, out=None).request()

    async def work() -> Quote:
        async with opened_quotes(settings) as quotes:
            return await quotes.quote(request)

    found = run_async(work())
    if shown.json:
        print_json(shown, found.as_json())
        return 0
    shown.out.print(quote_table(found))
    for missing in found.left_out:
        shown.out.print(f"Left out: {clean(missing)}", style="bold yellow")
    if asked.ceiling_micro is not None and found.expected_micro > asked.ceiling_micro:
        shown.out.print("The run would stop at its ceiling before it is done.", style="bold yellow")
    if not settings.has_provider_key:
        shown.out.print("SANDBOX: without a provider key nothing is charged.", style="bold yellow")
    return 0


def quote_table(found: Quote) -> Table:
    """What each step will cost, for people."""
    lines = [(line.step, line.provider, line.expected_micro, line.worst_micro) for line in found.lines]
    return _table(("Expected", "At most"), lines)


def compared_table(found: ComparedQuote) -> Table:
    """The same with what each step really cost."""
    lines = [
        (line.step, line.provider, line.expected_micro, line.worst_micro, line.actual_micro)
        for line in found.lines
    ]
    return _table(("Expected", "At most", "Actual"), lines)


def _table(numbers: tuple[str, ...], lines: Sequence[tuple[str, str, *tuple[int, ...]]]) -> Table:
    made = table("Step", "Provider", *numbers, right=numbers)
    for step, provider, *micros in lines:
        made.add_row(clean(step.capitalize()), clean(provider), *map(format_usd, micros))
    sums = [sum(micros) for micros in zip(*(line[2:] for line in lines), strict=True)]
    made.add_section()
    made.add_row("Total", "", *map(format_usd, sums), style="bold")
    return made
