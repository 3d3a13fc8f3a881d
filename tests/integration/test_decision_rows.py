"""A decision is a row: who, when, on what exactly, and how far it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from store.content.decisions import Decided, Decisions
from store.content.items import Owner
from store.database import Database
from store.text import original_json

GIVEN = Decided(
    "posts", "t01", 1, 0, "reject", "5f0c", "eva", reason="Začni příběhem", token="t01.post-1-0-5f0c"
)
NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)


@pytest.fixture
def decisions(database: Database) -> Decisions:
    return Decisions(database)


async def accept(decisions: Decisions, owner: Owner, row: Decided, checkpoint: str = "c1") -> None:
    await decisions.accept(owner, row.id, edition=2, content_hash="whole", checkpoint=checkpoint, at=NOW)


async def test_a_decision_is_kept_with_who_when_and_on_what_before_anything_is_done(
    decisions: Decisions, owner: Owner
) -> None:
    full = replace(GIVEN, edited={"title": "Káva"}, parts=("images",), request="run-9")
    await decisions.record(owner, [full])
    (kept,) = await decisions.recorded(owner)
    assert replace(kept, id="", decided_at=full.decided_at) == full
    assert kept.decided_at.year > 2000
    assert await decisions.accepted(owner) == []


async def test_of_two_decisions_on_one_token_the_first_stands(decisions: Decisions, owner: Owner) -> None:
    (first,) = await decisions.record(owner, [GIVEN])
    (again,) = await decisions.record(owner, [replace(GIVEN, decision="approve", decided_by="adam")])
    assert (again.id, again.decided_by) == (first.id, "eva")
    assert len(await decisions.all(owner)) == 1


async def test_what_was_accepted_is_carried_out_again_only_where_the_thread_has_not_moved_on(
    decisions: Decisions, owner: Owner
) -> None:
    (row,) = await decisions.record(owner, [GIVEN])
    await accept(decisions, owner, row)
    assert [each.id for each in await decisions.to_carry_out(owner, "posts", "c1")] == [row.id]
    assert await decisions.to_carry_out(owner, "posts", "c2") == []
    assert await decisions.to_carry_out(owner, "packages", "c1") == []
    (kept,) = await decisions.accepted(owner)
    assert (kept.edition, kept.content_hash, kept.settled_at) == (2, "whole", NOW)


async def test_what_was_refused_stands_for_nothing_and_may_be_decided_again(
    decisions: Decisions, owner: Owner
) -> None:
    (row,) = await decisions.record(owner, [GIVEN])
    await decisions.refuse(owner, row.id, "The date is taken.", NOW)
    assert await decisions.to_carry_out(owner, "posts", "c1") == []
    await accept(decisions, owner, row)
    (kept,) = await decisions.all(owner)
    assert (kept.state, kept.problem) == ("refused", "The date is taken."), "and is never accepted after all"
    (again,) = await decisions.record(owner, [GIVEN])
    assert again.id != row.id


async def test_decisions_of_another_organization_are_neither_seen_nor_changed(
    decisions: Decisions, owner: Owner, stranger: Owner
) -> None:
    (row,) = await decisions.record(owner, [GIVEN])
    assert await decisions.all(stranger) == []
    await decisions.refuse(stranger, row.id, "no", NOW)
    assert (await decisions.all(owner))[0].state == "recorded"


async def test_reasons_from_people_may_hold_any_character(decisions: Decisions, owner: Owner) -> None:
    await decisions.record(owner, [replace(GIVEN, reason="a\x00\ud800b", edited={"title": "\x00c"})])
    (kept,) = await decisions.all(owner)
    assert original_json([kept.reason, kept.edited]) == ["a\x00\ud800b", {"title": "\x00c"}]
