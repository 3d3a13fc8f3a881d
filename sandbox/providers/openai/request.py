"""Reads a request to OpenAI and says no to what OpenAI says no to."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused
from sandbox.providers.strict_schema import openai_wrong
from sandbox.seeds import canonical, normalise
from sandbox.wire import json_answer

FIELDS = frozenset(
    [
        "model",
        "messages",
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
_FORMATS = {
    "text": frozenset({"type"}),
    "json_object": frozenset({"type"}),
    "json_schema": frozenset({"type", "json_schema"}),
}
_SCHEMA_FIELDS = frozenset({"name", "description", "schema", "strict"})
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def openai_error(
    status: int,
    message: str,
    retry_after: float | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Response:
    """OpenAI's error body; a rate limit says when to come back in a header."""
    kind, usual = _TYPES.get(status, ("server_error", None))
    headers = head()
    if retry_after is not None:
        headers |= {"retry-after": f"{retry_after:g}", "retry-after-ms": f"{retry_after * 1000:.0f}"}
        message = f"{message.rstrip('.')}. Please try again in {retry_after:g}s."
    error = {"message": message, "type": kind, "param": param, "code": code or usual}
    return json_answer({"error": error}, status, headers)


def head() -> dict[str, str]:
    """Headers of every answer; each has an id of its own."""
    return {
        "x-request-id": f"req_{uuid.uuid4().hex}",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "12",
    }


def refuse(message: str, param: str | None = None, code: str | None = None) -> Refused:
    return Refused(openai_error(400, message, param=param, code=code))


def check_key(request: Request, header: str = "authorization") -> None:
    """Refuse a call without a key; ``bad-key`` plays an invalid one."""
    said = request.headers.get(header, "")
    scheme, _, key = said.partition(" ") if header == "authorization" else ("bearer", "", said)
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused(openai_error(401, "You didn't provide an API key."))
    if key.strip() == "bad-key":
        raise Refused(openai_error(401, "Incorrect API key provided: bad-key."))


def check_model(exchange: Exchange, kind: str) -> dict[str, Any]:
    """The row of the asked model, which must answer text or make embeddings, as ``kind`` says."""
    exchange.model = str(exchange.body.get("model") or "")
    if not exchange.model:
        raise refuse("you must provide a model parameter")
    row = prices.of_provider(exchange.provider, exchange.model)
    if row is None:
        message = f"The model `{exchange.model}` does not exist or you do not have access to it."
        raise Refused(openai_error(404, message))
    if ("dimensions" in row) != (kind == "embedding"):
        raise Refused(
            openai_error(404, f"This is not a {kind} model and thus not supported here.", param="model")
        )
    return row


