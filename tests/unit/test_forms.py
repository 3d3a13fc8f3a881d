"""What Studio and other tools draw of the graph: its forms, its state, its nodes, and a form for an answer."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

from domain.month import Month
from domain.month_request import MonthInput
from domain.review import Waiting, parse_answer
from domain.stages import STAGES
from graph.running import compiled as compiled_month
from graph.state import MonthOutput
from nodes.intake import RunContext
from nodes.review.answer_schema import answer_schema
from nodes.review.question import Asked, Shown
from prompts.files import shipped

SHOWN = Shown({}, "", "aa", 0)
ITEMS = [
    Asked("t01.package", "t01", 0, "t01.package:0:0:aa", SHOWN, ("approve", "edit", "reject", "drop")),
    Asked("t02.package", "t02", 0, "t02.package:0:0:bb", SHOWN, ("reject", "drop")),
]


def compiled() -> Any:
    return compiled_month(None, sandbox=True)  # type: ignore[arg-type]  # only its shape is looked at


def test_whoever_looks_at_a_run_sees_no_key_that_only_nodes_read() -> None:
    assert not {"item", "revision", "reason", "rework", "pins"} & set(compiled().stream_channels)
    assert {"company", "month", "topics", "packages", "problems"} <= set(compiled().stream_channels)


@pytest.mark.parametrize("drawn", [Month, MonthOutput, MonthInput, RunContext])
def test_every_field_that_is_shown_says_what_it_is(drawn: Any) -> None:
    fields = TypeAdapter(drawn).json_schema()["properties"]
    shown = set(compiled().stream_channels) | set(MonthInput.model_fields) | set(RunContext.model_fields)
    assert [name for name in fields if name in shown and not fields[name].get("description")] == []


def test_every_node_says_what_it_does() -> None:
    nodes = compiled().get_graph().nodes
    silent = [name for name, node in nodes.items() if not (node.metadata or {}).get("description")]
    assert silent == ["__start__", "__end__"]


def test_every_shipped_prompt_names_in_the_context_the_nodes_that_ask_with_it() -> None:
    field = RunContext.model_json_schema()["properties"]["templates"]
    hints = {code: set(each["langgraph_nodes"]) for code, each in field["properties"].items()}
    assert hints.keys() == {template.code for template in shipped()}
    assert set(field["langgraph_nodes"]) == {node for nodes in hints.values() for node in nodes}
    assert set(field["langgraph_nodes"]) <= set(compiled().nodes)
    assert hints["VISUAL_GEN_V1"] == {"make_images", "make_video"}
    assert {stage.name for stage in STAGES if stage.booked_as} == {s.name for s in STAGES if s.templates}


def test_the_form_of_an_answer_decides_nothing_until_a_person_does() -> None:
    schema = answer_schema(ITEMS)
    untouched = {"decisions": schema["properties"]["decisions"]["default"]}
    jsonschema.validate(untouched, schema)
    reply = parse_answer(untouched, Waiting({each.id: each.token for each in ITEMS}))
    assert [decision.type for decision in reply.decisions] == ["later", "later"]
    assert reply.problems == ()


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"id": "t01.package", "type": "approve"}, True),
        ({"id": "t01.package", "type": "reject", "reason": "kratší", "parts": ["social"]}, True),
        ({"id": "t01.package", "type": "edit", "edited": {"title": "Káva"}}, True),
        ({"id": "t03.package", "type": "approve"}, False),
        ({"id": "t01.package", "type": "maybe"}, False),
        ({"id": "t01.package", "token": "t01.package:1:0:aa", "type": "approve"}, False),
        ({"id": "t01.package", "type": "reject", "parts": ["sound"]}, False),
        ({"type": "approve"}, False),
    ],
)
def test_the_form_of_an_answer_offers_what_can_be_decided_and_no_more(given: Any, fits: bool) -> None:
    schema = answer_schema(ITEMS, ["social", "images", "video"])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid({"decisions": [given]}) is fits
