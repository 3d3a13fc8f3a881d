"""A refusal that names the schema, and what is asked instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.calls import TextRequest
from domain.errors import ProviderRefused
from gateway.calls.failures import NAMES_SCHEMA, from_status
from gateway.calls.request import Candidate
from gateway.calls.retry import Reaction
from gateway.calls.structured import BY_WORDS, FEWER_RULES, simpler, without_bounds
from gateway.providers.wire import error_message
from tests.unit.test_gateway_retry import SECOND, Walk, candidate

OF_THE_SCHEMA: list[tuple[str, int, Any]] = [
    ("gemini", 400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
        "The specified schema produces a constraint that has too many states for serving. Typical causes of this error "
        "are schemas with lots of text, schemas with long array length limits, or complex value matchers."}}),
    ("gemini", 400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Invalid JSON payload received.",
        "details": [{"fieldViolations": [{"field": "generation_config.response_schema.properties[0].value",
                                          "description": "Unknown name \"const\": Cannot find field."}]}]}}]),
    ("vertex_ai", 400, {"error": {"message": "Unable to submit request: `response_json_schema` is too complex."}}),
    ("openai", 400, {"error": {"message": "Invalid schema for response_format 'answer': In context=('properties', "
        "'tags'), 'maxItems' is not permitted.", "type": "invalid_request_error", "param": "response_format"}}),
    ("openai", 400, {"error": {"message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported "
        "with this model.", "type": "invalid_request_error"}}),
    ("azure", 400, {"error": {"code": "BadRequest", "message":
        "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later"}}),
    ("anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error", "message":
        "output_config.format.schema: For 'array' type, property 'maxItems' is not supported"}}),
    ("anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error", "message":
        "tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12"}}),
    ("anthropic", 400, {"type": "error", "error": {"message": "Compiled grammar is too large."}}),
    ("mistral", 422, {"object": "error", "message": "Invalid json_schema: unsupported keyword 'pattern'"}),
    ("bedrock", 400, {"message": "The value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid."}),
    ("openrouter", 400, {"error": {"code": 400, "message":
        "No endpoints found that support structured outputs for this model."}}),
    ("ollama", 400, {"error": "invalid format: expected \"json\" or a JSON schema"}),
    ("custom", 400, {"object": "error", "message":
        "The provided JSON schema contains features not supported by xgrammar."}),
]  # fmt: skip
OF_SOMETHING_ELSE: list[tuple[str, int, Any]] = [
    ("gemini", 400, {"error": {"message": "API key not valid. Please pass a valid API key."}}),
    ("gemini", 400, {"error": {"message": "User location is not supported for the API use."}}),
    ("openai", 400, {"error": {"message": "This model's maximum context length is 128000 tokens."}}),
    ("anthropic", 400, {"error": {"message": "Your credit balance is too low to access the API."}}),
    ("anthropic", 400, {"error": {"message": "max_tokens: 9000 > 8192, which is the maximum allowed"}}),
    ("openai", 404, {"error": {"message": "The model that should answer in this schema does not exist."}}),
    ("openai", 401, {"error": {"message": "You may not use response_format with this key."}}),
]  # fmt: skip
PAGES = {"type": "array", "minItems": 1, "maxItems": 39, "items": {"type": "string", "enum": ["/a", "/b"]}}
SCHEMA = {
    "type": "object",
    "required": ["pages", "format"],
    "properties": {
        "pages": PAGES,
        "format": {"type": "string", "pattern": "^a", "description": "How it looks."},
        "pattern": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 3}]},
    },
}


def refusal(provider: str, status: int, body: Any) -> ProviderRefused:
    message, details = error_message(json.dumps(body))
    error = from_status(provider, status, message, details=details)
    assert isinstance(error, ProviderRefused)
    return error


@pytest.mark.parametrize(("provider", "status", "body"), OF_THE_SCHEMA)
def test_a_refusal_that_names_the_schema_is_known_in_every_providers_words(
    provider: str, status: int, body: Any
) -> None:
    assert refusal(provider, status, body).details[NAMES_SCHEMA] is True


@pytest.mark.parametrize(("provider", "status", "body"), OF_SOMETHING_ELSE)
def test_a_refusal_of_something_else_says_nothing_of_the_schema(
    provider: str, status: int, body: Any
) -> None:
    assert NAMES_SCHEMA not in refusal(provider, status, body).as_json()


def test_a_schema_without_bounds_keeps_its_shape_and_fields_that_are_named_like_rules() -> None:
    assert without_bounds(SCHEMA) == {
        "type": "object",
        "required": ["pages", "format"],
        "properties": {
            "pages": {"type": "array", "items": {"type": "string"}},
            "format": {"type": "string", "description": "How it looks."},
            "pattern": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        },
    }


def test_choices_without_a_type_become_a_text() -> None:
    assert without_bounds({"enum": ["a", "b"]}) == {"type": "string"}


def test_first_the_bounds_are_left_out_then_the_schema_and_then_nothing_more() -> None:
    request = TextRequest("text", "", "Vypiš stránky.", 500, schema=SCHEMA)
    fewer = simpler(request)
    assert fewer is not None
    assert (fewer[0].schema, fewer[0].prompt, fewer[1]) == (
        without_bounds(SCHEMA),
        request.prompt,
        FEWER_RULES,
    )
    words = simpler(fewer[0])
    assert words is not None
    assert (words[0].schema, words[1]) == (None, BY_WORDS)
    assert words[0].prompt.startswith(request.prompt)
    assert '"pages"' in words[0].prompt
    assert simpler(words[0]) is None


def with_simpler(model: str, *, simpler: Candidate) -> Candidate:
    return Candidate(model, "p", model, {}, candidate(model).send, 30.0, simpler=lambda: simpler)


def test_the_same_model_is_asked_with_less_before_another_one_is() -> None:
    words = candidate("first by words")
    walk = Walk(with_simpler("first", simpler=with_simpler("first with less", simpler=words)), SECOND)
    refused = refusal(*OF_THE_SCHEMA[0])
    assert walk.fails(refused) == ("first with less", 0.0)
    assert walk.fails(refused) == ("first by words", 0.0)
    assert walk.fails(refused) == ("second", 0.0)


def test_a_refusal_of_something_else_goes_to_the_next_model_at_once() -> None:
    walk = Walk(with_simpler("first", simpler=candidate("first with less")), SECOND)
    assert walk.plan.reaction(refusal(*OF_SOMETHING_ELSE[1])) is Reaction.NEXT
