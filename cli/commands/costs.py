"""``posthub costs``: what was spent, from the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Json

if TYPE_CHECKING:
    from cli.screen.terminal import Screen
    from store.money.ledger import TotalRow
    from store.money.usage import UsageRecords


class By(StrEnum):
    """What costs are summed by."""

    PROVIDER = "provider"
    COMPANY = "company"
    TEMPLATE = "template"
    JOB = "job"
    KIND = "kind"
    DAY = "day"


def costs(
    month: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="Booked in this month (UTC); without it, all months."),
    ] = None,
    by: Annotated[By, typer.Option(help="Sum by this; kind is the kind of job.")] = By.PROVIDER,
    thread: Annotated[str | None, typer.Option(metavar="THREAD", help="Of one run only.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: Json = False,
) -> int:
    """Show what was spent, from the ledger.

    Of a run also what had been quoted.

    "Held" is reserved for calls under way; "lost" was sent without a whole answer coming back, booked at the most
    it can have cost, and is contained in the cost. "Not certain" is estimated or at worst case until a bill
    says otherwise (`posthub reconcile`). "Saved" is what answers from the cache would have cost.

    Examples:
      posthub costs
      posthub costs --month 2026-11 --by company
      posthub costs --by day --csv > days.csv
      posthub costs --thread 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --by template --json
    """
    from cli.screen.terminal import screen
    from cli.session import opened_database, read_settings, run_async
    from store.content.runs import Runs
    from store.money.budgets import parse_month
    from store.money.ledger import Ledger
    from store.money.usage import UsageRecords

    shown, settings = screen(json=json), read_settings()
    if month is not None:
        parse_month(month)

    async def work() -> int:
        whose = settings.organization
        async with opened_database(settings) as database:
            if thread:
                await Runs(database).get(whose, thread)
            ledger = Ledger(database, default_limit_micro=settings.monthly_budget_micro)
            records = UsageRecords(database)
            rows = await ledger.totals(whose, month=month, run_id=thread, by=by.value)
            names = await _names(database, whose, rows) if by is By.COMPANY else {}
            posts = await records.approved_posts(whose, month=month, run_id=thread)
            quoted = await _quoted(records, whose, thread) if thread else []
        found = Found({"month": month, "thread_id": thread, "by": by.value}, rows, names, posts, quoted)
        _print(shown, found, csv=csv)
        return 0

    return run_async(work())


@dataclass(frozen=True)
class Found:
    """What was asked, and what the ledger says."""

    asked: dict[str, Any]
    rows: list[TotalRow]
    names: dict[str, str]
    approved_posts: int = 0
    quoted: list[tuple[str, str, int, int, int]] = field(default_factory=list)

    def total(self, name: str) -> int:
        return sum(getattr(row, name) for row in self.rows)

    @property
    def unsure_percent(self) -> str:
        cost = self.total("cost_micro")
        return f"{100 * self.total('unsure_micro') / cost:.2f}" if cost else "0.00"

    @property
    def per_post_micro(self) -> int | None:
        return round(self.total("cost_micro") / self.approved_posts) if self.approved_posts else None


async def _quoted(records: UsageRecords, whose: str, thread: str) -> list[tuple[str, str, int, int, int]]:
    from runtime.quote import compare

    quote = await records.quote(whose, thread)
    return list(compare(quote, await records.actual(whose, thread))) if quote else []


async def _names(database: Any, organization: str, rows: list[TotalRow]) -> dict[str, str]:
    from store.content.tenants import Tenants

    tenants = Tenants(database)
    return {row.key: (await tenants.company(organization, row.key)).name for row in rows}


def _print(shown: Screen, found: Found, *, csv: bool) -> None:
    from cli.screen.output import print_json
    from domain.money import format_usd

    if shown.json:
        print_json(shown, costs_json(found))
    elif csv:
        _print_csv(shown, found)
    elif not found.rows:
        shown.out.print("Nothing was spent.")
    else:
        shown.out.print(costs_table(found))
        shown.out.print(f"\nNot known for certain: {found.unsure_percent} % of the cost.")
        if found.per_post_micro is not None:
            each = format_usd(found.per_post_micro)
            shown.out.print(f"Approved posts: {found.approved_posts}, {each} each.")
        if found.quoted:
            from cli.commands.quote import quote_table

            shown.out.print()
            shown.out.print(quote_table(found.quoted, actual=True))


def _print_csv(shown: Screen, found: Found) -> None:
    from csv import DictWriter

    rows = [{"name": "", **row} for row in _rows(found)]
    writer = DictWriter(shown.out.file, list(rows[0]) if rows else ["key"], lineterminator="\n")
    writer.writeheader()
    # a name that a spreadsheet would take for a formula is text
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _rows(found: Found) -> list[dict[str, Any]]:
    from domain.money import to_usd

    return [
        {
            "key": row.key,
            **({"name": found.names[row.key]} if row.key in found.names else {}),
            "calls": row.calls,
            "cost_usd": str(to_usd(row.cost_micro)),
            "held_usd": str(to_usd(row.held_micro)),
            "lost_usd": str(to_usd(row.lost_micro)),
            "unsure_usd": str(to_usd(row.unsure_micro)),
            "adjusted_usd": str(to_usd(row.adjusted_micro)),
            "saved_usd": str(to_usd(row.saved_micro)),
            "cache_hits": row.hits,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "images": row.images,
            "seconds": row.seconds,
        }
        for row in found.rows
    ]


def costs_json(found: Found) -> dict[str, Any]:
    """Exact amounts in USD as text, as money is never a float."""
    from domain.money import to_usd

    each = found.per_post_micro
    return {
        **found.asked,
        "rows": _rows(found),
        "total_usd": str(to_usd(found.total("cost_micro"))),
        "held_usd": str(to_usd(found.total("held_micro"))),
        "saved_usd": str(to_usd(found.total("saved_micro"))),
        "unsure_percent": found.unsure_percent,
        "approved_posts": found.approved_posts,
        "cost_per_approved_post_usd": None if each is None else str(to_usd(each)),
        "quote": [
            {
                "step": step,
                "provider": provider,
                "expected_usd": str(to_usd(expected)),
                "worst_usd": str(to_usd(worst)),
                "actual_usd": str(to_usd(actual)),
            }
            for step, provider, expected, worst, actual in found.quoted
        ],
    }


def costs_table(found: Found) -> Any:
    """The same for people; a column stands where it says something."""
    from cli.screen.output import table
    from cli.screen.text import clean
    from domain.money import format_usd

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
    by = found.asked["by"].capitalize()
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
    from domain.money import format_usd

    return format_usd(micro) if micro else "–"


def _count(count: float) -> str:
    return f"{round(count, 1):,}".replace(",", " ") if count else "–"
