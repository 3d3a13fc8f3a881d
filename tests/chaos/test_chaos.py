"""The chaos run in small, and its checker: the full run is ``make chaos``."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import check
from tests.chaos.run import Chaos, Plan, a_home

ROOT = Path(__file__).parents[2]
PRODUCT = {
    "cli",
    "web",
    "runtime",
    "graph",
    "nodes",
    "tools",
    "prompts",
    "gateway",
    "store",
    "domain",
    "sandbox",
    "tests",
}


@pytest.mark.timeout(1500)
def test_a_small_chaos_ends_with_the_ledger_equal_to_the_bill(capsys: pytest.CaptureFixture[str]) -> None:
    with a_home() as home:
        plan = Plan(seed=7, seconds=30.0, drain=400.0, at_once=25, shared=False, outage=3.0, say=print)
        verdict = Chaos(plan, home).run()
    assert verdict["complaints"] == [], verdict
    assert verdict["attempts"]["settled"] >= 10
    assert min(verdict["lives"]) > 1


def test_the_checker_imports_nothing_of_the_product() -> None:
    tree = ast.parse(Path(check.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"psycopg"}
    assert not imported & PRODUCT
    assert not any(
        isinstance(node, ast.Name) and node.id in {"__import__", "importlib"} for node in ast.walk(tree)
    )


def attempt(**other: Any) -> dict[str, Any]:
    row = {
        "id": "a-1",
        "job_id": "j-1",
        "organization_id": "org",
        "month": "2026-11",
        "provider": "gemini",
        "model": "m",
        "state": "settled",
        "basis": "usage",
        "error_code": None,
        "held_micro": 100,
        "cost_micro": 40,
        "provider_ref": None,
    }
    return row | other


JOB = {"id": "j-1", "organization_id": "org", "status": "completed", "answered": True, "cost": "40"}
BUDGET = {
    "organization_id": "org",
    "month": "2026-11",
    "limit_micro": 1000,
    "held_micro": 0,
    "spent_micro": 40,
}
LINE = {"client_request_id": "a-1", "provider": "gemini", "cost_micro_usd": 40}


def complaints(
    attempts: list[Any] | None = None, jobs: Any = None, budget: Any = None, bill: Any = None
) -> list[str]:
    given = [attempt()] if attempts is None else attempts
    lines = [LINE] if bill is None else bill
    return check.judge(given, jobs or [JOB], [BUDGET | (budget or {})], lines, default_limit=1000).complaints


def test_the_checker_has_nothing_to_say_about_books_that_are_right() -> None:
    assert complaints() == []
    lost = attempt(id="a-2", state="lost", cost_micro=100, error_code="PROCESS_ENDED")
    assert complaints([attempt(), lost], budget={"spent_micro": 140}) == []


@pytest.mark.parametrize(
    ("said", "books"),
    [
        ("billed and not in the ledger", {"bill": [LINE, LINE | {"client_request_id": "a-9"}]}),
        ("billed twice for one attempt", {"bill": [LINE, LINE]}),
        ("settled and never billed", {"bill": []}),
        ("settled at another cost", {"bill": [LINE | {"cost_micro_usd": 41}]}),
        ("sums differ", {"bill": [LINE | {"cost_micro_usd": 39}]}),
        (
            "void and billed",
            {"attempts": [attempt(state="void", cost_micro=0)], "budget": {"spent_micro": 0}},
        ),
        ("lost below", {"attempts": [attempt(state="lost", cost_micro=39)], "budget": {"spent_micro": 39}}),
        ("billed above its hold", {"attempts": [attempt(held_micro=39)]}),
        (
            "still held",
            {
                "attempts": [attempt(state="held", cost_micro=0)],
                "budget": {"held_micro": 100, "spent_micro": 0},
            },
        ),
        ("the budget row is not the sum", {"budget": {"spent_micro": 41}}),
        ("overspent", {"budget": {"limit_micro": 39}}),
        (
            "bought twice",
            {
                "attempts": [attempt(), attempt(id="a-2")],
                "bill": [LINE, LINE | {"client_request_id": "a-2"}],
                "budget": {"spent_micro": 80},
            },
        ),
        ("paid and the answer not kept", {"jobs": [JOB | {"answered": False}]}),
        ("an answer that nobody paid for", {"jobs": [JOB | {"cost": "41"}]}),
        ("still worked on", {"jobs": [JOB | {"status": "processing"}]}),
    ],
)
def test_the_checker_finds_each_way_in_which_books_can_be_wrong(said: str, books: dict[str, Any]) -> None:
    assert any(each.startswith(said) for each in complaints(**books))
