"""``posthub costs``: what was spent, from the ledger."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Json

if TYPE_CHECKING:
    from rich.table import Table

    from cli.terminal import Screen
    from store.ledger import TotalRow

_COLUMNS = ("Calls", "Cost", "Held", "Lost", "Tokens in", "Tokens out", "Images", "Seconds")
_NARROW, _WIDE = 4, 116
"""Columns of figures on a narrow terminal, and from which width on there is room for all."""
_MONTH = r"\d{4}-(0[1-9]|1[0-2])"


class By(StrEnum):
    """What costs are summed by."""

    PROVIDER = "provider"
    COMPANY = "company"
    TEMPLATE = "template"
    JOB = "job"
    KIND = "kind"


def costs(
    month: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="Booked in this month (UTC); without it, all months."),
    ] = None,
    by: Annotated[By, typer.Option(help="Sum by this; kind is the kind of job.")] = By.PROVIDER,
    thread: Annotated[str | None, typer.Option(metavar="THREAD", help="Of one run only.")] = None,
    json: Json = False,
) -> int:
    """Show what was spent, from the ledger.

    "Held" is reserved for calls under way; "lost" was sent without a whole answer coming back, booked at the most
    it can have cost, and is contained in the cost.

    Examples:
      posthub costs
      posthub costs --month 2026-11 --by company
      posthub costs --thread 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --by template --json
    """
    import re

    from cli.session import opened_database, read_settings, run_async
    from cli.terminal import screen
    from domain.errors import InvalidInput
    from store.ledger import Ledger
    from store.runs import Runs

    shown, settings = screen(json=json), read_settings()
    if month is not None and not re.fullmatch(_MONTH, month):
        raise InvalidInput(
            f"The month {month[:40]!r} is not of the form YYYY-MM.", next_step="Use, say, 2026-11."
        )

    async def work() -> int:
        async with opened_database(settings) as database:
            if thread:
                await Runs(database).get(settings.organization, thread)
            ledger = Ledger(database, default_limit_micro=settings.monthly_budget_micro)
            rows = await ledger.totals(settings.organization, month=month, run_id=thread, by=by.value)
            names = await _names(database, settings.organization, rows) if by is By.COMPANY else {}
        _print(shown, {"month": month, "thread_id": thread, "by": by.value}, rows, names)
        return 0

    return run_async(work())


async def _names(database: Any, organization: str, rows: list[TotalRow]) -> dict[str, str]:
    from store.tenants import Tenants

    tenants = Tenants(database)
    return {row.key: (await tenants.company(organization, row.key)).name for row in rows}


def _print(shown: Screen, asked: dict[str, Any], rows: list[TotalRow], names: dict[str, str]) -> None:
    from cli.output import print_json

    if shown.json:
        print_json(shown, costs_json(asked, rows, names))
    elif rows:
        shown.out.print(costs_table(asked["by"], rows, names, wide=shown.out.width >= _WIDE))
    else:
        shown.out.print("Nothing was spent.")


def costs_json(asked: dict[str, Any], rows: list[TotalRow], names: dict[str, str]) -> dict[str, Any]:
    """Exact amounts in USD as text, as money is never a float."""
    from domain.money import to_usd

    return {
        **asked,
        "rows": [
            {
                "key": row.key,
                **({"name": names[row.key]} if row.key in names else {}),
                "calls": row.calls,
                "cost_usd": str(to_usd(row.cost_micro)),
                "held_usd": str(to_usd(row.held_micro)),
                "lost_usd": str(to_usd(row.lost_micro)),
                "input_tokens": row.input_tokens,
                "output_tokens": row.output_tokens,
                "images": row.images,
                "seconds": row.seconds,
            }
            for row in rows
        ],
        "total_usd": str(to_usd(sum(row.cost_micro for row in rows))),
        "held_usd": str(to_usd(sum(row.held_micro for row in rows))),
    }


def costs_table(by: str, rows: list[TotalRow], names: dict[str, str], *, wide: bool) -> Table:
    """The same for people; a narrow one leaves out what was consumed."""
    from cli.output import table
    from cli.text import clean
    from domain.money import format_usd

    key, shown = by.capitalize(), _COLUMNS if wide else _COLUMNS[:_NARROW]
    made = table(key, *shown, right=shown, whole=shown if names else (key, *shown))
    for row in rows:
        made.add_row(clean(names.get(row.key, row.key)), *_cells(row)[: len(shown)])
    total = format_usd(sum(row.cost_micro for row in rows))
    made.add_section()
    made.add_row("Total", str(sum(row.calls for row in rows)), total, style="bold")
    return made


def _cells(row: TotalRow) -> list[str]:
    from domain.money import format_usd

    def shown(micro: int) -> str:
        return format_usd(micro) if micro else "–"

    counts = [row.input_tokens, row.output_tokens, row.images, round(row.seconds, 1)]
    amounts = [format_usd(row.cost_micro), shown(row.held_micro), shown(row.lost_micro)]
    return [str(row.calls), *amounts, *(f"{count:,}".replace(",", " ") if count else "–" for count in counts)]
