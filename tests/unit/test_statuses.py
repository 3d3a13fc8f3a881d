"""Statuses are words of one enum each, and what is kept is their plain text."""

from __future__ import annotations

import re

import pytest

from domain.errors import PostHubError
from domain.month import OPEN, CardStatus, new_card
from domain.stages import VIDEO
from nodes.work import Task, part_of_package
from store.checkpoints import PlainSerializer
from store.content.run_record import RunStatus
from store.schema.review import OutcomeStatus, outcomes
from store.schema.runs import runs


@pytest.mark.parametrize(("table", "words"), [(outcomes, OutcomeStatus), (runs, RunStatus)])
def test_the_table_takes_exactly_the_words_of_the_enum(table: object, words: type[OutcomeStatus]) -> None:
    checks = [str(check.sqltext) for check in table.constraints if hasattr(check, "sqltext")]  # type: ignore[attr-defined]
    assert [set(re.findall(r"'(\w+)'", check)) for check in checks if check.startswith("status in")] == [
        {word.value for word in words}
    ]


def test_a_card_is_plain_text_that_comes_out_of_a_checkpoint_as_it_went_in() -> None:
    serializer = PlainSerializer()
    error = PostHubError("Rozbité.")
    parts = part_of_package(Task(VIDEO, "t01.video"), error)[VIDEO.key]["t01"]["parts"]
    for card in (new_card("Káva"), new_card("Káva", 2, "Rozbité."), parts["t01.video"]):
        assert {type(value) for value in card.values()} <= {str, int}
        assert serializer.loads_typed(serializer.dumps_typed(card)) == card


def test_what_failed_or_is_made_again_is_still_to_be_asked_about() -> None:
    assert set(CardStatus) - OPEN == {CardStatus.APPROVED, CardStatus.DROPPED}
    assert new_card("Káva", problem="Rozbité.")["status"] == CardStatus.FAILED
