"""The stand-in of Anthropic, asked over HTTP and by LiteLLM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

MODEL = "claude-sonnet-5"
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 4000,
    "system": "Jsi redaktor.",
    "messages": [{"role": "user", "content": "Napiš 120 slov o kávě pro firmu Pražírna Hanácké zrno."}],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "Note: minimum length: 20, maximum length: 60."},
        "faqs": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
    "required": ["title", "faqs"],
    "additionalProperties": False,
}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
TOOL = {
    "name": "look_up",
    "input_schema": {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
    },
}

pytestmark = pytest.mark.filterwarnings(
    "ignore:Item 'summary' on TypedDict class:UserWarning"
)  # of LiteLLM's types


@pytest.fixture
def client(sandbox: Any) -> Iterator[httpx.Client]:
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=300) as client:
        yield client


def ask(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/messages", json={**ASK, **more}).json()
    return answer


def events(response: httpx.Response) -> list[dict[str, Any]]:
    made = []
    for block in response.text.strip().split("\n\n"):
        name, _, data = block.partition("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        made.append(event)
    return made


def cost(usage: dict[str, Any]) -> int:
    exact = usage["input_tokens"] * 2_000_000 + usage["output_tokens"] * 10_000_000
    exact += usage["cache_read_input_tokens"] * 200_000 + usage["cache_creation_input_tokens"] * 2_500_000
    return int(exact + 500_000) // 1_000_000


def test_a_message_is_answered_and_its_usage_is_on_the_bill(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    answer = ask(client)
    assert (answer["type"], answer["role"], answer["model"]) == ("message", "assistant", MODEL)
    assert answer["stop_reason"] == "end_turn"
    assert 80 <= len(answer["content"][0]["text"].split()) <= 180
    (line,) = sandbox.bill(mark)
    assert (line["provider"], line["request_id"]) == ("anthropic", answer["id"])
    assert line["cost_micro_usd"] == cost(answer["usage"])


def test_thinking_is_billed_as_output_and_leads_the_content(client: httpx.Client) -> None:
    plain, thinking = ask(client), ask(client, thinking={"type": "adaptive"})
    assert [block["type"] for block in thinking["content"]] == ["thinking", "text"]
    assert thinking["usage"]["output_tokens"] > plain["usage"]["output_tokens"]


def test_a_stream_brings_the_events_in_order_and_the_same_text(client: httpx.Client) -> None:
    whole = ask(client)
    made = events(client.post("/v1/messages", json={**ASK, "stream": True}))
    kinds = list(dict.fromkeys(event["type"] for event in made))
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    text = "".join(event["delta"]["text"] for event in made if event["type"] == "content_block_delta")
    assert text == whole["content"][0]["text"]
    assert made[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]
    assert made[-2]["delta"]["stop_reason"] == "end_turn"


def test_a_schema_is_kept_with_the_limits_its_descriptions_note(client: httpx.Client) -> None:
    value = json.loads(ask(client, **FORMAT)["content"][0]["text"])
    Draft202012Validator(SCHEMA).validate(value)
    assert 20 <= len(value["title"]) <= 60


def test_a_forced_tool_is_used_and_streamed_in_pieces(client: httpx.Client) -> None:
    forced = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look_up"}}
    whole = ask(client, **forced)
    assert whole["stop_reason"] == "tool_use"
    assert set(whole["content"][0]["input"]) == {"query"}
    made = events(client.post("/v1/messages", json={**ASK, **forced, "stream": True}))
    parts = [event["delta"]["partial_json"] for event in made if event["type"] == "content_block_delta"]
    assert json.loads("".join(parts)) == whole["content"][0]["input"]


def test_the_result_of_a_tool_is_answered_in_words(client: httpx.Client) -> None:
    used = ask(client, tools=[TOOL])["content"]
    result = {"type": "tool_result", "tool_use_id": used[0]["id"], "content": "Nalezeno."}
    messages = [
        *ASK["messages"],
        {"role": "assistant", "content": used},
        {"role": "user", "content": [result]},
    ]
    assert ask(client, messages=messages, tools=[TOOL])["content"][0]["type"] == "text"


def test_what_is_marked_is_written_to_the_cache_and_then_read_from_it(
    client: httpx.Client, sandbox: Any
) -> None:
    marked = {"type": "text", "text": "Značka mluví věcně. " * 400, "cache_control": {"type": "ephemeral"}}
    mark = sandbox.mark()
    first, second = (ask(client, system=[marked])["usage"] for _ in range(2))
    written = first["cache_creation_input_tokens"]
    assert written >= 1024
    assert (second["cache_read_input_tokens"], second["cache_creation_input_tokens"]) == (written, 0)
    assert [line["cost_micro_usd"] for line in sandbox.bill(mark)] == [cost(first), cost(second)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 999_999}, "which is the maximum allowed"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"temperature": 0.3}, "`temperature` is not supported"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "system", "content": "x"}]}, "Input should be 'user' or 'assistant'"),
        ({"messages": [*ASK["messages"], {"role": "assistant", "content": "{"}]}, "prefill"),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, "output_format: Extra inputs"),
        ({"tools": [{"name": "x", "input_schema": {}}]}, "input_schema.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, "must be greater than"),
    ],
)
def test_what_anthropic_refuses_is_refused_with_its_error_and_costs_nothing(
    client: httpx.Client, sandbox: Any, change: dict[str, Any], said: str
) -> None:
    mark = sandbox.mark()
    body = {name: value for name, value in {**ASK, **change}.items() if value is not None}
    response = client.post("/v1/messages", json=body)
    error = response.json()
    assert (response.status_code, error["type"]) == (400, "error")
    assert error["error"]["type"] == "invalid_request_error"
    assert said in error["error"]["message"]
    assert error["request_id"] == response.headers["request-id"]
    assert sandbox.bill(mark) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"properties": {"title": {"type": "string", "maxLength": 60}}}, "'maxLength' is not supported"),
        ({"properties": {"n": {"type": "integer", "minimum": 1}}}, "'minimum' is not supported"),
        ({"additionalProperties": True}, "must be explicitly set to false"),
    ],
)
def test_a_schema_that_anthropic_does_not_take_is_refused(
    client: httpx.Client, change: dict[str, Any], said: str
) -> None:
    form = {"format": {"type": "json_schema", "schema": {**SCHEMA, **change}}}
    response = client.post("/v1/messages", json={**ASK, "output_config": form})
    assert response.status_code == 400
    assert said in response.json()["error"]["message"]


def test_keys_versions_and_models_are_checked(client: httpx.Client) -> None:
    bad = client.post("/v1/messages", json=ASK, headers={"x-api-key": "bad-key"})
    assert (bad.status_code, bad.json()["error"]["type"]) == (401, "authentication_error")
    unknown = client.post("/v1/messages", json={**ASK, "model": "claude-1"})
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")
    versionless = httpx.post(str(client.base_url.join("/v1/messages")), json=ASK, headers={"x-api-key": "k"})
    assert "anthropic-version" in versionless.json()["error"]["message"]


def test_the_models_are_listed(client: httpx.Client) -> None:
    assert MODEL in [model["id"] for model in client.get("/v1/models").json()["data"]]


def test_tokens_are_counted_as_they_are_billed_and_for_nothing(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    body = {name: value for name, value in ASK.items() if name != "max_tokens"}
    counted = client.post("/v1/messages/count_tokens", json=body).json()["input_tokens"]
    assert sandbox.bill(mark) == []
    assert counted == ask(client)["usage"]["input_tokens"]


def test_an_overload_has_its_own_status_and_type(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("status", provider="anthropic", status=529, times=1)
    response = client.post("/v1/messages", json=ASK)
    assert (response.status_code, response.json()["error"]["type"]) == (529, "overloaded_error")


def test_an_overload_in_the_middle_of_a_stream_is_an_event(client: httpx.Client, sandbox: Any) -> None:
    mark, whole = sandbox.mark(), ask(client)
    sandbox.fault("failed", provider="anthropic", times=1)
    last = events(client.post("/v1/messages", json={**ASK, "stream": True}))[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "overloaded_error")
    spent = sandbox.bill(mark)[-1]["units"]["output_tokens"]
    assert 0 < spent < whole["usage"]["output_tokens"]


@pytest.mark.parametrize(("fault", "reason"), [("max_tokens", "max_tokens"), ("safety", "refusal")])
def test_an_answer_that_is_no_good_says_why_it_stopped_and_is_billed(
    client: httpx.Client, sandbox: Any, fault: str, reason: str
) -> None:
    mark = sandbox.mark()
    sandbox.fault(fault, provider="anthropic", times=1)
    assert ask(client)["stop_reason"] == reason
    assert len(sandbox.bill(mark)) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.usefixtures("litellm_alone")
async def test_litellm_reads_the_answer_the_usage_and_the_price(sandbox: Any, stream: bool) -> None:
    import litellm

    mark = sandbox.mark()
    schema = {
        **SCHEMA,
        "properties": {**SCHEMA["properties"], "title": {"type": "string", "minLength": 20, "maxLength": 60}},
    }
    answer = await litellm.acompletion(
        model=f"anthropic/{MODEL}",
        messages=[{"role": "system", "content": "Jsi redaktor."}, *ASK["messages"]],
        api_base=sandbox.base_url,
        api_key="k",
        response_format={"type": "json_schema", "json_schema": {"name": "Article", "schema": schema}},
        max_tokens=4000,
        num_retries=0,
        stream=stream,
        **({"stream_options": {"include_usage": True}} if stream else {}),
    )
    if stream:
        answer = litellm.stream_chunk_builder([chunk async for chunk in answer])
    value = json.loads(answer.choices[0].message.content)
    assert 20 <= len(value["title"]) <= 60
    (line,) = sandbox.bill(mark)
    assert answer.usage.completion_tokens == line["units"]["output_tokens"]
    assert (
        round(litellm.completion_cost(answer, model=f"anthropic/{MODEL}") * 1_000_000)
        == line["cost_micro_usd"]
    )


@pytest.mark.usefixtures("litellm_alone")
async def test_litellm_sees_an_overload_as_one(sandbox: Any) -> None:
    import litellm

    sandbox.fault("status", provider="anthropic", status=529, times=1)
    with pytest.raises(litellm.exceptions.InternalServerError) as overloaded:
        await litellm.acompletion(
            model=f"anthropic/{MODEL}",
            messages=ASK["messages"],
            api_base=sandbox.base_url,
            api_key="k",
            num_retries=0,
        )
    assert "overloaded_error" in str(overloaded.value)
