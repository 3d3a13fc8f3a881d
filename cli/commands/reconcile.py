"""``posthub reconcile``: the ledger against a provider's bill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Json

if TYPE_CHECKING:
    from cli.screen.terminal import Screen
    from runtime.settings import Settings
    from store.money.bill import Bill
    from store.money.reconcile import Of, ReconcileReport

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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report only; book nothing.")] = False,
    json: Json = False,
) -> int:
    """Compare the ledger with a provider's bill.

    Differences that are explained are booked, each as a row of its own; what was lost and is not on the bill is
    given back. Lines are matched by the attempt's or the provider's id, else by model, moment and amount; a line
    that is a sum is compared with the ledger's sum. Exit status: 0 everything is explained, 1 something is not,
    2 the bill cannot be read.

    Examples:
      posthub reconcile --bill sandbox
      posthub reconcile --bill gemini-2026-11.jsonl --month 2026-11 --dry-run
    """
    from cli.screen.terminal import screen
    from cli.session import opened_database, read_settings, run_async
    from domain.money import parse_month

    shown, settings = screen(json=json), read_settings()
    if month is not None:
        parse_month(month)

    async def work() -> ReconcileReport:
        from store.money.ledger import Ledger
        from store.money.reconcile import Reconciler

        path, of = _place(bill, settings)
        if of == "providers":
            _read(path, None)  # a bill that cannot be read starts no server
        async with opened_database(settings) as database:
            ledger = Ledger(database, default_limit_micro=settings.monthly_budget_micro)
            reconciler = Reconciler(database, ledger)
            # Taken first: whatever was closed before it is on the bill that is read after it.
            until = await reconciler.now() if of == "sandbox" else None
            return await reconciler.run(_read(path, until), of=of, month=month, book=not dry_run)

    report = run_async(work())
    _print(shown, report, booked=not dry_run)
    return 0 if report.explained else 1


def _place(bill: str, settings: Settings) -> tuple[Path, Of]:
    own = settings.home / "sandbox" / "bill.jsonl"
    path = own if bill == "sandbox" else Path(bill).expanduser()
    return path, "sandbox" if path.resolve() == own.resolve() else "providers"


def _read(path: Path, until: Any) -> Bill:
    from store.money.bill import read_bill

    return read_bill(path, until=until)


def _print(shown: Screen, report: ReconcileReport, *, booked: bool) -> None:
    from cli.screen.output import print_json

    if shown.json:
        print_json(shown, report_json(report, booked=booked))
        return
    shown.out.print(report_table(report))
    for line in report_lines(report, booked=booked):
        shown.out.print(line, soft_wrap=True)


def report_json(report: ReconcileReport, *, booked: bool) -> dict[str, Any]:
    """Exact amounts in USD as text."""
    from domain.money import to_usd

    def usd(micro: int) -> str:
        return str(to_usd(micro))

    return {
        "bill": report.bill,
        "month": report.month,
        "explained": report.explained,
        "booked": booked,
        "providers": [
            {
                "provider": each.provider,
                "lines": each.lines,
                "billed_usd": usd(each.billed_micro),
                "booked_usd": usd(each.booked_micro),
                "adjusted_usd": usd(each.adjusted_micro),
                "open_usd": usd(each.open_micro),
                "drift_percent": str(each.drift_percent),
            }
            for each in report.providers
        ],
        "adjustments": [
            {
                "attempt_id": pair.attempt.id,
                "organization_id": pair.attempt.organization_id,
                "provider": pair.attempt.provider,
                "state": pair.attempt.state,
                "delta_usd": usd(pair.delta_micro),
                "bill_line": pair.line.id if pair.line else None,
            }
            for pair in report.adjustments
        ],
        "unknown_lines": [
            {"id": line.id, "provider": line.provider, "model": line.model, "cost_usd": usd(line.cost_micro)}
            for line in report.unknown_lines
        ],
        "not_on_the_bill": [
            {"attempt_id": each.id, "provider": each.provider, "cost_usd": usd(each.cost_micro)}
            for each in report.missing
        ],
        "sums": [
            {
                "provider": line.provider,
                "month": line.month,
                "billed_usd": usd(line.cost_micro),
                "booked_usd": usd(micro),
            }
            for line, micro in report.sums
        ],
    }


def report_table(report: ReconcileReport) -> Any:
    """The same for people, by provider."""
    from cli.screen.output import table
    from cli.screen.text import clean
    from domain.money import format_usd

    numbers = ("Lines", "Billed", "Booked", "Adjusted", "Open", "Drift")
    made = table("Provider", *numbers, right=numbers)
    for each in report.providers:
        amounts = (each.billed_micro, each.booked_micro, each.adjusted_micro, each.open_micro)
        cells = (format_usd(micro) if micro else "–" for micro in amounts)
        made.add_row(clean(each.provider), str(each.lines), *cells, f"{each.drift_percent} %")
    return made


def report_lines(report: ReconcileReport, *, booked: bool) -> list[str]:
    """What the table leaves open, in sentences."""
    from cli.screen.text import one_line
    from domain.money import format_usd

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
