"""Stand-in for Amazon Bedrock: Converse and its stream of binary events, for requests that are signed."""

from __future__ import annotations

import json
import re
import struct
import uuid
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices
from sandbox.exchange import Exchange, Refused, handle
from sandbox.providers.openai.chat import Completion, complete
from sandbox.providers.openai.request import ChatRequest
from sandbox.wire import dumps, json_answer, sent_events

_PIECE = 90
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/[a-z0-9-]+/bedrock/aws4_request, ?"
    r"SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, ?Signature=[0-9a-f]{64}"
)
_FIELDS = frozenset(
    [
        "messages",
        "system",
        "inferenceConfig",
        "toolConfig",
        "guardrailConfig",
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
        "serviceTier",
        "outputConfig",
    ]
)
_INFERENCE = frozenset({"maxTokens", "temperature", "topP", "stopSequences"})
_ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "content_filtered"}


def bedrock_error(status: int, message: str, retry_after: float | None = None) -> Response:
    """A message in the body, the kind of error in a header."""
    headers = {"x-amzn-errortype": _ERRORS.get(status, "InternalServerException")}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    return json_answer({"message": message}, status, headers)


def _check_signature(request: Request) -> None:
    """Refuse what is not signed as AWS wants it; whether the signature is true is not looked at."""
    signed = _SIGNED.fullmatch(request.headers.get("authorization", ""))
    if signed is None or "x-amz-date" not in request.headers:
        raise Refused(bedrock_error(403, "Missing Authentication Token"))
    if signed["key"] == "bad-key":
        raise Refused(bedrock_error(403, "The security token included in the request is invalid."))


def _only(given: dict[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(given) - known):
        message = f"The model returned the following errors: extraneous key [{unknown[0]}] is not permitted"
        raise Refused(bedrock_error(400, message))


def _text(blocks: Any) -> str:
    return "\n".join(str(block.get("text") or "") for block in blocks or [])


def _read(exchange: Exchange) -> ChatRequest:
    """Read a Converse request as the chat that it is."""
    _check_signature(exchange.request)
    body = exchange.body
    row = prices.of_provider("bedrock", exchange.model)
    if row is None:
        raise Refused(bedrock_error(400, "The provided model identifier is invalid."))
    inference = body.get("inferenceConfig") or {}
    _only(body, _FIELDS)
    _only(inference, _INFERENCE)
    if inference.get("maxTokens", 1) > row["most"]:
        message = f"The maximum tokens you requested exceeds the model limit of {row['most']}."
        raise Refused(bedrock_error(400, message))
    messages = [{"role": one["role"], "content": _text(one["content"])} for one in body.get("messages") or []]
    if not messages:
        raise Refused(bedrock_error(400, "A conversation must start with a user message."))
    system = [{"role": "system", "content": _text(body["system"])}] if body.get("system") else []
    told: dict[str, Any] = {"messages": [*system, *messages], "max_tokens": inference.get("maxTokens")}
    return ChatRequest(told | _tools(body.get("toolConfig") or {}), row)


def _tools(config: dict[str, Any]) -> dict[str, Any]:
    specs = [tool["toolSpec"] for tool in config.get("tools") or [] if "toolSpec" in tool]
    if not specs:
        return {}
    functions = [{"name": spec["name"], "parameters": spec["inputSchema"]["json"]} for spec in specs]
    tools = [{"type": "function", "function": function} for function in functions]
    named = (config.get("toolChoice") or {}).get("tool")
    return {"tools": tools} | ({"tool_choice": {"function": {"name": named["name"]}}} if named else {})


def _blocks(made: Completion) -> list[dict[str, Any]]:
    if not made.call:
        return [{"text": made.text}] if made.text else []
    try:
        given = json.loads(made.text)
    except ValueError:
        given = {}
    return [{"toolUse": {"toolUseId": f"tooluse_{made.id[-20:]}", "name": made.call, "input": given}}]


def _stop(made: Completion) -> str:
    if made.finish == "stop" and made.call:
        return "tool_use"
    return _STOPS.get(made.finish, made.finish)


def _usage(made: Completion) -> dict[str, Any]:
    usage = made.usage()
    return {
        "inputTokens": made.input_tokens - made.cached,
        "outputTokens": usage["completion_tokens"],
        "totalTokens": usage["total_tokens"],
        "cacheReadInputTokens": made.cached,
        "cacheWriteInputTokens": 0,
    }


def _event(kind: str, payload: dict[str, Any], message: str = "event") -> bytes:
    """One message of AWS's binary event stream: lengths, checksum, headers, payload, checksum."""
    names = {
        f":{'event' if message == 'event' else 'exception'}-type": kind,
        ":content-type": "application/json",
        ":message-type": message,
    }
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in names.items()
    )
    body = dumps(payload)
    prelude = struct.pack("!II", len(head) + len(body) + 16, len(head))
    whole = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + body
    return whole + struct.pack("!I", zlib.crc32(whole))


