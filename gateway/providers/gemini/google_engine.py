"""Gemini through langchain-google-genai: the same answers, usage and errors where LiteLLM cannot be installed."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx
from google.genai.errors import APIError
from google.genai.types import Modality
from langchain_google_genai import ChatGoogleGenerativeAI

from domain.calls import ImageRequest, TextRequest
from domain.errors import PostHubError, ProviderRefused
from gateway.calls.attempt import current_attempt
from gateway.calls.failures import in_doubt
from gateway.config import Deployment, Models, ProviderConfig
from gateway.ports import ATTEMPT_HEADER, Answer, Attempt, Finish, MediaFile, OnText
from gateway.providers.building import Building
from gateway.providers.gemini.wire import NAME, finish_of, reason_of, usage_of_metadata
from gateway.providers.media_prompt import image_prompt, nearest_ratio
from gateway.providers.sending import WatchedTransport
from gateway.providers.wire import chain, classified, error_answer, error_message, trusted_authorities

_UNSEEN = {"tags": ["nostream"]}
"""Keeps LangGraph from showing these tokens by itself: the gateway's caller decides what is shown."""


@dataclass(slots=True)
class _Exchange:
    """The body of one answer as it came; LangChain's message leaves parts of its usage out."""

    body: bytearray = field(default_factory=bytearray)

    def messages(self) -> list[dict[str, Any]]:
        """Return the JSON answers: one, or each event of a stream."""
        text = self.body.decode("utf-8", "replace")
        if not text.lstrip().startswith("data:"):
            return [json.loads(text)]
        lines = (line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:"))
        return [json.loads(line) for line in lines]


_exchange: ContextVar[_Exchange | None] = ContextVar("_exchange", default=None)


class _Tee(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, exchange: _Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._exchange.body.extend(part)
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _BookedTransport(WatchedTransport):
    """Opens the hold immediately before the bytes leave, and keeps the answer's bytes."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attempt = current_attempt.get()
        if attempt is None:
            raise ProviderRefused(
                "A model was called past the gateway.", next_step="Call it through gateway.Gateway."
            )
        await attempt.sending()
        request.headers[ATTEMPT_HEADER] = attempt.id
        request.headers["Accept-Encoding"] = "identity"  # what is kept has to be readable
        response = await super().handle_async_request(request)
        exchange = _exchange.get()
        if exchange is not None and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Tee(response.stream, exchange)
        return response


def text(of: Building) -> GoogleEngine:
    """Build it for a gateway."""
    return GoogleEngine(of.config, of.models, read_seconds=of.gateway.text_seconds)


class GoogleEngine:
    """Speaks to Gemini through LangChain's chat model.

    Args:
        config: The provider.
        models: The dated table of models.
        read_seconds: The longest silence; the total deadline is the caller's.
    """

    name = "google"

    def __init__(self, config: ProviderConfig, models: Models, *, read_seconds: float) -> None:
        self._secret = config.api_key
        self._models = models
        self._transport = _BookedTransport(verify=trusted_authorities())
        # All at once: building a client reads files, which must not happen inside a server's event loop.
        self._chats = {
            model: ChatGoogleGenerativeAI(
                model=model,
                google_api_key=config.api_key,
                base_url=config.base_url,
                vertexai=False,  # whatever GOOGLE_GENAI_USE_VERTEXAI of a shell says
                max_retries=1,  # of attempts: 0 would mean the SDK's own default
                timeout=read_seconds,
                client_args={"transport": self._transport, "verify": trusted_authorities()},
            )
            for model in models.spoken_to(NAME)
        }

    async def complete(
        self, model: str, request: TextRequest, attempt: Attempt, on_text: OnText | None = None
    ) -> Answer:
        facts = self._models.of(Deployment(NAME, model))
        options: dict[str, Any] = {"max_output_tokens": request.max_tokens}
        if request.schema is not None:
            options["response_mime_type"] = "application/json"
            options["response_json_schema"] = dict(request.schema)
        if request.temperature is not None and facts.get("temperature"):
            options["temperature"] = request.temperature
        if facts.get("thinking"):
            options["thinking_level"] = facts["thinking"]
        system = [("system", request.system)] if request.system else []
        messages = [*system, ("human", request.prompt)]
        return await self._asked(model, messages, options, on_text)

    async def _asked(
        self, model: str, messages: Sequence[Any], options: Mapping[str, Any], on_text: OnText | None
    ) -> Answer:
        exchange = _Exchange()
        token = _exchange.set(exchange)
        chat: Any = self._chats[model]
        try:
            if on_text is None:
                message = await chat.ainvoke(messages, config=_UNSEEN, **options)
                return _answer(exchange, message.text)
            parts: list[str] = []
            async for chunk in chat.astream(messages, config=_UNSEEN, **options):
                if chunk.text:
                    parts.append(str(chunk.text))
                    on_text(parts[-1])
            return _answer(exchange, "".join(parts))
        except Exception as error:
            raise self._failure(error) from error
        finally:
            _exchange.reset(token)

    async def draw(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer:
        facts = self._models.of(Deployment(NAME, model))
        ratio = nearest_ratio(request.aspect_ratio, facts["aspect_ratios"])
        options = {
            "response_modalities": [Modality.IMAGE, Modality.TEXT],
            "image_config": {"aspect_ratio": ratio, "image_size": facts["image_size"]},
            "max_output_tokens": facts["max_output_tokens"],
        }
        return await self._asked(model, [("human", image_prompt(request))], options, None)

    def _failure(self, error: Exception) -> PostHubError:
        for each in chain(error):
            if isinstance(each, APIError):
                headers = dict(getattr(each.response, "headers", None) or {})
                message, details = error_message(json.dumps(each.details))
                status = int(each.code)
                return error_answer(NAME, status, message, headers, details=details, secret=self._secret)
        return classified(NAME, error)

    async def aclose(self) -> None:
        await self._transport.aclose()


def _answer(exchange: _Exchange, text: str) -> Answer:
    """Read an answer from its own bytes: usage by kind, finish reason, image."""
    events = exchange.messages()
    last = events[-1]
    reason = reason_of(events)
    if not reason:
        raise in_doubt(NAME, "the answer ended early")
    image = _image(events)
    finish = finish_of(reason)
    metadata = next((each["usageMetadata"] for each in reversed(events) if each.get("usageMetadata")), None)
    usage, units = usage_of_metadata(metadata or {}, images=1 if image else 0)
    return Answer(
        text=text,
        media=image,
        finish=finish,
        reason=reason if finish is not Finish.STOP else "STOP",
        usage=usage,
        units=units if metadata else None,
        raw={"id": last.get("responseId"), "model": last.get("modelVersion"), "finish_reason": reason},
    )


def _image(events: Sequence[Mapping[str, Any]]) -> MediaFile | None:
    for event in events:
        for candidate in event.get("candidates") or ():
            for part in (candidate.get("content") or {}).get("parts") or ():
                data = part.get("inlineData")
                if data and not part.get("thought"):
                    return MediaFile(base64.b64decode(data["data"]), str(data.get("mimeType", "")))
    return None
