"""Reads a Gemini request in either spelling (camelCase or snake_case) and says no to what Google says no to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused
from sandbox.seeds import normalise
from sandbox.wire import json_answer

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TYPE = "type.googleapis.com/google.rpc."
_SNAKE = re.compile(r"_([a-z])")
_TOP = frozenset(
    [
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "safetySettings",
        "generationConfig",
        "cachedContent",
        "labels",
        "model",
        "serviceTier",
        "store",
    ]
)
_CONFIG = frozenset(
    [
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "stopSequences",
        "candidateCount",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "ResponseJsonSchema",
        "responseModalities",
        "imageConfig",
        "speechConfig",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "enableEnhancedCivicAnswers",
        "mediaResolution",
        "thinkingConfig",
        "audioTimestamp",
        "routingConfig",
        "modelSelectionConfig",
        "translationConfig",
        "responseFormat",
    ]
)
_TOOLS = frozenset(
    [
        "functionDeclarations",
        "googleSearch",
        "codeExecution",
        "urlContext",
        "computerUse",
        "fileSearch",
        "googleMaps",
    ]
)
_SEARCH = frozenset({"timeRangeFilter", "searchTypes"})
INPUT_LIMIT = 1_048_576


def gemini_error(status: int, message: str, retry_after: float | None = None, reason: str = "") -> Response:
    """Google's error body; a retry delay comes both as RetryInfo and as a header."""
    details: list[dict[str, Any]] = []
    headers: dict[str, str] = {}
    if status == 429:
        details.append(
            {
                "@type": _TYPE + "QuotaFailure",
                "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
            }
        )
    if retry_after is not None:
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{retry_after:g}s"})
        message = f"{message}. Please retry in {retry_after:g}s."
        headers["retry-after"] = f"{retry_after:g}"
    if reason:
        details.append({"@type": _TYPE + "ErrorInfo", "reason": reason, "domain": "googleapis.com"})
    error = {"code": status, "message": message, "status": STATUS.get(status, "UNKNOWN"), "details": details}
    return json_answer({"error": error}, status, headers)


def camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match.group(1).upper(), name)


def camel_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same object with camelCase keys; only one level deep, so that schemas stay as they are."""
    return {camel(key): val for key, val in value.items()}


def check_key(request: Request) -> None:
    """Refuse a call without a key as Google does; the key ``bad-key`` plays an invalid one."""
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not key:
        message = "Method doesn't allow unregistered callers (callers without established identity)."
        raise Refused(gemini_error(403, message))
    if key == "bad-key":
        raise Refused(
            gemini_error(400, "API key not valid. Please pass a valid API key.", reason="API_KEY_INVALID")
        )


def check_model(model: str, unit: str = "") -> None:
    """Refuse models that are retired or unknown, and those that do not make what is asked."""
    if prices.of_provider("gemini", model) is None:
        message = (
            f"models/{model} is not found for API version v1beta, or is not supported for generateContent. "
            "Call ModelService.ListModels to see the list of available models."
        )
        raise Refused(gemini_error(404, message))
    if unit and not prices.sells(model, unit):
        raise Refused(gemini_error(400, f"Model {model} does not support the requested response modalities."))


@dataclass(frozen=True)
class GeminiRequest:
    """A generateContent request, read."""

    system: str
    prompt: str
    config: dict[str, Any]
    attachments: int
    searches: bool = False

    @property
    def schema(self) -> dict[str, Any] | None:
        for name in ("responseJsonSchema", "ResponseJsonSchema", "responseSchema"):
            if isinstance(found := self.config.get(name), dict):
                return found
        return None

    @property
    def wants_json(self) -> bool:
        return self.schema is not None or self.config.get("responseMimeType") == "application/json"

    @property
    def wants_image(self) -> bool:
        return "IMAGE" in [str(one).upper() for one in self.config.get("responseModalities") or []]

    @property
    def text(self) -> str:
        return normalise(f"{self.system}\n\n{self.prompt}".strip())

    @property
    def input_tokens(self) -> int:
        return tokens.count(self.system) + tokens.count(self.prompt) + 258 * self.attachments

    @property
    def limit(self) -> int:
        return int(self.config.get("maxOutputTokens") or 65_536)

    @property
    def thinking(self) -> dict[str, Any]:
        found = self.config.get("thinkingConfig")
        return camel_keys(found) if isinstance(found, dict) else {}

    def identity(self) -> list[Any]:
        """What makes this request this request; how it is spelt and sampled does not."""
        config = {name: self.config.get(name) for name in ("seed", "imageConfig", "stopSequences")}
        search = ["googleSearch"] if self.searches else []
        return [self.system, self.prompt, self.schema, self.wants_image, config, self.attachments, *search]


def _unknown(names: set[str], known: frozenset[str], where: str) -> None:
    if unknown := sorted(names - known):
        message = f'Invalid JSON payload received. Unknown name "{unknown[0]}"{where}: Cannot find field.'
        raise Refused(gemini_error(400, message))


def wants_search(tools: Any) -> bool:
    """Whether Google Search is among the tools; raises Refused for tools that Google does not know."""
    wanted = False
    for number, given in enumerate(tools or []):
        tool = camel_keys(given)
        if "googleSearchRetrieval" in tool:
            message = "google_search_retrieval is not supported. Please use google_search tool instead."
            raise Refused(gemini_error(400, message))
        _unknown(set(tool), _TOOLS, f" at 'tools[{number}]'")
        if "googleSearch" in tool:
            search = camel_keys(tool["googleSearch"] or {})
            _unknown(set(search), _SEARCH, f" at 'tools[{number}].google_search'")
            wanted = True
    return wanted


def _texts(content: Any) -> tuple[str, int]:
    if isinstance(content, str):
        return content, 0
    parts = content.get("parts") if isinstance(content, dict) else None
    parts = [parts] if isinstance(parts, dict) else parts or []
    texts = [str(part.get("text") or "") for part in parts if isinstance(part, dict)]
    files = [
        part
        for part in parts
        if isinstance(part, dict) and {"inlineData", "inline_data", "fileData"} & set(part)
    ]
    return "\n".join(text for text in texts if text), len(files)


def read(exchange: Exchange) -> GeminiRequest:
    """Read a generateContent body; raises Refused for what Google would refuse."""
    body = camel_keys(exchange.body)
    _unknown(set(body), _TOP, "")
    config = camel_keys(body.get("generationConfig") or {})
    _unknown(set(config), _CONFIG, " at 'generation_config'")
    contents = body.get("contents")
    contents = [contents] if isinstance(contents, (dict, str)) else contents
    if not contents:
        raise Refused(gemini_error(400, "* GenerateContentRequest.contents: contents is not specified"))
    read_parts = [_texts(one) for one in contents]
    system, _ = _texts(body.get("systemInstruction") or {})
    prompt = "\n\n".join(text for text, _ in read_parts)
    files = sum(found for _, found in read_parts)
    made = GeminiRequest(system, prompt, config, files, wants_search(body.get("tools")))
    if made.input_tokens > INPUT_LIMIT:
        counted = f"The input token count ({made.input_tokens})"
        message = f"{counted} exceeds the maximum number of tokens allowed ({INPUT_LIMIT})."
        raise Refused(gemini_error(400, message))
    return made