def _events(made: Completion) -> Iterator[tuple[bytes, str]]:
    """Every event of a stream, and the text it carries."""
    yield _event("messageStart", {"role": "assistant"}), ""
    if made.call:
        tool = {"toolUseId": f"tooluse_{made.id[-20:]}", "name": made.call}
        yield _event("contentBlockStart", {"start": {"toolUse": tool}, "contentBlockIndex": 0}), ""
    for at in range(0, len(made.text), _PIECE):
        piece = made.text[at : at + _PIECE]
        delta: dict[str, Any] = {"toolUse": {"input": piece}} if made.call else {"text": piece}
        yield _event("contentBlockDelta", {"delta": delta, "contentBlockIndex": 0}), piece
    yield _event("contentBlockStop", {"contentBlockIndex": 0}), ""
    yield _event("messageStop", {"stopReason": _stop(made)}), ""
    yield _event("metadata", {"usage": _usage(made), "metrics": {"latencyMs": 12}}), ""


def _stream(exchange: Exchange, asked: ChatRequest, made: Completion) -> Response:
    events = list(_events(made))
    sent = sent_events(len(events))
    seen = made.text
    if exchange.fault_type in ("cut", "failed"):
        seen = "".join(piece for _, piece in events[:sent])
    if exchange.fault_type == "failed":
        broken = _event("modelStreamErrorException", {"message": "The stream broke off."}, "exception")
        events = [*events[:sent], (broken, "")]
    exchange.charge("text", made.units(seen), made.id, exchange.hash(asked.identity()))
    pieces = [event for event, _ in events]
    return exchange.send(pieces, "application/vnd.amazon.eventstream", stream=True)


async def _converse(exchange: Exchange, *, streamed: bool) -> Response:
    asked = _read(exchange)
    made = complete(exchange, asked)
    if streamed:
        return _stream(exchange, asked, made)
    if exchange.fault_type == "failed":
        raise Refused(bedrock_error(503, "Bedrock is unable to process your request."))
    exchange.charge("text", made.units(), made.id, exchange.hash(asked.identity()))
    message = {"role": "assistant", "content": _blocks(made)}
    answer = {
        "output": {"message": message},
        "stopReason": _stop(made),
        "usage": _usage(made),
        "metrics": {"latencyMs": 12},
    }
    return exchange.answer(answer, {"x-amzn-requestid": str(uuid.uuid4())})


async def converse(request: Request) -> Response:
    """``POST /model/{id}/converse``."""
    model = str(request.path_params["model"])
    return await handle(request, "bedrock", model, partial(_converse, streamed=False), bedrock_error)


async def converse_stream(request: Request) -> Response:
    """``POST /model/{id}/converse-stream``."""
    model = str(request.path_params["model"])
    return await handle(request, "bedrock", model, partial(_converse, streamed=True), bedrock_error)


def routes() -> list[Route]:
    return [
        Route("/bedrock/model/{model}/converse", converse, methods=["POST"]),
        Route("/bedrock/model/{model}/converse-stream", converse_stream, methods=["POST"]),
    ]
