"""The providers that speak OpenAI's wire at an address of their own, and what each does in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.exchange import Refused
from sandbox.providers.openai.request import FIELDS, check_key, head, openai_error
from sandbox.wire import json_answer

_RETRY = "retry-after"


def _waiting(retry_after: float | None) -> dict[str, str]:
    return head() | ({} if retry_after is None else {_RETRY: f"{retry_after:g}"})


def mistral_error(
    status: int,
    message: str,
    retry_after: float | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Response:
    """Mistral's three shapes: a detail for keys and for fields, an object for the rest."""
    if status == 401:
        return json_answer({"detail": "Unauthorized"}, status, head())
    if code == "unknown_parameter":
        wrong = {"type": "extra_forbidden", "loc": ["body", param], "msg": "Extra inputs are not permitted"}
        said: dict[str, Any] = {"message": {"detail": [wrong]}, "type": "invalid_request_error"}
        return json_answer({"object": "error", **said, "param": None, "code": None}, 422, head())
    kind = "rate_limited" if status == 429 else "invalid_request_error"
    body = {"object": "error", "message": message, "type": kind, "param": param, "code": "1300"}
    return json_answer(body, status, _waiting(retry_after))


def openrouter_error(
    status: int,
    message: str,
    retry_after: float | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Response:
    """OpenRouter's error: its code is the status, and a prompt that a model's vendor flags is a 403."""
    error: dict[str, Any] = {"message": message, "code": status}
    if code == "invalid_prompt":
        status = error["code"] = 403
        error["metadata"] = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "Sandbox"}
    return json_answer({"error": error}, status, _waiting(retry_after))


def azure_error(
    status: int,
    message: str,
    retry_after: float | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Response:
    """Azure's error; what its own filter stops is a 400 that says which category did."""
    error: dict[str, Any] = {"code": code or str(status), "message": message}
    if code == "invalid_prompt":
        found = {"violence": {"filtered": True, "severity": "high"}}
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found}
        error |= {"code": "content_filter", "param": "prompt", "status": 400, "innererror": inner}
    elif status == 404:
        error["code"] = "DeploymentNotFound"
    return json_answer({"error": error}, status, _waiting(retry_after))


def vllm_error(
    status: int,
    message: str,
    retry_after: float | None = None,
    param: str | None = None,
    code: str | None = None,
) -> Response:
    """The error of a server of one's own, as vLLM writes it."""
    if status == 401:
        return json_answer({"error": "Unauthorized"}, status)
    kind = {404: "NotFoundError", 400: "BadRequestError"}.get(status, "InternalServerError")
    error = {"message": message, "type": kind, "param": param, "code": status}
    return json_answer({"error": error}, status, _waiting(retry_after))


@dataclass(frozen=True)
class Dialect:
    """One provider of the family.

    Attributes:
        provider: Its name on the bill and in the prices.
        prefix: What stands before ``/chat/completions`` and ``/embeddings``.
        error: Its error body.
        key: The header of its key.
        key_needed: Whether it answers nobody without one.
        lacks: Fields of OpenAI's that it refuses.
        lenient: Whether it passes over fields that it does not know.
        cut_short: The finish reason of an answer that ended at the model's own limit.
        broken: The finish reason of an answer that broke off; without one it fails as OpenAI does.
        native: Whether it says the upstream's own finish reason beside its own.
        usage_always: Whether a stream says its usage unasked.
        filters: Whether its answers say what a filter found.
    """

    provider: str = "openai"
    prefix: str = "/v1"
    error: Callable[..., Response] = openai_error
    key: str = "authorization"
    key_needed: bool = True
    lacks: frozenset[str] = frozenset()
    lenient: bool = False
    cut_short: str = "length"
    broken: str = ""
    native: Mapping[str, str] = field(default_factory=dict)
    usage_always: bool = False
    filters: bool = False

    @property
    def fields(self) -> frozenset[str] | None:
        """The fields that it takes; None where it takes any."""
        return None if self.lenient else FIELDS - self.lacks

    def check_key(self, request: Request) -> None:
        """Raise Refused for a call without a good key."""
        if self.key_needed or self.key in request.headers:
            check_key(request, self.key)

    def finish(self, reason: str, fault: str) -> str:
        """A finish reason in its own words."""
        if fault == "failed" and self.broken:
            return self.broken
        return self.cut_short if reason == "length" and fault == "max_tokens" else reason

    def choice(self, reason: str) -> dict[str, Any]:
        """What it puts beside a finish reason."""
        found = {"native_finish_reason": self.native.get(reason, reason)} if self.native else {}
        safe = {"violence": {"filtered": reason == "content_filter", "severity": "safe"}}
        return found | ({"content_filter_results": safe} if self.filters else {})

    def refused(self, refused: Refused) -> Refused:
        """An error of OpenAI's in its own shape."""
        if self.error is openai_error:
            return refused
        error = json.loads(bytes(refused.response.body))["error"]
        status = refused.response.status_code
        return Refused(self.error(status, error["message"], param=error.get("param"), code=error.get("code")))


OPENAI = Dialect()
MISTRAL = Dialect(
    "mistral",
    "/mistral/v1",
    mistral_error,
    lacks=frozenset({"max_completion_tokens", "seed", "stream_options", "user", "logprobs", "store"}),
    cut_short="model_length",
    broken="error",
    usage_always=True,
)
OPENROUTER = Dialect(
    "openrouter",
    "/openrouter/api/v1",
    openrouter_error,
    lenient=True,
    broken="error",
    native={"stop": "end_turn", "length": "max_output_tokens", "content_filter": "refusal"},
)
AZURE = Dialect("azure", "/azure/openai/deployments/{model}", azure_error, key="api-key", filters=True)
CUSTOM = Dialect("custom", "/custom/v1", vllm_error, key_needed=False, lenient=True, broken="abort")
DIALECTS = (OPENAI, MISTRAL, OPENROUTER, AZURE, CUSTOM)