def only(given: Mapping[str, Any], known: frozenset[str], path: str = "") -> None:
    if unknown := sorted(set(given) - known):
        name = f"{path}{unknown[0]}"
        raise refuse(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text") or "") for part in content or [] if isinstance(part, dict))


@dataclass(frozen=True)
class ChatRequest:
    """A request for a chat completion, read. ``row`` is the model's row of prices and limits."""

    body: Mapping[str, Any]
    row: Mapping[str, Any]

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        return list(self.body["messages"])

    @cached_property
    def text(self) -> str:
        return normalise("\n\n".join(text_of(one.get("content")) for one in self.messages))

    @cached_property
    def prompt(self) -> str:
        """Everything that is read, in the order in which it is cached: tools and schema lead."""
        lead = [self.body.get(name) for name in ("tools", "response_format") if self.body.get(name)]
        return "".join(canonical(one) for one in [*lead, *self.messages])

    @cached_property
    def input_tokens(self) -> int:
        return tokens.count(self.prompt)

    @property
    def format(self) -> Mapping[str, Any]:
        return self.body.get("response_format") or {"type": "text"}

    @property
    def schema(self) -> dict[str, Any] | None:
        return (self.format.get("json_schema") or {}).get("schema")

    @property
    def wants_json(self) -> bool:
        return str(self.format["type"]) != "text"

    @property
    def effort(self) -> str:
        usual = self.row.get("effort", "medium") if self.row.get("efforts") else "none"
        return str(self.body.get("reasoning_effort") or usual)

    @property
    def limit(self) -> int:
        return int(self.body.get("max_completion_tokens") or self.body.get("max_tokens") or self.row["most"])

    @property
    def with_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def forced(self) -> bool:
        return isinstance(self.body.get("tool_choice"), dict)

    @property
    def called(self) -> Mapping[str, Any] | None:
        """The function to call: the chosen one, else the first while a person's message waits for an answer."""
        choice = self.body.get("tool_choice") or "auto"
        functions: list[Mapping[str, Any]] = [one["function"] for one in self.body.get("tools") or []]
        if isinstance(choice, dict):
            return next(one for one in functions if one["name"] == choice["function"]["name"])
        waits = self.messages[-1]["role"] == "user"
        return functions[0] if functions and (choice == "required" or (choice == "auto" and waits)) else None

    def identity(self) -> list[Any]:
        """What makes this request this request; how it is sampled and sent does not."""
        names = ("messages", "tools", "tool_choice", "response_format", "seed", "stop")
        return [self.body.get(name) for name in names]


def _check_messages(body: Mapping[str, Any]) -> None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    calls: set[str] = set()
    for number, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in _ROLES:
            raise refuse(f"Invalid value: '{role}'.", f"messages[{number}].role", "invalid_value")
        calls |= {str(call.get("id")) for call in message.get("tool_calls") or []}
        if role == "tool" and message.get("tool_call_id") not in calls:
            raise refuse(
                "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                f"messages.[{number}].role",
            )


def _check_format(body: Mapping[str, Any]) -> None:
    form = body.get("response_format")
    if form is None:
        return
    kind = form.get("type") if isinstance(form, dict) else None
    if kind not in _FORMATS:
        raise refuse(f"Invalid value: '{kind}'.", "response_format.type", "invalid_value")
    only(form, _FORMATS[kind], "response_format.")
    if kind == "json_object" and "json" not in canonical(body["messages"]).lower():
        raise refuse(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
        )
    if kind == "json_schema":
        _check_schema(form.get("json_schema"))


def _check_schema(given: Any) -> None:
    path = "response_format.json_schema"
    if not isinstance(given, dict):
        raise refuse(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
    only(given, _SCHEMA_FIELDS, f"{path}.")
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise refuse(
            f"Invalid '{path}.name': string does not match pattern.", f"{path}.name", "invalid_value"
        )
    if given.get("strict") and (wrong := openai_wrong(given.get("schema"))):
        raise refuse(f"Invalid schema for response_format '{name}': {wrong}", "response_format")


def _check_tools(body: Mapping[str, Any]) -> None:
    names = []
    for number, tool in enumerate(body.get("tools") or []):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or not _NAME.match(str(function.get("name") or "")):
            raise refuse(f"Missing required parameter: 'tools[{number}].function.name'.", "tools")
        only(
            function, frozenset({"name", "description", "parameters", "strict"}), f"tools[{number}].function."
        )
        if function.get("strict") and (wrong := openai_wrong(function.get("parameters"))):
            raise refuse(f"Invalid schema for function '{function['name']}': {wrong}", "tools")
        names.append(function["name"])
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not names:
        raise refuse("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    chosen = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else choice
    if chosen not in ([*names] if isinstance(choice, dict) else ["none", "auto", "required"]):
        raise refuse(f"Invalid value: '{chosen}'.", "tool_choice", "invalid_value")


def _check_numbers(asked: ChatRequest, model: str) -> None:
    body, efforts = asked.body, asked.row.get("efforts")
    if efforts and "max_tokens" in body:
        message = "Unsupported parameter: 'max_tokens' is not supported with this model."
        raise refuse(f"{message} Use 'max_completion_tokens' instead.", "max_tokens", "unsupported_parameter")
    if efforts and asked.effort != "none" and body.get("temperature", 1) != 1:
        message = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model."
        raise refuse(
            f"{message} Only the default (1) value is supported.", "temperature", "unsupported_value"
        )
    if "reasoning_effort" in body and body["reasoning_effort"] not in (efforts or []):
        raise refuse(
            f"Unsupported value: 'reasoning_effort' does not support '{body['reasoning_effort']}' with this model.",
            "reasoning_effort",
            "unsupported_value",
        )
    if not 1 <= asked.limit <= asked.row["most"]:
        name = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
        most = f"This model supports at most {asked.row['most']} completion tokens."
        raise refuse(f"{name} is too large: {asked.limit}. {most}", name, "invalid_value")
    if body.get("n") not in (None, 1):
        raise refuse(f"{model} in the sandbox answers with one choice only.", "n", "unsupported_value")


def read(exchange: Exchange, fields: frozenset[str] | None = FIELDS) -> ChatRequest:
    """Read the body of a chat completion; raises Refused for what is not to be taken.

    ``fields`` are those that are known; with None any is.
    """
    asked = ChatRequest(exchange.body, check_model(exchange, "chat"))
    body = exchange.body
    if fields is not None:
        only(body, fields)
    _check_messages(body)
    _check_format(body)
    _check_tools(body)
    if "stream_options" in body and not body.get("stream"):
        raise refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options"
        )
    _check_numbers(asked, exchange.model)
    if asked.input_tokens > asked.row["context"]:
        message = (
            f"This model's maximum context length is {asked.row['context']} tokens. However, your messages "
            f"resulted in {asked.input_tokens} tokens. Please reduce the length of the messages."
        )
        raise refuse(message, "messages", "context_length_exceeded")
    return asked
