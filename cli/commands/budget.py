"""``posthub budget``: what an organization may spend in a month, and a run at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.screen.terminal import Screen
    from store.money.budgets import BudgetEvent, BudgetRow

Organization = Annotated[
    str | None, typer.Option(metavar="ID", help="Whose budget; without it POSTHUB_ORGANIZATION.")
]
Month = Annotated[str | None, typer.Option(metavar="YYYY-MM", help="The month (UTC); without it this one.")]


def show(organization: Organization = None, month: Month = None, json: Json = False) -> int:
    """Show a month's budget: the limit, what is spent, what is held for calls under way, what is left.

    Examples:
      posthub budget show
      posthub budget show --organization agency-7 --month 2026-11 --json
    """
    return _work(organization, month, None, None, json=json)


def put(
    usd: Annotated[str, typer.Option(metavar="AMOUNT", help="In USD, from 0; at most six decimals.")],
    organization: Organization = None,
    month: Month = None,
    thread: Annotated[
        str | None, typer.Option(metavar="THREAD", help="A ceiling of this run instead; over all months.")
    ] = None,
    json: Json = False,
) -> int:
    """Set a month's budget, or the ceiling of one run.

    A call that does not fit is refused before it is sent. Setting less than what is spent stops every further
    call; what is under way is still booked.

    Examples:
      posthub budget set --usd 25
      posthub budget set --organization agency-7 --month 2026-12 --usd 120
      posthub budget set --thread 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --usd 3.50
    """
    from domain.errors import InvalidInput

    if thread and month:
        raise InvalidInput(
            "A run's ceiling counts over all months.",
            next_step="Leave --month or --thread out.",
            field="month",
        )
    return _work(organization, month, usd, thread, json=json)


def _work(
    organization: str | None, month: str | None, usd: str | None, thread: str | None, *, json: bool
) -> int:
    from cli.screen.terminal import screen
    from cli.session import opened_database, read_settings, run_async
    from store.content.runs import Runs
    from store.money.budgets import Budgets, parse_month, parse_usd

    shown, settings = screen(json=json), read_settings()
    micro = None if usd is None else parse_usd(usd)
    if month is not None:
        parse_month(month)
    whose = organization or settings.organization

    async def work() -> None:
        async with opened_database(settings) as database:
            budgets = Budgets(database, default_limit_micro=settings.monthly_budget_micro)
            if thread and micro is not None:
                await Runs(database).get(whose, thread)
                await budgets.set_run(whose, thread, micro)
            elif micro is not None:
                await budgets.set(whose, month or (await budgets.show(whose)).month, micro)
            row = await budgets.show(whose, month)
            _print(shown, row, await budgets.events(whose, row.month), thread, micro)

    run_async(work())
    return 0


def _print(
    shown: Screen, row: BudgetRow, events: Sequence[BudgetEvent], thread: str | None, ceiling: int | None
) -> None:
    from cli.screen.output import print_json, table
    from domain.money import format_usd

    run = {"thread_id": thread, "ceiling_micro": ceiling} if thread else None
    if shown.json:
        print_json(shown, budget_json(row, events) | ({"run": run} if run else {}))
        return
    if thread:
        shown.out.print(f"The run {thread} may spend {format_usd(ceiling or 0)}.", soft_wrap=True)
    made = table("Budget", row.month, right=(row.month,))
    made.add_row("Limit", format_usd(row.limit_micro) + ("" if row.own_limit else " (default)"))
    made.add_row("Spent", format_usd(row.spent_micro))
    made.add_row("  of it not certain", format_usd(row.unsure_micro))
    made.add_row("Held for calls under way", format_usd(row.held_micro))
    made.add_row("Left", format_usd(row.left_micro), style="bold")
    shown.out.print(made)
    for event in events:
        limit = format_usd(event.limit_micro)
        shown.out.print(f"{event.percent} % of {limit} reached on {event.happened_at:%Y-%m-%d %H:%M} UTC")


def budget_json(row: BudgetRow, events: Sequence[BudgetEvent]) -> dict[str, Any]:
    """Exact amounts in USD as text."""
    from domain.money import to_usd

    return {
        "organization": row.organization_id,
        "month": row.month,
        "limit_usd": str(to_usd(row.limit_micro)),
        "own_limit": row.own_limit,
        "spent_usd": str(to_usd(row.spent_micro)),
        "unsure_usd": str(to_usd(row.unsure_micro)),
        "lost_usd": str(to_usd(row.lost_micro)),
        "adjusted_usd": str(to_usd(row.adjusted_micro)),
        "held_usd": str(to_usd(row.held_micro)),
        "left_usd": str(to_usd(row.left_micro)),
        "events": [
            {
                "percent": event.percent,
                "limit_usd": str(to_usd(event.limit_micro)),
                "spent_usd": str(to_usd(event.spent_micro)),
                "at": event.happened_at.isoformat(),
            }
            for event in events
        ],
    }
