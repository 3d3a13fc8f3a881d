from __future__ import annotations

from datetime import date

import pytest

from app.demo import free_month, next_month
from runtime.settings import for_demo, load
from store.content.run_record import RunRecord


def run(month: str, company: str = "Pražírna") -> RunRecord:
    return RunRecord("r", "local", "c", month, "ultimate", {"company": company}, "1", sandbox=True)


@pytest.mark.parametrize(
    ("day", "month"),
    [(date(2026, 11, 22), "2026-12"), (date(2026, 12, 1), "2027-01"), (date(2026, 1, 31), "2026-02")],
)
def test_the_demo_plans_the_next_month(day: date, month: str) -> None:
    assert next_month(day) == month


def test_the_demo_goes_on_to_a_month_that_its_company_does_not_have_yet() -> None:
    made = [run("2026-12"), run("2027-01", company="Another")]
    assert free_month("2026-12", "Pražírna", made) == "2027-01"
    assert free_month("2026-12", "Pražírna", [*made, run("2027-01")]) == "2027-02"


def test_the_demo_never_uses_a_real_key_nor_the_real_books() -> None:
    real = load({"GEMINI_API_KEY": "sk-geheim", "POSTHUB_HOME": "/tmp/x"})
    settings = for_demo(real)
    assert not settings.has_provider_key
    assert settings.organization != real.organization


def test_without_keys_the_demo_belongs_to_the_organization_that_other_commands_show() -> None:
    settings = load({"POSTHUB_HOME": "/tmp/x"})
    assert for_demo(settings) is settings
