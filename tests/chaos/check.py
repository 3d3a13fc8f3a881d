"""Judges a ledger by the provider's bill. Reads SQL and the bill, and imports nothing of the product.

    python tests/chaos/check.py --database postgresql://… --bill bill.jsonl

What it knows of the product is its tables alone, so that a mistake in the product's own arithmetic cannot hide
itself here. Exit status 0: nothing to complain about.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

_ATTEMPTS = """
select a.id, a.job_id, a.organization_id, a.month, a.provider, a.model, a.state, a.basis, a.error_code,
       a.held_micro, a.provider_ref,
       coalesce(a.cost_micro, 0)
       + coalesce((select sum(d.delta_micro) from adjustments d where d.attempt_id = a.id), 0)::bigint as cost_micro
  from attempts a"""
_JOBS = """
select id, organization_id, status, output is not null as answered, output->'served'->>'cost_micro' as cost
  from jobs"""
_BUDGETS = "select organization_id, month, limit_micro, held_micro, spent_micro from budgets"

Row = Mapping[str, Any]


@dataclass
class Verdict:
    """``complaints`` is empty where everything fits; ``figures`` are for people."""

    complaints: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def blame(self, rule: str, ids: Iterable[object]) -> None:
        found = [str(each) for each in ids]
        if found:
            self.complaints.append(f"{rule}: {len(found)}, such as {', '.join(found[:3])}")


def read_bill(path: Path) -> list[Row]:
    """Return the lines of a bill; a last line without its end is no line yet."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def judge(
    attempts: list[Row], jobs: list[Row], budgets: list[Row], bill: list[Row], *, default_limit: int
) -> Verdict:
    """Compare everything with everything."""
    verdict = Verdict()
    billed: dict[str, list[Row]] = defaultdict(list)
    for line in bill:
        billed[str(line["client_request_id"])].append(line)
    _attempts_fit_the_bill(verdict, attempts, billed)
    _sums_fit(verdict, attempts, billed)
    _budgets_hold(verdict, attempts, budgets, billed, default_limit)
    _nothing_is_bought_twice(verdict, attempts, jobs)
    verdict.figures |= _figures(attempts, jobs, bill)
    return verdict


def _attempts_fit_the_bill(verdict: Verdict, attempts: list[Row], billed: Mapping[str, list[Row]]) -> None:
    known = {row["id"]: row for row in attempts}
    verdict.blame("billed and not in the ledger", (each for each in billed if each not in known))
    verdict.blame("billed twice for one attempt", (each for each, lines in billed.items() if len(lines) > 1))
    verdict.blame("still held", (row["id"] for row in attempts if row["state"] == "held"))
    by_state: dict[str, list[tuple[Row, int | None]]] = defaultdict(list)
    for row in attempts:
        lines = billed.get(row["id"])
        by_state[row["state"]].append((row, sum(each["cost_micro_usd"] for each in lines) if lines else None))
    verdict.blame(
        "settled and never billed",
        (
            f"{row['id']} ({row['provider']}/{row['model']}, {row['basis']}, {row['error_code']}: {row['cost_micro']})"
            for row, cost in by_state["settled"]
            if cost is None and row["cost_micro"]
        ),
    )
    verdict.blame(
        "settled at another cost than billed",
        (
            f"{row['id']} ({row['basis']}: {row['cost_micro']} for {cost})"
            for row, cost in by_state["settled"]
            if cost is not None and cost != row["cost_micro"]
        ),
    )
    verdict.blame(
        "void and billed", (f"{row['id']} ({row['error_code']})" for row, cost in by_state["void"] if cost)
    )
    verdict.blame(
        "lost below what was billed",
        (row["id"] for row, cost in by_state["lost"] if cost is not None and cost > row["cost_micro"]),
    )
    verdict.blame(
        "billed above its hold",
        (row["id"] for rows in by_state.values() for row, cost in rows if cost and cost > row["held_micro"]),
    )


