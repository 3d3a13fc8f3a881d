"""Reads a request to Anthropic and says no to what Anthropic says no to."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused
from sandbox.providers.strict_schema import anthropic_wrong
from sandbox.seeds import canonical, normalise
from sandbox.wire import json_answer

_BETA = "structured-outputs-2025-11-13"
_FIELDS = frozenset(
    [
        "model",
        "messages",
        "max_tokens",
        "cache_control",
        "container",
        "context_management",
        "inference_geo",
        "mcp_servers",
        "metadata",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ]
)
_TOOL_FIELDS = frozenset(
    {"name", "description", "input_schema", "cache_control", "strict", "type", "input_examples"}
)
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


def anthropic_error(status: int, message: str, retry_after: float | None = None) -> Response:
    """Anthropic's error body; a rate limit says when to come back in a header."""
    headers = head()
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    error = {"type": _TYPES.get(status, "api_error"), "message": message}
    return json_answer(
        {"type": "error", "error": error, "request_id": headers["request-id"]}, status, headers
    )


def head() -> dict[str, str]:
    """Headers of every answer; each has an id of its own."""
    return {"request-id": f"req_{uuid.uuid4().hex[:24]}"}


def refuse(message: str) -> Refused:
    return Refused(anthropic_error(400, message))


def check_key(request: Request) -> None:
    """Refuse a call without key or version; ``bad-key`` plays an invalid key."""
    if request.headers.get("x-api-key", "bad-key") in ("", "bad-key"):
        raise Refused(anthropic_error(401, "invalid x-api-key"))
    if "anthropic-version" not in request.headers:
        raise refuse("anthropic-version: header is required")


def only(given: Mapping[str, Any], known: frozenset[str], path: str = "") -> None:
    if unknown := sorted(set(given) - known):
        raise refuse(f"{path}{unknown[0]}: Extra inputs are not permitted")


def blocks_of(content: Any) -> list[Mapping[str, Any]]:
    """Content as a list of blocks; a string is one block of text."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])


def _text(block: Mapping[str, Any]) -> str:
    if block.get("type") == "tool_result":
        return "\n".join(_text(one) for one in blocks_of(block.get("content")))
    return str(block.get("text") or "")


@dataclass(frozen=True)
class MessageRequest:
    """A request for a message, read. ``row`` is the model's row of prices and limits."""

    body: Mapping[str, Any]
    row: Mapping[str, Any]

    @cached_property
    def blocks(self) -> list[Mapping[str, Any]]:
        """Everything that is read, in the order in which it is cached: tools, system, messages."""
        messages = self.body["messages"]
        return [
            *(self.body.get("tools") or []),
            *blocks_of(self.body.get("system")),
            *(block for message in messages for block in blocks_of(message["content"])),
        ]

    @cached_property
    def text(self) -> str:
        spoken = [block for block in self.blocks if "input_schema" not in block]
        return normalise("\n\n".join(text for text in map(_text, spoken) if text))

    @cached_property
    def prompt(self) -> tuple[str, list[int]]:
        """The prompt as text, and where the blocks that ask to be cached end."""
        whole, ends = "", []
        for block in self.blocks:
            whole += canonical({name: value for name, value in block.items() if name != "cache_control"})
            if block.get("cache_control"):
                ends.append(len(whole))
        if self.schema is not None:
            whole += canonical(self.schema)
        if self.body.get("cache_control"):
            ends.append(len(whole))
        return whole, ends

    @property
    def input_tokens(self) -> int:
        return tokens.count(self.prompt[0])

    @property
    def schema(self) -> dict[str, Any] | None:
        form = (self.body.get("output_config") or {}).get("format") or self.body.get("output_format")
        return form["schema"] if form else None

    @property
    def limit(self) -> int:
        return int(self.body["max_tokens"])

    @property
    def thinks(self) -> bool:
        return (self.body.get("thinking") or {}).get("type") in ("enabled", "adaptive")

    @property
    def effort(self) -> str:
        return str((self.body.get("output_config") or {}).get("effort") or "high")

    @property
    def choice(self) -> str:
        usual = "auto" if self.body.get("tools") else "none"
        return str((self.body.get("tool_choice") or {}).get("type") or usual)

    @property
    def called(self) -> Mapping[str, Any] | None:
        """The tool to use: the chosen one, else the first while a person's message waits for an answer."""
        tools: list[Mapping[str, Any]] = self.body.get("tools") or []
        if self.choice == "tool":
            return next(one for one in tools if one["name"] == self.body["tool_choice"]["name"])
        last = blocks_of(self.body["messages"][-1]["content"])
        waits = not any(block.get("type") == "tool_result" for block in last)
        return tools[0] if tools and (self.choice == "any" or (self.choice == "auto" and waits)) else None

    def identity(self) -> list[Any]:
        """What makes this request this request; how it is sampled, cached and sent does not."""
        names = ("messages", "system", "tools", "tool_choice", "stop_sequences")
        return [self.schema, *(self.body.get(name) for name in names)]


