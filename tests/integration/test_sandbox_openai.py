"""The stand-in of OpenAI, asked by OpenAI's own client and by LiteLLM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from jsonschema import Draft202012Validator

MODEL = "gpt-5-mini"
ASK: list[Any] = [
    {"role": "system", "content": "Jsi redaktor."},
    {"role": "user", "content": "Napiš 120 slov o kávě pro firmu Pražírna Hanácké zrno."},
]
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "Note: minimum length: 20, maximum length: 60."},
        "faqs": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3},
    },
    "required": ["title", "faqs"],
    "additionalProperties": False,
}
STRICT: Any = {"type": "json_schema", "json_schema": {"name": "Article", "strict": True, "schema": SCHEMA}}
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "maxLength": 60}},
            "required": ["query"],
        },
    },
}


@pytest.fixture
def client(sandbox: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{sandbox.base_url}/v1", api_key="k", max_retries=0) as client:
        yield client


def cost(usage: Any, model: dict[str, int]) -> int:
    """Whole micro-USD for what a usage says, at micro-USD a million tokens."""
    cached = usage.prompt_tokens_details.cached_tokens
    exact = (usage.prompt_tokens - cached) * model["input"] + cached * model["cached"]
    exact += usage.completion_tokens * model["output"]
    return int(exact + 500_000) // 1_000_000


MINI = {"input": 250_000, "cached": 25_000, "output": 2_000_000}


def test_a_chat_is_answered_and_its_usage_is_on_the_bill(client: openai.OpenAI, sandbox: Any) -> None:
    mark = sandbox.mark()
    answer = client.chat.completions.create(model=MODEL, messages=ASK, max_completion_tokens=4000)
    assert answer.usage is not None and answer.usage.completion_tokens_details is not None
    assert 80 <= len(str(answer.choices[0].message.content).split()) <= 180
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.completion_tokens_details.reasoning_tokens or 0) > 0
    (line,) = sandbox.bill(mark)
    assert (line["provider"], line["model"], line["kind"]) == ("openai", MODEL, "text")
    assert line["cost_micro_usd"] == cost(answer.usage, MINI)
    assert line["request_id"] == answer.id


def test_a_strict_schema_is_kept_with_the_limits_its_descriptions_note(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASK, response_format=STRICT)
    value = json.loads(str(answer.choices[0].message.content))
    Draft202012Validator(SCHEMA).validate(value)
    assert 20 <= len(value["title"]) <= 60


def test_a_stream_brings_the_same_text_and_the_usage_last(client: openai.OpenAI, sandbox: Any) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=ASK)
    mark = sandbox.mark()
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices == [] and chunks[-1].usage is not None
    assert sandbox.bill(mark)[0]["cost_micro_usd"] == cost(chunks[-1].usage, MINI)


def test_a_stream_ends_with_done(sandbox: Any) -> None:
    body = {"model": MODEL, "messages": ASK, "stream": True}
    headers = {"authorization": "Bearer k"}
    response = httpx.post(f"{sandbox.base_url}/v1/chat/completions", json=body, headers=headers, timeout=300)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")
    assert '"usage"' not in response.text


def test_a_tool_is_called_and_its_result_is_answered_in_words(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL])
    (call,) = first.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert first.choices[0].finish_reason == "tool_calls"
    assert set(json.loads(call.function.arguments)) == {"query"}
    told = {"role": "tool", "tool_call_id": call.id, "content": "Nalezeno."}
    again = [*ASK, first.choices[0].message.model_dump(exclude_none=True), told]
    second = client.chat.completions.create(model=MODEL, messages=again, tools=[TOOL])
    assert second.choices[0].message.content and not second.choices[0].message.tool_calls


def test_a_streamed_call_of_a_tool_comes_in_pieces(client: openai.OpenAI) -> None:
    choice: Any = {"type": "function", "function": {"name": "look_up"}}
    chunks = client.chat.completions.create(
        model=MODEL, messages=ASK, tools=[TOOL], tool_choice=choice, stream=True
    )
    pieces = [
        call.function.arguments or ""
        for chunk in chunks
        for call in chunk.choices[0].delta.tool_calls or []
        if call.function
    ]
    assert set(json.loads("".join(pieces))) == {"query"}


def test_a_long_beginning_that_was_read_lately_is_billed_as_cached(
    client: openai.OpenAI, sandbox: Any
) -> None:
    long: list[Any] = [{"role": "system", "content": "Pravidla značky. " * 400}, ASK[1]]
    first = client.chat.completions.create(model=MODEL, messages=long)
    mark = sandbox.mark()
    second = client.chat.completions.create(model=MODEL, messages=long)
    assert first.usage and second.usage and second.usage.prompt_tokens_details
    assert second.usage.prompt_tokens == first.usage.prompt_tokens
    assert (second.usage.prompt_tokens_details.cached_tokens or 0) >= 1024
    (line,) = sandbox.bill(mark)
    assert line["cost_micro_usd"] == cost(second.usage, MINI) < cost(first.usage, MINI)


@pytest.mark.parametrize(
    ("extra", "param", "code"),
    [
        ({"max_tokens": 10}, "max_tokens", "unsupported_parameter"),
        ({"temperature": 0.3}, "temperature", "unsupported_value"),
        ({"extra_body": {"surprise": 1}}, "surprise", "unknown_parameter"),
        ({"max_completion_tokens": 999_999}, "max_completion_tokens", "invalid_value"),
        ({"reasoning_effort": "xhigh"}, "reasoning_effort", "unsupported_value"),
        ({"response_format": {"type": "json_object"}}, "messages", None),
        ({"tool_choice": "auto"}, "tool_choice", None),
    ],
)
def test_what_openai_refuses_is_refused_with_its_error_and_costs_nothing(
    client: openai.OpenAI, sandbox: Any, extra: dict[str, Any], param: str, code: str | None
) -> None:
    mark = sandbox.mark()
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, **extra)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert sandbox.bill(mark) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minLength": 5}, "'minLength' is not permitted"),
        ({"default": "x"}, "'default' is not permitted"),
    ],
)
def test_a_strict_schema_with_a_keyword_that_openai_does_not_take_is_refused(
    client: openai.OpenAI, change: dict[str, Any], said: str
) -> None:
    schema = {**SCHEMA, "properties": {"title": {"type": "string", **change}}, "required": ["title"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "Article", "strict": True, "schema": schema}}
    with pytest.raises(openai.BadRequestError, match=said):
        client.chat.completions.create(model=MODEL, messages=ASK, response_format=form)


@pytest.mark.parametrize("missing", ["additionalProperties", "required"])
def test_a_strict_schema_that_leaves_something_open_is_refused(client: openai.OpenAI, missing: str) -> None:
    schema = {name: value for name, value in SCHEMA.items() if name != missing}
    form: Any = {"type": "json_schema", "json_schema": {"name": "Article", "strict": True, "schema": schema}}
    with pytest.raises(openai.BadRequestError, match=f"'{missing}' is required to be supplied"):
        client.chat.completions.create(model=MODEL, messages=ASK, response_format=form)


def test_keys_and_models_are_checked(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
        client.with_options(api_key="bad-key").chat.completions.create(model=MODEL, messages=ASK)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gemini-3.8-flash", messages=ASK)
    assert unknown.value.code == "model_not_found"


def test_the_models_of_the_asked_vendor_are_listed(client: openai.OpenAI, sandbox: Any) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    named = httpx.get(f"{sandbox.base_url}/v1/models", headers={"x-goog-api-key": "k"}).json()["models"]
    assert all(model["name"].startswith(("models/gemini-", "models/veo-")) for model in named)


def test_a_rate_limit_says_when_to_come_back(client: openai.OpenAI, sandbox: Any) -> None:
    sandbox.fault("status", provider="openai", status=429, retry_after=2, times=1)
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model=MODEL, messages=ASK)
    assert limited.value.response.headers["retry-after"] == "2"
    assert limited.value.code == "rate_limit_exceeded"
    assert limited.value.request_id


@pytest.mark.parametrize(
    ("fault", "finish", "content"), [("max_tokens", "length", True), ("safety", "content_filter", False)]
)
def test_an_answer_that_is_no_good_says_so_and_is_billed(
    client: openai.OpenAI, sandbox: Any, fault: str, finish: str, content: bool
) -> None:
    mark = sandbox.mark()
    sandbox.fault(fault, provider="openai", times=1)
    choice = client.chat.completions.create(model=MODEL, messages=ASK).choices[0]
    assert (choice.finish_reason, bool(choice.message.content)) == (finish, content)
    assert len(sandbox.bill(mark)) == 1


def test_a_refusal_of_a_schema_stands_in_a_field_of_its_own(client: openai.OpenAI, sandbox: Any) -> None:
    sandbox.fault("safety", provider="openai", times=1)
    message = (
        client.chat.completions.create(model=MODEL, messages=ASK, response_format=STRICT).choices[0].message
    )
    assert message.refusal and message.content is None


def test_a_stream_that_breaks_off_costs_what_had_been_written(client: openai.OpenAI, sandbox: Any) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=ASK)
    sandbox.fault("failed", provider="openai", times=1)
    mark = sandbox.mark()
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    (line,) = sandbox.bill(mark)
    assert whole.usage and 0 < line["units"]["output_tokens"] < whole.usage.completion_tokens


def test_embeddings_have_length_one_in_the_asked_size(client: openai.OpenAI, sandbox: Any) -> None:
    mark = sandbox.mark()
    answer = client.embeddings.create(model="text-embedding-3-small", input=["káva", "daně"], dimensions=512)
    assert [len(one.embedding) for one in answer.data] == [512, 512]
    assert sum(value * value for value in answer.data[0].embedding) == pytest.approx(1, abs=1e-3)
    assert sandbox.bill(mark)[0]["units"]["input_tokens"] == answer.usage.prompt_tokens


@pytest.mark.usefixtures("litellm_alone")
async def test_litellm_reads_the_answer_the_usage_and_the_price(sandbox: Any) -> None:
    import litellm

    mark = sandbox.mark()
    answer = await litellm.acompletion(
        model=f"openai/{MODEL}",
        messages=ASK,
        api_base=f"{sandbox.base_url}/v1",
        api_key="k",
        response_format=STRICT,
        max_tokens=4000,
        num_retries=0,
    )
    Draft202012Validator(SCHEMA).validate(json.loads(answer.choices[0].message.content))
    (line,) = sandbox.bill(mark)
    assert round(answer._hidden_params["response_cost"] * 1_000_000) == line["cost_micro_usd"]
