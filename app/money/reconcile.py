"""The ledger against a provider's bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.money import parse_month, usd_text
from domain.worlds import World
from store.money.bill import read_bill

if TYPE_CHECKING:
    from store.money.reconcile import ProviderReport, Reconciler, ReconcileReport


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the comparison found; ``booked`` whether the adjustments were written."""

    report: ReconcileReport
    booked: bool

    def as_json(self) -> dict[str, Any]:
        report = self.report
        return {
            "bill": report.bill,
            "month": report.month,
            "explained": report.explained,
            "booked": self.booked,
            "providers": [_provider(each) for each in report.providers],
            "adjustments": _adjustments(report),
            "unknown_lines": [
                {
                    "id": line.id,
                    "provider": line.provider,
                    "model": line.model,
                    "cost_usd": usd_text(line.cost_micro),
                }
                for line in report.unknown_lines
            ],
            "not_on_the_bill": [
                {"attempt_id": each.id, "provider": each.provider, "cost_usd": usd_text(each.cost_micro)}
                for each in report.missing
            ],
            "sums": _sums(report),
        }


def _provider(each: ProviderReport) -> dict[str, Any]:
    return {
        "provider": each.provider,
        "lines": each.lines,
        "billed_usd": usd_text(each.billed_micro),
        "booked_usd": usd_text(each.booked_micro),
        "adjusted_usd": usd_text(each.adjusted_micro),
        "open_usd": usd_text(each.open_micro),
        "drift_percent": str(each.drift_percent),
    }


def _adjustments(report: ReconcileReport) -> list[dict[str, Any]]:
    return [
        {
            "attempt_id": pair.attempt.id,
            "organization_id": pair.attempt.organization_id,
            "provider": pair.attempt.provider,
            "state": pair.attempt.state,
            "delta_usd": usd_text(pair.delta_micro),
            "bill_line": pair.line.id if pair.line else None,
        }
        for pair in report.adjustments
    ]


def _sums(report: ReconcileReport) -> list[dict[str, Any]]:
    return [
        {
            "provider": line.provider,
            "month": line.month,
            "billed_usd": usd_text(line.cost_micro),
            "booked_usd": usd_text(micro),
        }
        for line, micro in report.sums
    ]


@dataclass(frozen=True, slots=True)
class BillFile:
    """A bill to compare with; ``sandbox`` where it is the stand-ins' own, which goes on being written."""

    path: Path
    sandbox: bool

    def check(self) -> None:
        """Read a bill that is whole, so that one which cannot be read starts nothing.

        Raises:
            InvalidInput: It cannot be read, or a line of it cannot be used.
        """
        if not self.sandbox:
            read_bill(self.path)


def find_bill(bill: str, own: Path) -> BillFile:
    """Return the bill that a person means: a file, or with ``sandbox`` the sandbox's ``own``."""
    path = own if bill == "sandbox" else Path(bill).expanduser()
    return BillFile(path, path.resolve() == own.resolve())


async def reconcile(
    reconciler: Reconciler,
    bill: BillFile,
    *,
    month: str | None = None,
    until: datetime | None = None,
    book: bool = True,
) -> Reconciliation:
    """Compare the ledger with a bill and book what differs.

    Args:
        reconciler: The ledger's side.
        bill: The provider's side.
        month: This month alone, ``YYYY-MM`` (UTC).
        until: Up to when the bill has every charge of the providers that it mentions, where somebody says so.
        book: False to report only.

    Raises:
        InvalidInput: The bill cannot be read, or there is no such month.
    """
    if month is not None:
        parse_month(month)
    # Taken first: whatever was closed before it is on the bill that is read after it.
    if bill.sandbox:
        until = await reconciler.now()
    read, world = read_bill(bill.path, until=until, whole=bill.sandbox), World.of(sandbox=bill.sandbox)
    found = await reconciler.run(read, world=world, month=month, book=book)
    return Reconciliation(found, booked=book)
