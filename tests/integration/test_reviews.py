from __future__ import annotations

import dataclasses

import pytest

from domain.errors import InvalidInput
from store.content.items import Owner
from store.content.reviews import Approval, Outcome, Reviews
from store.database import Database

APPROVAL = Approval("posts", "post-1", 0, 1, "approve", "hash", "eva", reason="hezké")


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


async def test_a_decision_is_kept_with_who_when_and_on_what(reviews: Reviews, owner: Owner) -> None:
    await reviews.record_approval(owner, APPROVAL)
    (kept,) = await reviews.approvals(owner)
    assert dataclasses.replace(kept, decided_at=APPROVAL.decided_at) == APPROVAL
    assert kept.decided_at.year > 2000


async def test_the_same_decision_is_recorded_once(reviews: Reviews, owner: Owner) -> None:
    first = await reviews.record_approval(owner, APPROVAL)
    assert await reviews.record_approval(owner, dataclasses.replace(APPROVAL, reason="jinak")) == first
    assert [each.reason for each in await reviews.approvals(owner)] == ["hezké"]


async def test_another_decision_or_another_content_is_another_row(reviews: Reviews, owner: Owner) -> None:
    rejected = dataclasses.replace(APPROVAL, decision="reject")
    edited = dataclasses.replace(APPROVAL, content_hash="hash-2", edition=2)
    for approval in (APPROVAL, rejected, edited):
        await reviews.record_approval(owner, approval)
    assert [each.decision for each in await reviews.approvals(owner)] == ["approve", "reject", "approve"]


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


async def test_decisions_and_outcomes_of_another_organization_are_not_seen(
    reviews: Reviews, owner: Owner, stranger: Owner
) -> None:
    await reviews.record_approval(owner, APPROVAL)
    await reviews.record_outcome(owner, Outcome("image", "p", 0, "done"))
    assert await reviews.approvals(stranger) == []
    assert await reviews.outcomes(stranger) == []


async def test_reasons_from_people_may_hold_any_character(reviews: Reviews, owner: Owner) -> None:
    await reviews.record_approval(owner, dataclasses.replace(APPROVAL, reason="a\x00\ud800b"))
    await reviews.record_outcome(owner, Outcome("image", "p", 0, "failed", reason="\x00c"))
    assert (await reviews.approvals(owner))[0].reason == "ab"
    assert (await reviews.outcomes(owner))[0].reason == "c"
