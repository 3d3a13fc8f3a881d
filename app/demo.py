"""The sample month: a fictional company of the sandbox, in the first month that it does not have yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from domain.content.platforms import platforms

if TYPE_CHECKING:
    from store.content.run_record import RunRecord

TIER, POSTS = "ultimate", 4


def sample_month(company: str, website: str, month: str) -> dict[str, object]:
    """Return what the demo asks for, as `domain.month_request.parse` reads it."""
    return {
        "company": company,
        "website": website,
        "month": month,
        "posts": POSTS,
        "platforms": [platform.code for platform in platforms()],
        "tier": TIER,
        "videos": 1,
    }


def next_month(day: date) -> str:
    return f"{day.year + day.month // 12}-{day.month % 12 + 1:02}"


def free_month(month: str, company: str, runs: Sequence[RunRecord]) -> str:
    """Return the first month from a given one on that the company does not have yet on the sandbox."""
    taken = {run.month for run in runs if run.sandbox and run.request["company"] == company}
    while month in taken:
        month = next_month(date.fromisoformat(f"{month}-01"))
    return month
