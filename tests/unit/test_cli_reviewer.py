from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cli.screen.reviewer import Reviewer


def _fakes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_fakes", Path(__file__).with_name("cli_fakes.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["cli_fakes"] = module
    spec.loader.exec_module(module)
    return module


fakes = _fakes()
request_of, paper, text_of, Script = fakes.request_of, fakes.paper, fakes.text_of, fakes.Script


def reviewer(keyboard: Any, screen: Any = None) -> Reviewer:
    return Reviewer(screen or paper(), keyboard, fakes.same_fields)


async def decisions(
    keyboard: Any, request: dict[str, Any], point: str = "topics"
) -> list[dict[str, Any]] | None:
    answer = await reviewer(keyboard).ask(point, request)
    assert not keyboard.keys
    return None if answer is None else answer["decisions"]


async def test_each_item_is_decided_by_one_key() -> None:
    keyboard = Script("ard", lines=("too formal",))
    assert await decisions(keyboard, request_of("t01", "t02", "t03")) == [
        {"id": "t01", "type": "approve"},
        {"id": "t02", "type": "reject", "reason": "too formal"},
        {"id": "t03", "type": "drop"},
    ]


async def test_a_rejection_without_a_reason_goes_back_to_the_question() -> None:
    keyboard = Script("ra", lines=("",))
    assert await decisions(keyboard, request_of("t01")) == [{"id": "t01", "type": "approve"}]


async def test_a_rejected_package_can_name_the_parts_to_make_again() -> None:
    keyboard = Script("r", lines=("blurred", "images, video"))
    assert await decisions(keyboard, request_of("t01"), "packages") == [
        {"id": "t01", "type": "reject", "reason": "blurred", "parts": ["images", "video"]}
    ]


async def test_accepting_all_here_leaves_earlier_decisions_as_they_are() -> None:
    keyboard = Script("dA")
    assert await decisions(keyboard, request_of("t01", "t02", "t03")) == [
        {"id": "t01", "type": "drop"},
        {"id": "t02", "type": "approve"},
        {"id": "t03", "type": "approve"},
    ]


async def test_accepting_all_here_asks_again_at_the_next_point() -> None:
    keyboard = Script("Aa")
    asked = reviewer(keyboard)
    await asked.ask("topics", request_of("t01", "t02"))
    await asked.ask("posts", request_of("t01"))
    assert keyboard.keys == []


async def test_accepting_everything_from_here_on_asks_nothing_more() -> None:
    asked = reviewer(Script("X"))
    await asked.ask("personas", request_of("p1", "p2"))
    assert await asked.ask("topics", request_of("t01")) == {"decisions": [{"id": "t01", "type": "approve"}]}


async def test_accepting_everything_leaves_out_what_failed() -> None:
    keyboard = Script("X")
    request = request_of("t01", "t02", failed=("t02",))
    assert await decisions(keyboard, request) == [
        {"id": "t01", "type": "approve"},
        {"id": "t02", "type": "drop"},
    ]


async def test_accepting_everything_ends_where_something_was_not_taken() -> None:
    keyboard = Script("Xr", lines=("again",))
    asked = reviewer(keyboard)
    await asked.ask("posts", request_of("t01"))
    answer = await asked.ask("posts", request_of("t01", problems=("t01: no",)))
    assert answer == {"decisions": [{"id": "t01", "type": "reject", "reason": "again"}]}


async def test_accepting_all_from_here_on_goes_on_at_the_next_point_whatever_was_refused_at_the_last() -> (
    None
):
    asked = reviewer(Script("X"))
    await asked.ask("personas", request_of("p1", "p2"))
    told = request_of("t01") | {"problems": ["p2: the tier basic keeps one persona."]}
    assert await asked.ask("topics", told) == {"decisions": [{"id": "t01", "type": "approve"}]}


async def test_a_failed_item_takes_no_approval() -> None:
    keyboard = Script("aed")
    assert await decisions(keyboard, request_of("t01", failed=("t01",))) == [{"id": "t01", "type": "drop"}]


