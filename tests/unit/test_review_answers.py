"""Answers to a review, in the three shapes in which tools send them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.review import Decision, ReviewReply, Waiting, token_of
from domain.review import parse_answer as parse

WAITING = ["t01", "t02", "t03"]


def parse_answer(answer: Any, waiting: list[str], **known: Any) -> ReviewReply:
    return parse(answer, Waiting({item: token_of(item, 0, 0, "f" * 16) for item in waiting}, **known))


def decided(answer: Any, waiting: list[str] = WAITING) -> dict[str, str]:
    return {decision.item: decision.type for decision in parse_answer(answer, waiting).decisions}


def test_decisions_by_id_may_come_in_any_order_and_may_be_partial() -> None:
    answer = {"decisions": [{"id": "t03", "type": "approve"}, {"id": "t01", "type": "drop"}]}
    assert decided(answer) == {"t03": "approve", "t01": "drop"}


def test_decisions_without_ids_follow_the_order_of_the_request() -> None:
    answer = {"decisions": [{"type": "approve"}, {"type": "reject", "message": "too long"}]}
    assert decided(answer) == {"t01": "approve", "t02": "reject"}


def test_an_edit_of_the_hitl_middleware_carries_its_fields_in_the_edited_action() -> None:
    answer = {"decisions": [{"type": "edit", "edited_action": {"name": "review", "args": {"title": "A"}}}]}
    assert parse_answer(answer, WAITING).decisions[0].edited == {"title": "A"}


def test_agent_inbox_answers_are_understood_by_position() -> None:
    answer = [{"type": "accept", "args": None}, {"type": "response", "args": "shorter"}, {"type": "ignore"}]
    parsed = parse_answer(answer, WAITING)
    assert [d.type for d in parsed.decisions] == ["approve", "reject", "later"]
    assert parsed.decisions[1].reason == "shorter"


def test_an_edit_of_agent_inbox_carries_its_fields_in_args() -> None:
    answer = [{"type": "edit", "args": {"action": "review_topics", "args": {"title": "B"}}}]
    assert parse_answer(answer, WAITING).decisions[0].edited == {"title": "B"}


def test_one_approval_alone_approves_everything_that_waits() -> None:
    assert decided({"type": "approve"}) == dict.fromkeys(WAITING, "approve")


def test_one_rejection_alone_must_name_its_item_when_several_wait() -> None:
    parsed = parse_answer({"type": "reject", "reason": "no"}, WAITING)
    assert parsed.decisions == ()
    assert "say which" in parsed.problems[0]


def test_one_rejection_alone_means_the_only_item_that_waits() -> None:
    assert decided({"type": "reject", "reason": "no"}, ["dna"]) == {"dna": "reject"}


def test_a_rejection_without_a_reason_is_asked_again() -> None:
    parsed = parse_answer({"decisions": [{"id": "t01", "type": "reject"}]}, WAITING)
    assert parsed.decisions == ()
    assert "reason" in parsed.problems[0]


def test_an_item_that_does_not_wait_is_a_problem_and_the_rest_counts() -> None:
    parsed = parse_answer(
        {"decisions": [{"id": "x9", "type": "approve"}, {"id": "t02", "type": "approve"}]}, WAITING
    )
    assert [d.item for d in parsed.decisions] == ["t02"]
    assert "'x9'" in parsed.problems[0]


def test_an_item_that_is_decided_twice_keeps_its_first_decision() -> None:
    parsed = parse_answer(
        {"decisions": [{"id": "t01", "type": "approve"}, {"id": "t01", "type": "drop"}]}, WAITING
    )
    assert [d.type for d in parsed.decisions] == ["approve"]
    assert "twice" in parsed.problems[0]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "yes",
        7,
        [],
        {},
        {"decisions": "all"},
        [1, 2],
        {"decisions": [None]},
        {"decisions": [{"type": "maybe"}]},
    ],
)
def test_an_answer_that_does_not_fit_decides_nothing_and_says_what_is_wrong(answer: Any) -> None:
    parsed = parse_answer(answer, WAITING)
    assert parsed.decisions == ()
    assert parsed.problems


def test_more_nameless_decisions_than_items_decide_nothing() -> None:
    parsed = parse_answer({"decisions": [{"type": "approve"}] * 4}, WAITING)
    assert parsed.decisions == ()
    assert "4 decisions came for 3 items" in parsed.problems[0]


def test_a_decision_that_names_an_older_version_is_told_what_became_of_it_and_by_whom() -> None:
    seen = {"decisions": [{"token": token_of("t02", 0, 1, "a" * 16), "type": "approve"}]}
    past = {"t02": "t02 was sent back by Eva Nováková at 2026-11-25 14:02 UTC: “Začni příběhem”."}
    parsed = parse_answer(seen, WAITING, past=past)
    assert (parsed.decisions, parsed.doubtful) == ((), ())
    assert "t02: the decision is about t02 (revision 0, edition 1)" in parsed.problems[0]
    assert past["t02"] in parsed.problems[0]


def test_what_does_not_wait_any_more_is_told_who_decided_it() -> None:
    past = {"t09": "t09 was approved by Eva Nováková at 2026-11-25 14:02 UTC."}
    parsed = parse_answer({"decisions": [{"id": "t09", "type": "approve"}]}, WAITING, past=past)
    assert past["t09"] in parsed.problems[0]


def test_doubt_about_one_item_leaves_the_others_and_is_none_where_the_token_is_named() -> None:
    doubts = {"t02": "t02 was sent back by Eva."}
    parsed = parse_answer({"type": "approve"}, WAITING, doubts=doubts)
    assert [each.item for each in parsed.decisions] == ["t01", "t03"]
    assert ([each.item for each in parsed.doubtful], parsed.problems) == (
        ["t02"],
        ("t02 was sent back by Eva.",),
    )
    token = token_of("t02", 0, 0, "f" * 16)
    named = parse_answer({"decisions": [{"token": token, "type": "approve"}]}, WAITING, doubts=doubts)
    assert (named.decisions, named.problems) == ((Decision("t02", "approve", token=token),), ())


def test_doubt_about_the_whole_answer_tells_what_became_of_what_waits() -> None:
    parsed = parse_answer(
        {"type": "approve"}, WAITING, doubt="It is too old.", past={"t01": "t01 was sent back."}
    )
    assert (parsed.decisions, parsed.problems) == ((), ("It is too old. t01 was sent back.",))


def test_fields_beside_another_decision_than_an_edit_are_refused_and_not_passed_over() -> None:
    answer = {"decisions": [{"id": "t01", "type": "approve", "edited": {"title": "A"}}]}
    reply = parse_answer(answer, WAITING)
    assert (reply.decisions, "approve changes no fields" in reply.problems[0]) == ((), True)


def test_an_id_that_was_changed_among_the_fields_is_refused() -> None:
    action = {"name": "review", "args": {"id": "t07", "title": "A"}}
    reply = parse_answer({"decisions": [{"type": "edit", "edited_action": action}]}, WAITING)
    assert (reply.decisions, reply.problems) == ((), ("t01: its id cannot be edited.",))
