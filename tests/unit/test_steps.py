"""How calls are named, and that whoever reads a name knows every name that is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import steps
from domain.calls import Call, JobKind, TextRequest
from domain.ids import is_part_of, part_id, part_name, whole_of
from domain.steps import Asking, asking_of
from gateway.calls.structured import Unfit, ask_again
from nodes.drafting import _STEPS

CALL = Call("org", "company", "run", "pro", JobKind.GENERATE_TOPICS, "topics", "month")


def test_a_draft_is_a_first_asking_and_each_of_its_revisions_breaks_a_rule() -> None:
    assert [asking_of(step) for step in _STEPS] == [Asking.FIRST, Asking.RULES, Asking.RULES]
    assert asking_of(steps.ask_anew(1)) is Asking.RULES


@pytest.mark.parametrize(
    "step", ["", steps.DRAFT, steps.revise(2), steps.ask_anew(1), "draft/web_search-1f2e"]
)
def test_what_the_gateway_asks_again_is_read_as_an_answer_that_did_not_fit(step: str) -> None:
    request = TextRequest("writing", "", "Napiš.", 100)
    again, _ = ask_again(replace(CALL, step=step), request, "{}", Unfit(("name: missing",)))
    assert asking_of(again.step) is Asking.SCHEMA
    assert asking_of(steps.ask_elsewhere(step)) is Asking.OTHER_MODEL


@pytest.mark.parametrize("name", ["likeness", "web_search-1f2e", "again-and-again", "revise"])
def test_a_call_on_the_way_of_another_is_a_first_asking(name: str) -> None:
    assert asking_of(steps.within(steps.revise(1), name)) is Asking.FIRST


def test_names_of_steps_stay_what_paid_calls_were_kept_under() -> None:
    names = (
        steps.DRAFT,
        steps.revise(1),
        steps.ask_anew(2),
        steps.ask_again("draft"),
        steps.ask_elsewhere("draft"),
    )
    assert names == ("draft", "revise-1", "again-2", "draft/again", "draft/other")
    assert (steps.ask_again(""), steps.ask_elsewhere("")) == ("again", "other")


@pytest.mark.parametrize("part", ["linkedin", "image.16x9", "video"])
def test_a_part_knows_its_whole_and_its_own_name(part: str) -> None:
    item = part_id("t01", part)
    assert (whole_of(item), part_name(item)) == ("t01", part)
    assert is_part_of(item, "t01")
    assert not is_part_of(item, "t0")
    assert not is_part_of("t01", "t01")
