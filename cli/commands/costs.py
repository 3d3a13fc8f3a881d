"""``posthub costs``: what was spent, from the ledger."""

from __future__ import annotations

from csv import DictWriter
from typing import Annotated, Any

import typer
from rich.table import Table

from app.money.costs import By, CostReport
from cli.commands.quote import compared_table
from cli.options import Json, Of
from cli.screen.output import print_json, table, worlds_apart
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import opened_books, read_settings, run_async
from domain.money import format_usd, parse_month


def costs(
    month: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="Booked in this month (UTC); without it, all months."),
    ] = None,
    by: Annotated[By, typer.Option(help="Sum by this; kind is the kind of job.")] = By.PROVIDER,
    thread: Annotated[str | None, typer.Option(metavar="THREAD", help="Of one run only.")] = None,
    world: Of = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: Json = False,
) -> int:
    """Show what was spent, from the ledger.

    Of a run also what had been quoted. What the sandbox made up is never summed with what real providers cost.

    "Held" is reserved for calls under way; "lost" was sent without a whole answer coming back, booked at the most
    it can have cost, and is contained in the cost. "Not certain" is estimated or at worst case until a bill
    says otherwise (`posthub reconcile`). "Saved" is what answers from the cache would have cost.

    Examples:
      posthub costs
      posthub costs --month 2026-11 --by company
      posthub costs --by day --csv > days.csv
      posthub costs --thread 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --by template --json
    """
    shown, settings = screen(json=json), read_settings()
    if month is not None:
        parse_month(month)

    async def work() -> CostReport:
        async with opened_books(settings, world=world) as books:
            return await books.costs.report(month=month, by=by, thread=thread)

    _print(shown, run_async(work()), csv=csv)
    return 0


def _print(shown: Screen, found: CostReport, *, csv: bool) -> None:
    if shown.json:
        print_json(shown, found.as_json())
    elif csv:
        _print_csv(shown, found)
    else:
        _print_tables(shown, found)
        for line in worlds_apart(found.world, found.other_micro):
            shown.out.print(line, soft_wrap=True)


def _print_tables(shown: Screen, found: CostReport) -> None:
    if not found.rows:
        shown.out.print("Nothing was spent.")
        return
    shown.out.print(costs_table(found))
    shown.out.print(f"\nNot known for certain: {found.unsure_percent} % of the cost.")
    if found.per_post_micro is not None:
        each = format_usd(found.per_post_micro)
        shown.out.print(f"Approved posts: {found.approved_posts}, {each} each.")
    if found.quoted:
        shown.out.print()
        shown.out.print(compared_table(found.quoted))


def _print_csv(shown: Screen, found: CostReport) -> None:
    rows = [{"name": "", **row} for row in found.rows_as_json()]
    writer = DictWriter(shown.out.file, list(rows[0]) if rows else ["key"], lineterminator="\n")
    writer.writeheader()
    # a name that a spreadsheet would take for a formula is text
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def costs_table(found: CostReport) -> Table:
    """The same for people; a column stands where it says something."""
    money = {
        "Held": "held_micro",
        "Lost": "lost_micro",
        "Not certain": "unsure_micro",
        "Saved": "saved_micro",
    }
    units = {
        "Tokens in": "input_tokens",
        "Tokens out": "output_tokens",
        "Images": "images",
        "Seconds": "seconds",
    }
    money = {label: name for label, name in money.items() if found.total(name)}
    numbers = ("Calls", "Cost", *money, *units)
    by = found.by.value.capitalize()
    made = table(by, *numbers, right=numbers, whole=(by,) if by in {"Provider", "Day"} else ())
    for row in found.rows:
        amounts = [_amount(getattr(row, name)) for name in money.values()]
        counts = [_count(getattr(row, name)) for name in units.values()]
        key = clean(found.names.get(row.key, row.key))
        made.add_row(key, str(row.calls), format_usd(row.cost_micro), *amounts, *counts)
    made.add_section()
    made.add_row("Total", str(found.total("calls")), format_usd(found.total("cost_micro")), style="bold")
    return made


def _amount(micro: int) -> str:
    return format_usd(micro) if micro else "–"


def _count(count: float) -> str:
    return f"{round(count, 1):,}".replace(",", " ") if count else "–"
