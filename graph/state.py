"""What the graph takes and what it gives; what it carries on the way is `domain.month.Month`."""

from __future__ import annotations

from typing_extensions import TypedDict

from domain.month import (
    CompanyId,
    PackageCards,
    PackagePath,
    PersonaCards,
    PlannedMonth,
    PostCards,
    RunId,
    TopicCards,
)
from domain.month_request import MonthInput as MonthInput  # Studio draws its form from its schema


class MonthOutput(TypedDict, total=False):
    """What a finished month is: where it lies and what became of each item."""

    run_id: RunId
    company_id: CompanyId
    month: PlannedMonth
    package: PackagePath
    personas: PersonaCards
    topics: TopicCards
    blog_posts: PostCards
    packages: PackageCards
