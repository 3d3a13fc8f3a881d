"""What the graph takes and what it gives; what it carries on the way is `domain.month.Month`."""

from __future__ import annotations

from typing_extensions import TypedDict

from domain.month import Cards
from domain.month_request import MonthInput as MonthInput  # Studio draws its form from its schema


class MonthOutput(TypedDict, total=False):
    """What a finished month is: where it lies and what became of each item."""

    run_id: str
    company_id: str
    month: str
    package: str
    personas: Cards
    topics: Cards
    blog_posts: Cards
    packages: Cards
