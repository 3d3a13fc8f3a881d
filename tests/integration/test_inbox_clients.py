"""Agent Inbox and agent-chat-ui, in the shapes that they send, at every review point of a real month."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from domain.stages import Kind
from tests.inbox_clients import AgentChat, AgentInbox, as_typed, buttons
from tests.integration.test_decisions import Desk, desk, now_ms

__all__ = ["desk"]

CLIENTS = pytest.mark.parametrize("client", [AgentInbox(), AgentChat()], ids=["agent-inbox", "agent-chat-ui"])
POINTS = ("dna", "personas", "topics", "posts", "packages")
KINDS = {
    "dna": Kind.DNA,
    "personas": Kind.PERSONA,
    "topics": Kind.TOPIC,
    "posts": Kind.POST,
    "packages": Kind.SOCIAL,
}


def typed(point: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """What a person types over of the first item."""
    if point == "packages":
        texts = {
            code: {**text, "ctaText": "Napište nám ještě dnes."} for code, text in fields["social"].items()
        }
        return {"social": as_typed(texts)}
    return {
        "dna": {"values": '["poctivost, i v malém","klid"]', "tone_formal_casual": "61"},
        "personas": {"colorPalette": '["#112233","#445566"]', "age": "44"},
        "topics": {"keywords": '["čerstvá káva","pražení"]', "subtitle": "Od zrnka k šálku"},
        "posts": {"body": str(fields.get("body")).replace("\n\n", "\n\nTohle připsal člověk.\n\n", 1)},
    }[point]


def fixed(point: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """What a person types into a field that cannot be edited."""
    return {
        "dna": {"sources": "[]"},
        "topics": {"item": "t09"},
        "posts": {"wordCount": "900"},
        "packages": {"assets": "[]"},
    }.get(point, {})


def holds(point: str, content: Mapping[str, Any]) -> bool:
    """Whether what is stored is what was typed."""
    wanted: dict[str, Mapping[str, Any]] = {
        "dna": {"values": ["poctivost, i v malém", "klid"], "tone_formal_casual": 61},
        "personas": {"colorPalette": ["#112233", "#445566"], "age": 44},
        "topics": {"keywords": ["čerstvá káva", "pražení"], "subtitle": "Od zrnka k šálku"},
        "packages": {"ctaText": "Napište nám ještě dnes."},
    }
    if point == "posts":
        return "Tohle připsal člověk." in json.dumps(content["sections"], ensure_ascii=False)
    return all(content[name] == value for name, value in wanted[point].items())


async def answer(desk: Desk, thread: str, given: Any) -> Any:
    """Answer as over a server, and return what is asked then; None at the end of the month."""
    await desk.send(thread, given, now_ms())
    waiting = await desk.months.waiting(thread)
    return waiting.request if waiting else None


@CLIENTS
async def test_at_every_point_an_edit_is_kept_as_it_was_meant_and_a_fixed_field_is_refused_in_words(
    desk: Desk, client: Any
) -> None:
    thread = await desk.start(posts=1, platforms="linkedin", video=False)
    for point in POINTS:
        request = await desk.approve_until(thread, point)
        fields = request["action_requests"][0]["args"]
        for name, text in fixed(point, fields).items():
            refused = await answer(desk, thread, client.edit(request, **{name: text}))
            assert f"{fields['id']}: {name} cannot be edited" in refused["problems"][0]
            assert refused["action_requests"][0] == request["action_requests"][0]
        again = await answer(desk, thread, client.ignore(request)) if hasattr(client, "ignore") else request
        assert again["action_requests"] == request["action_requests"]
        after = await answer(desk, thread, client.reset_and_edit(request, **typed(point, fields)))
        assert after is None or after["problems"] == []
        records = await desk.services.items.list_newest(await desk.owner(thread), KINDS[point])
        edited = [each for each in records if each.edition]
        assert [holds(point, each.content) for each in edited] == [True]
    assert (await desk.months.summary(thread)).status == "done"


@CLIENTS
async def test_at_every_point_a_rejection_is_made_again_and_an_acceptance_goes_on(
    desk: Desk, client: Any
) -> None:
    thread = await desk.start(posts=1, platforms="linkedin", images=False, video=False)
    for point in POINTS:
        request = await desk.approve_until(thread, point)
        first = request["items"][0]
        again = await answer(desk, thread, client.reject(request, "Ať to zní méně úředně."))
        assert (again["point"], again["problems"]) == (point, [])
        assert again["tokens"][first] != request["tokens"][first]
        after = await answer(desk, thread, client.accept(again))
        assert after is None or after["problems"] == []
        assert after is None or first not in after["items"]
    assert (await desk.months.summary(thread)).status == "done"


async def test_a_text_that_is_no_whole_list_is_refused_and_not_split_at_its_commas(desk: Desk) -> None:
    thread = await desk.start(posts=1, images=False, video=False)
    request = await desk.approve_until(thread, "personas")
    refused = await answer(desk, thread, AgentInbox().edit(request, colorPalette='["#112233","#445566"'))
    assert "colorPalette: the text is not the JSON that belongs there" in refused["problems"][0]
    assert refused["tokens"] == request["tokens"]


async def test_each_item_has_buttons_of_its_own(desk: Desk, sandbox: Any) -> None:
    thread = await desk.start()
    topics = await desk.approve_until(thread, "topics")
    title = topics["action_requests"][1]["args"]["description"]
    sandbox.fault("safety", provider="gemini", body_contains=json.dumps(title)[1:-1])
    posts = await answer(desk, thread, AgentChat().accept(topics))
    sandbox.clear_faults()
    assert posts["items"] == ["t01.post", "t02.post"]
    assert buttons(posts, 0) == ["approve", "edit", "reject", "drop"]
    assert buttons(posts, 1) == ["reject", "drop"]