async def test_what_was_not_taken_is_shown_first() -> None:
    screen = paper()
    await reviewer(Script("a"), screen).ask(
        "topics", request_of("t01", problems=("t01: the date is taken.",))
    )
    text = text_of(screen)
    assert text.index("Not taken: t01: the date is taken.") < text.index("Topics · 1 of 1")


async def test_left_for_later_is_not_asked_about_twice() -> None:
    asked = reviewer(Script("la"))
    answer = await asked.ask("posts", request_of("t01", "t02"))
    assert answer == {"decisions": [{"id": "t02", "type": "approve"}]}
    assert await asked.ask("posts", request_of("t01")) is None


async def test_stopping_without_a_decision_leaves_the_run_waiting() -> None:
    assert await decisions(Script("q"), request_of("t01", "t02")) is None


@pytest.mark.parametrize(("answer", "kept"), [("y", [{"id": "t01", "type": "approve"}]), ("n", None)])
async def test_stopping_asks_whether_decisions_already_made_are_kept(answer: str, kept: Any) -> None:
    assert await decisions(Script(f"aq{answer}"), request_of("t01", "t02")) == kept


async def test_after_stopping_nothing_is_asked_any_more() -> None:
    asked = reviewer(Script("aqy"))
    await asked.ask("posts", request_of("t01", "t02"))
    assert await asked.ask("posts", request_of("t02")) is None


async def test_going_back_asks_about_the_last_item_again() -> None:
    keyboard = Script("aba" + "d")
    assert await decisions(keyboard, request_of("t01", "t02")) == [
        {"id": "t01", "type": "approve"},
        {"id": "t02", "type": "drop"},
    ]


async def test_going_back_from_the_first_item_is_not_offered() -> None:
    screen = paper()
    await reviewer(Script("ba"), screen).ask("topics", request_of("t01"))
    assert "back" not in text_of(screen)


async def test_an_edit_sends_only_what_was_changed() -> None:
    keyboard = Script("e", edit=lambda text: text.replace("Title t01", "Nový titulek"))
    assert await decisions(keyboard, request_of("t01")) == [
        {"id": "t01", "type": "edit", "edited": {"title": "Nový titulek"}}
    ]


async def test_an_edit_without_a_change_goes_back_to_the_question() -> None:
    assert await decisions(Script("ea"), request_of("t01")) == [{"id": "t01", "type": "approve"}]


async def test_broken_yaml_is_opened_again_as_it_was_left() -> None:
    texts: list[str] = []

    def edit(text: str) -> str:
        texts.append(text)
        return "title: [broken" if len(texts) == 1 else "title: whole"

    assert await decisions(Script("e ", edit=edit), request_of("t01")) == [
        {"id": "t01", "type": "edit", "edited": {"title": "whole"}}
    ]
    assert texts[1] == "title: [broken"


async def test_a_long_article_is_shortened_and_can_be_read_whole() -> None:
    text = "\n\n".join(f"Paragraph {number}." for number in range(60))
    short, whole = paper(), paper()
    await reviewer(Script("a"), short).ask("posts", request_of("t01", text=text))
    assert "Paragraph 50." not in text_of(short)
    assert "more lines: m" in text_of(short)
    await reviewer(Script("m" + " " * 4 + "a"), whole).ask("posts", request_of("t01", text=text))
    assert all(f"Paragraph {number}." in text_of(whole) for number in range(60))


async def test_a_text_that_fits_offers_no_reading_all() -> None:
    screen = paper()
    await reviewer(Script("ma"), screen).ask("topics", request_of("t01"))
    assert "read all" not in text_of(screen)


async def test_text_from_a_website_cannot_command_the_terminal() -> None:
    screen = paper()
    await reviewer(Script("a"), screen).ask(
        "topics", request_of("t01", text="Hello \x1b]0;owned\x07 [/] [bold]x")
    )
    assert "\x1b" not in text_of(screen)
    assert "[/] [bold]x" in text_of(screen)
