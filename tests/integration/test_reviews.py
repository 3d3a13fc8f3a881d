from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from store.content.items import Owner
from store.content.reviews import Outcome, Reviews
from store.database import Database
from store.text import original_text


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


async def test_a_later_outcome_of_the_same_work_replaces_the_earlier(reviews: Reviews, owner: Owner) -> None:
    failed = Outcome("image", "post-1", 0, "failed", code="AI_BUSY", reason="429", money="none")
    await reviews.record_outcome(owner, failed)
    await reviews.record_outcome(owner, Outcome("image", "post-1", 0, "done", money="spent"))
    await reviews.record_outcome(owner, Outcome("image", "post-1", 1, "skipped"))
    kept = [(each.revision, each.status, each.code, each.money) for each in await reviews.outcomes(owner)]
    assert kept == [(0, "done", "", "spent"), (1, "skipped", "", "none")]


async def test_an_outcome_of_an_unknown_kind_is_refused(reviews: Reviews, owner: Owner) -> None:
    with pytest.raises(InvalidInput, match="no outcome"):
        await reviews.record_outcome(owner, Outcome("image", "p", 0, "maybe"))


async def test_outcomes_of_another_organization_are_not_seen(
    reviews: Reviews, owner: Owner, stranger: Owner
) -> None:
    await reviews.record_outcome(owner, Outcome("image", "p", 0, "done"))
    assert await reviews.outcomes(stranger) == []


async def test_a_reason_may_hold_any_character(reviews: Reviews, owner: Owner) -> None:
    await reviews.record_outcome(owner, Outcome("image", "p", 0, "failed", reason="\x00c"))
    assert original_text((await reviews.outcomes(owner))[0].reason) == "\x00c"