def _check_messages(body: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise refuse(
            "messages: Field required" if messages is None else "messages: Input should be a valid list"
        )
    if not messages:
        raise refuse("messages: at least one message is required")
    used: set[str] = set()
    for number, message in enumerate(messages):
        path = f"messages.{number}"
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise refuse(f"{path}.role: Input should be 'user' or 'assistant'")
        only(message, frozenset({"role", "content"}), f"{path}.")
        _check_blocks(message.get("content"), path, used)
    if messages[-1]["role"] == "assistant" and "prefill" in row.get("refuses", ()):
        raise refuse(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def _check_blocks(content: Any, path: str, used: set[str]) -> None:
    if not isinstance(content, (str, list)) or not content:
        raise refuse(f"{path}: content must be a non-empty string or list")
    for block in blocks_of(content):
        if block.get("type") == "text" and not block.get("text"):
            raise refuse("messages: text content blocks must be non-empty")
        if block.get("type") == "tool_use":
            used.add(str(block.get("id")))
        if block.get("type") == "tool_result" and block.get("tool_use_id") not in used:
            raise refuse(
                f"{path}.content: unexpected `tool_use_id` found in `tool_result` blocks: {block.get('tool_use_id')}"
            )


def _check_tools(body: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    for number, tool in enumerate(tools):
        path = f"tools.{number}.custom."
        only(tool, _TOOL_FIELDS, path)
        if not _NAME.match(str(tool.get("name") or "")):
            raise refuse(f"{path}name: String should match pattern '{_NAME.pattern}'")
        if (tool.get("input_schema") or {}).get("type") != "object":
            raise refuse(f"{path}input_schema.type: Input should be 'object'")
        if tool.get("strict") and (wrong := anthropic_wrong(tool["input_schema"])):
            raise refuse(f"{path}input_schema: {wrong}")
    if choice is None:
        return
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        raise refuse("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    if not tools:
        raise refuse("tool_choice: may only be specified while providing tools")
    if kind == "tool" and choice.get("name") not in [one["name"] for one in tools]:
        raise refuse(f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")
    if kind in ("tool", "any"):
        _check_forced(body, row)


def _check_forced(body: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    if (body.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")
    if "forced_tools" in row.get("refuses", ()):
        raise refuse("tool_choice: This model does not support forcing tool use.")


def _check_format(exchange: Exchange) -> None:
    body = exchange.body
    if "output_format" in body and _BETA not in exchange.request.headers.get("anthropic-beta", ""):
        raise refuse("output_format: Extra inputs are not permitted")
    config = body.get("output_config") or {}
    only(config, frozenset({"effort", "format"}), "output_config.")
    if config.get("effort") not in (None, *_EFFORTS):
        raise refuse("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    for path, form in (
        ("output_format", body.get("output_format")),
        ("output_config.format", config.get("format")),
    ):
        if form is None:
            continue
        if form.get("type") != "json_schema":
            raise refuse(f"{path}.type: Input should be 'json_schema'")
        if wrong := anthropic_wrong(form.get("schema")):
            raise refuse(f"{path}.schema: {wrong}")


def _check_numbers(exchange: Exchange, row: Mapping[str, Any]) -> None:
    body = exchange.body
    limit = body.get("max_tokens")
    if limit is None:
        raise refuse("max_tokens: Field required")
    if not isinstance(limit, int) or limit < 1:
        raise refuse("max_tokens: Input should be greater than or equal to 1")
    if limit > row["most"]:
        most = f"which is the maximum allowed number of output tokens for {exchange.model}"
        raise refuse(f"max_tokens: {limit} > {row['most']}, {most}")
    sampling = [name for name in ("temperature", "top_p", "top_k") if name in body]
    if sampling and "sampling" in row.get("refuses", ()):
        raise refuse(f"`{sampling[0]}` is not supported for this model.")
    _check_thinking(body.get("thinking"), limit)


def _check_thinking(thinking: Any, limit: int) -> None:
    if thinking is None:
        return
    kind = thinking.get("type")
    if kind not in ("enabled", "adaptive", "disabled"):
        raise refuse("thinking.type: Input should be 'enabled', 'adaptive' or 'disabled'")
    budget = thinking.get("budget_tokens", 0)
    if kind == "enabled" and budget < 1024:
        raise refuse("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if kind == "enabled" and budget >= limit:
        raise refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_cached(asked: Iterable[Mapping[str, Any]]) -> None:
    marked = sum(1 for block in asked if block.get("cache_control"))
    if marked > 4:
        raise refuse(f"A maximum of 4 blocks with cache_control may be provided. Found {marked}.")


def read(exchange: Exchange) -> MessageRequest:
    """Read the body of a message; raises Refused for what Anthropic would refuse."""
    check_key(exchange.request)
    body = exchange.body
    exchange.model = str(body.get("model") or "")
    if not exchange.model:
        raise refuse("model: Field required")
    row = prices.of_provider("anthropic", exchange.model)
    if row is None:
        raise Refused(anthropic_error(404, f"model: {exchange.model}"))
    only(body, _FIELDS | {"output_format"})
    _check_numbers(exchange, row)
    _check_messages(body, row)
    _check_tools(body, row)
    _check_format(exchange)
    asked = MessageRequest(body, row)
    _check_cached(asked.blocks)
    if asked.input_tokens + asked.limit > row["context"]:
        total = f"{asked.input_tokens} + {asked.limit} > {row['context']}"
        raise refuse(
            f"input length and `max_tokens` exceed context limit: {total}, decrease input length or `max_tokens`"
        )
    return asked
