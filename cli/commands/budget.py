"""``posthub budget``: what an organization may spend in a month, and a run at all."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.money.budgets import BudgetReport
from cli.options import Json, Of
from cli.screen.output import print_json, table, worlds_apart
from cli.screen.terminal import Screen, screen
from cli.session import opened_books, read_settings, run_async
from domain.errors import InvalidInput
from domain.money import format_usd, parse_month, parse_usd
from domain.worlds import World

if TYPE_CHECKING:
    from runtime.books import Books

Organization = Annotated[
    str | None, typer.Option(metavar="ID", help="Whose budget; without it POSTHUB_ORGANIZATION.")
]
Month = Annotated[str | None, typer.Option(metavar="YYYY-MM", help="The month (UTC); without it this one.")]


def show(organization: Organization = None, month: Month = None, world: Of = None, json: Json = False) -> int:
    """Show a month's budget: the limit, what is spent, what is held for calls under way, what is left.

    Examples:
      posthub budget show
      posthub budget show --organization agency-7 --month 2026-11 --json
    """
    return _work(month, world, lambda books: books.limits(organization).show(month), json=json)


def put(
    usd: Annotated[str, typer.Option(metavar="AMOUNT", help="In USD, from 0; at most six decimals.")],
    organization: Organization = None,
    month: Month = None,
    thread: Annotated[
        str | None, typer.Option(metavar="THREAD", help="A ceiling of this run instead; over all months.")
    ] = None,
    world: Of = None,
    json: Json = False,
) -> int:
    """Set a month's budget, or the ceiling of one run.

    A call that does not fit is refused before it is sent. Setting less than what is spent stops every further
    call; what is under way is still booked. The sandbox has budgets of its own.

    Examples:
      posthub budget set --usd 25
      posthub budget set --organization agency-7 --month 2026-12 --usd 120
      posthub budget set --thread 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --usd 3.50
    """
    if thread and month:
        raise InvalidInput(
            "A run's ceiling counts over all months.",
            next_step="Leave --month or --thread out.",
            field="month",
        )
    micro = parse_usd(usd)

    def change(books: Books) -> Coroutine[Any, Any, BudgetReport]:
        limits = books.limits(organization)
        return limits.set_ceiling(thread, micro) if thread else limits.set(micro, month)

    return _work(month, world, change, json=json)


def _work(
    month: str | None,
    world: World | None,
    asked: Callable[[Books], Coroutine[Any, Any, BudgetReport]],
    *,
    json: bool,
) -> int:
    shown, settings = screen(json=json), read_settings()
    if month is not None:
        parse_month(month)

    async def work() -> BudgetReport:
        async with opened_books(settings, world=world) as books:
            return await asked(books)

    _print(shown, run_async(work()))
    return 0


def _print(shown: Screen, found: BudgetReport) -> None:
    if shown.json:
        print_json(shown, found.as_json())
        return
    row = found.row
    if found.run:
        shown.out.print(
            f"The run {found.run.thread_id} may spend {format_usd(found.run.ceiling_micro)}.", soft_wrap=True
        )
    made = table("Budget", row.month, right=(row.month,))
    made.add_row("Limit", format_usd(row.limit_micro) + ("" if row.own_limit else " (default)"))
    made.add_row("Spent", format_usd(row.spent_micro))
    made.add_row("  of it not certain", format_usd(row.unsure_micro))
    made.add_row("Held for calls under way", format_usd(row.held_micro))
    made.add_row("Left", format_usd(row.left_micro), style="bold")
    shown.out.print(made)
    for event in found.events:
        limit = format_usd(event.limit_micro)
        shown.out.print(f"{event.percent} % of {limit} reached on {event.happened_at:%Y-%m-%d %H:%M} UTC")
    for line in worlds_apart(row.world, found.other_micro):
        shown.out.print(line, soft_wrap=True)
