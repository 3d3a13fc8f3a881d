"""``posthub reconcile``: the ledger against a provider's bill."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.money.reconcile import Reconciliation, find_bill
from app.money.reconcile import reconcile as compare
from cli.options import Json
from cli.screen.output import print_json, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean, one_line
from cli.session import opened_books, read_settings, run_async
from domain.money import format_usd, parse_month

if TYPE_CHECKING:
    from store.money.reconcile import ReconcileReport

_SHOWN = 10
"""Unexplained lines on the terminal; all of them are in the JSON."""


def reconcile(
    bill: Annotated[
        str, typer.Option(metavar="FILE|sandbox", help="A bill as JSON lines, or the sandbox's own.")
    ],
    month: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="This month (UTC) alone; without it, all of the bill."),
    ] = None,
    complete_until: Annotated[
        datetime | None,
        typer.Option(help="The bill has every charge before this moment (UTC) of the providers it mentions."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report only; book nothing.")] = False,
    json: Json = False,
) -> int:
    """Compare the ledger with a provider's bill.

    Differences that are explained are booked, each as a row of its own; what was lost is given back where the bill
    is said to be complete (`--complete-until`) and has every answered call of the provider. Lines are matched by the
    attempt's or the provider's id, else by model, moment and an amount that is at most 10 % off; a line that is a
    sum is compared with the ledger's sum. Exit status: 0 everything is explained, 1 something is not,
    2 the bill cannot be read.

    Examples:
      posthub reconcile --bill sandbox
      posthub reconcile --bill gemini-2026-11.jsonl --month 2026-11 --complete-until 2026-12-01
    """
    shown, settings = screen(json=json), read_settings()
    if month is not None:
        parse_month(month)
    file = find_bill(bill, settings.home / "sandbox" / "bill.jsonl")
    file.check()

    async def work() -> Reconciliation:
        async with opened_books(settings) as books:
            return await compare(
                books.reconciler, file, month=month, until=_utc(complete_until), book=not dry_run
            )

    found = run_async(work())
    _print(shown, found)
    return 0 if found.report.explained else 1


def _print(shown: Screen, found: Reconciliation) -> None:
    if shown.json:
        print_json(shown, found.as_json())
        return
    shown.out.print(report_table(found.report))
    for line in report_lines(found.report, booked=found.booked):
        shown.out.print(line, soft_wrap=True)


def report_table(report: ReconcileReport) -> Table:
    """The same for people, by provider."""
    numbers = ("Lines", "Billed", "Booked", "Adjusted", "Open", "Drift")
    made = table("Provider", *numbers, right=numbers)
    for each in report.providers:
        amounts = (each.billed_micro, each.booked_micro, each.adjusted_micro, each.open_micro)
        cells = (format_usd(micro) if micro else "–" for micro in amounts)
        made.add_row(clean(each.provider), str(each.lines), *cells, f"{each.drift_percent} %")
    return made


def report_lines(report: ReconcileReport, *, booked: bool) -> list[str]:
    """What the table leaves open, in sentences."""
    lines = []
    if report.adjustments:
        word = "Booked" if booked else "Would book"
        total = sum(pair.delta_micro for pair in report.adjustments)
        lines.append(f"{word} {len(report.adjustments)} adjustments, together {format_usd(total)}.")
    problems = [
        *(
            f"The bill has {format_usd(line.cost_micro)} of {line.provider} ({line.id}), the ledger has no call for it."
            for line in report.unknown_lines
        ),
        *(
            f"The ledger has {format_usd(each.cost_micro)} of {each.provider} ({each.id}), the bill has no line for it."
            for each in report.missing
        ),
        *(
            f"{line.provider} bills {format_usd(line.cost_micro)} for {line.month}, the ledger has {format_usd(micro)}."
            for line, micro in report.sums
        ),
    ]
    lines += [one_line(problem) for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more; see them all with --json")
    lines.append("Everything is explained." if report.explained else "Not everything is explained.")
    return lines


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
