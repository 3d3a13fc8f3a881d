"""Reads a Perplexity request of either API and says no to what the Agent API says no to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox import prices
from sandbox.exchange import Exchange, Refused
from sandbox.wire import json_answer

_FIELDS = frozenset(
    [
        "model",
        "models",
        "preset",
        "input",
        "instructions",
        "max_output_tokens",
        "language_preference",
        "max_steps",
        "tools",
        "tool_choice",
        "response_format",
        "stream",
        "background",
        "reasoning",
        "store",
        "previous_response_id",
        "temperature",
        "top_p",
    ]
)
_TOOL_FIELDS = {
    "web_search": frozenset(
        [
            "type",
            "search_context_size",
            "max_results",
            "max_tokens",
            "max_tokens_per_page",
            "user_location",
            "filters",
        ]
    ),
    "fetch_url": frozenset({"type", "max_urls"}),
    "people_search": frozenset({"type"}),
    "finance_search": frozenset({"type"}),
}
_FILTERS = frozenset(
    [
        "search_domain_filter",
        "search_recency_filter",
        "search_after_date_filter",
        "search_before_date_filter",
        "search_language_filter",
        "last_updated_after_filter",
        "last_updated_before_filter",
    ]
)
_PRESETS = frozenset(
    [
        "fast",
        "low",
        "medium",
        "high",
        "xhigh",
        "fast-search",
        "pro-search",
        "deep-research",
        "advanced-deep-research",
    ]
)
CHAT_FIELDS = frozenset(
    [
        "model",
        "messages",
        "max_tokens",
        "temperature",
        "top_p",
        "stream",
        "web_search_options",
        "search_domain_filter",
        "response_format",
        "search_recency_filter",
        "search_mode",
        "return_images",
        "return_related_questions",
        "reasoning_effort",
        "language_preference",
        "presence_penalty",
        "frequency_penalty",
        "top_k",
        "disable_search",
        "stream_options",
        "enable_search_classifier",
    ]
)


def perplexity_error(
    status: int, message: str, retry_after: float | None = None, kind: str = "", param: str | None = None
) -> Response:
    kinds = {
        400: "invalid_request",
        401: "unauthorized",
        403: "forbidden",
        429: "request_rate_limit_exceeded",
    }
    headers = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0"} if status == 429 else {}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    error = {
        "message": message,
        "type": kind or kinds.get(status, "server_error"),
        "code": status,
        "param": param,
    }
    return json_answer({"error": error}, status, headers)


def refuse(param: str, message: str = "") -> Refused:
    return Refused(perplexity_error(400, message or f"Unknown parameter: '{param}'.", param=param))


def check_bearer(request: Request) -> None:
    """Refuse a call without a Bearer key; ``bad-key`` plays an invalid one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or key.strip() in ("", "bad-key"):
        raise Refused(perplexity_error(401, "Invalid API key provided."))


def only(given: Mapping[str, Any], known: frozenset[str], path: str = "") -> None:
    if unknown := sorted(set(given) - known):
        raise refuse(f"{path}{unknown[0]}")


def _check_tools(body: Mapping[str, Any]) -> None:
    for index, tool in enumerate(body.get("tools") or []):
        kind = str(tool.get("type"))
        if kind not in _TOOL_FIELDS:
            raise refuse(f"tools[{index}].type", f"Unknown tool: {kind}")
        only(tool, _TOOL_FIELDS[kind], f"tools[{index}].")
        filters = tool.get("filters") or {}
        only(filters, _FILTERS, f"tools[{index}].filters.")
        domains = filters.get("search_domain_filter") or []
        if len(domains) > 20 or any("://" in domain for domain in domains):
            raise refuse(
                f"tools[{index}].filters.search_domain_filter", "At most 20 domains, without a scheme."
            )


def check_agent(exchange: Exchange) -> None:
    check_bearer(exchange.request)
    body = exchange.body
    only(body, _FIELDS)
    _check_tools(body)
    if not body.get("input"):
        raise refuse("input", "Missing required parameter: 'input'.")
    preset = body.get("preset")
    if preset is not None and preset not in _PRESETS:
        raise refuse("preset", f"Unknown preset: {preset}")
    models = body.get("models") or []
    exchange.model = str(
        body.get("model") or (models[0] if models else "") or ("perplexity/sonar" if preset else "")
    )
    if "/" not in exchange.model or prices.of_provider("perplexity", exchange.model) is None:
        message = f"Invalid model: {exchange.model or 'none given'}"
        raise Refused(perplexity_error(400, message, kind="invalid_model", param="model"))


@dataclass(frozen=True)
class Question:
    """A search question as either API asks it."""

    text: str
    system: str
    domains: tuple[str, ...]
    searches: bool
    schema: dict[str, Any] | None
    limit: int
    language: str

    def identity(self) -> list[Any]:
        return [self.text, self.system, self.domains, self.searches, self.schema, self.language]


def text_of(given: Any) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        return text_of(given.get("content") if "content" in given else given.get("text") or "")
    return "\n".join(text_of(one) for one in given or [])


def schema_of(form: Any) -> dict[str, Any] | None:
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return None
    schema = (form.get("json_schema") or {}).get("schema")
    return schema if isinstance(schema, dict) else None


def agent_question(body: Mapping[str, Any]) -> Question:
    tools = {str(tool.get("type")): tool for tool in body.get("tools") or []}
    choice = body.get("tool_choice")
    chosen = str(choice.get("type")) if isinstance(choice, dict) else choice
    # search is not automatic: it has to be forced, or to come with a preset
    searches = ("web_search" in tools and chosen in ("web_search", "required")) or bool(body.get("preset"))
    filters = tools.get("web_search", {}).get("filters") or {}
    return Question(
        text=text_of(body.get("input")),
        system=str(body.get("instructions") or ""),
        domains=tuple(filters.get("search_domain_filter") or ()),
        searches=searches,
        schema=schema_of(body.get("response_format")),
        limit=int(body.get("max_output_tokens") or 8192),
        language=str(body.get("language_preference") or ""),
    )