def _sums_fit(verdict: Verdict, attempts: list[Row], billed: Mapping[str, list[Row]]) -> None:
    """What the provider bills is what is settled, and what of the lost it turns out to have billed."""
    booked: Counter[tuple[str, str, str]] = Counter()
    on_bill: Counter[tuple[str, str, str]] = Counter()
    for row in attempts:
        key = (row["organization_id"], row["month"], row["provider"])
        cost = sum(each["cost_micro_usd"] for each in billed.get(row["id"], ()))
        on_bill[key] += cost
        booked[key] += row["cost_micro"] if row["state"] == "settled" else cost
    verdict.blame("sums differ", (f"{key}" for key in booked | on_bill if booked[key] != on_bill[key]))


def _budgets_hold(
    verdict: Verdict,
    attempts: list[Row],
    budgets: list[Row],
    billed: Mapping[str, list[Row]],
    default_limit: int,
) -> None:
    booked: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in attempts:
        sums = booked[row["organization_id"], row["month"]]
        sums["spent"] += row["cost_micro"]
        sums["held"] += row["held_micro"] if row["state"] == "held" else 0
        sums["billed"] += sum(each["cost_micro_usd"] for each in billed.get(row["id"], ()))
    kept = {(row["organization_id"], row["month"]): row for row in budgets}
    verdict.blame("spent without a budget row", booked.keys() - kept.keys())
    for key, row in kept.items():
        limit = default_limit if row["limit_micro"] is None else row["limit_micro"]
        sums = booked[key]
        if (row["spent_micro"], row["held_micro"]) != (sums["spent"], sums["held"]):
            verdict.blame(
                "the budget row is not the sum of its attempts", [f"{key} {dict(row)} {dict(sums)}"]
            )
        if sums["billed"] > limit or row["spent_micro"] > limit:
            verdict.blame(
                "overspent", [f"{key}: billed {sums['billed']}, spent {row['spent_micro']} of {limit}"]
            )


def _nothing_is_bought_twice(verdict: Verdict, attempts: list[Row], jobs: list[Row]) -> None:
    useful: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for row in attempts:
        if row["state"] == "settled":
            useful[row["job_id"]] += row["error_code"] is None
            cost[row["job_id"]] += row["cost_micro"]
    verdict.blame("bought twice", (job for job, count in useful.items() if count > 1))
    verdict.blame(
        "paid and the answer not kept",
        (job["id"] for job in jobs if useful[job["id"]] and not job["answered"]),
    )
    verdict.blame(
        "an answer that nobody paid for",
        (job["id"] for job in jobs if job["answered"] and int(job["cost"] or 0) > cost[job["id"]]),
    )
    verdict.blame("still worked on", (job["id"] for job in jobs if job["status"] == "processing"))


def _figures(attempts: list[Row], jobs: list[Row], bill: list[Row]) -> dict[str, Any]:
    ids = {line["client_request_id"] for line in bill}
    lost = [row for row in attempts if row["state"] == "lost"]
    return {
        "attempts": dict(Counter(row["state"] for row in attempts)),
        "jobs": dict(Counter(job["status"] for job in jobs)),
        "billed_lines": len(bill),
        "billed_micro": sum(line["cost_micro_usd"] for line in bill),
        "settled_micro": sum(row["cost_micro"] for row in attempts if row["state"] == "settled"),
        "lost_micro": sum(row["cost_micro"] for row in lost),
        "lost_and_billed": sum(row["id"] in ids for row in lost),
        "organizations": len({row["organization_id"] for row in attempts}),
        "providers": sorted({row["provider"] for row in attempts}),
    }


def judge_database(uri: str, bill: Path, *, default_limit: int) -> Verdict:
    """Read the tables and the bill, and judge."""
    with psycopg.connect(uri, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        attempts, jobs, budgets = (
            list[Row](connection.execute(query)) for query in (_ATTEMPTS, _JOBS, _BUDGETS)
        )
    return judge(attempts, jobs, budgets, read_bill(bill), default_limit=default_limit)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--database", required=True)
    parser.add_argument("--bill", required=True, type=Path)
    parser.add_argument(
        "--default-limit", type=int, default=200_000_000, help="micro-USD; of organizations without one"
    )
    arguments = parser.parse_args()
    verdict = judge_database(arguments.database, arguments.bill, default_limit=arguments.default_limit)
    sys.stdout.write(json.dumps({"complaints": verdict.complaints, **verdict.figures}, indent=1) + "\n")
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
