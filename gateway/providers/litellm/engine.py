"""Text models through LiteLLM; the one file that imports it.

LiteLLM brings the wire format and its error classes. Its retries, cache, cooldowns, budgets and price fetch are
off: each of them was measured to lose money or answers. Fallback over models is the pipeline's, so that each
physical attempt has its own deadline and its own ledger row.
"""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

# Before the import: LiteLLM would fetch its price map from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # noqa: TID251 - written, never read

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.llms.base_llm.chat.transformation import BaseLLMException

from domain.calls import ImageRequest, TextRequest
from domain.errors import PostHubError, ProviderRefused
from gateway.calls.attempt import current_attempt
from gateway.calls.failures import from_status, in_doubt
from gateway.config import Deployment, Models, ProviderConfig
from gateway.ports import ATTEMPT_HEADER, Answer, Attempt, Finish, MediaFile, OnText
from gateway.providers.building import Building
from gateway.providers.finish import finish_by
from gateway.providers.media_prompt import image_prompt, nearest_ratio
from gateway.providers.registry import Profile, Provider
from gateway.providers.usage import usage_of
from gateway.providers.wire import chain, classified, error_message

litellm.suppress_debug_info = True
litellm.telemetry = False
logging.getLogger("LiteLLM").setLevel(logging.ERROR)

_INVENTED = frozenset({408, 422})
"""Statuses that LiteLLM makes up for a timeout and for a body that is no JSON."""


class CostHooks(CustomLogger):
    """Feeds the cost tracker's attempts: the hold before the bytes leave, what was billed when the answer is there.

    The ledger's figures are those of these hooks. Of a stream they hear only after its reader, so its reader takes
    the figures from the last chunk; what they never hear of (a cancel, a timeout) the attempt closes by itself.
    """

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> None:
        attempt = current_attempt.get()
        if attempt is None:
            raise ProviderRefused(
                "A model was called past the gateway.", next_step="Call it through gateway.Gateway."
            )
        await attempt.sending()

    async def async_post_call_success_deployment_hook(
        self, request_data: dict[str, Any], response: Any, call_type: Any
    ) -> None:
        attempt = current_attempt.get()
        if attempt is not None and request_data.get("litellm_call_id") == attempt.id:
            attempt.report(_billed(response))

    # LiteLLM calls both by keyword, so the names are its own.
    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        attempt = current_attempt.get()
        whose = attempt is not None and kwargs.get("litellm_call_id") == attempt.id
        if attempt is not None and whose and response_obj and response_obj.get("usage"):
            await attempt.settle_from_event(_billed(response_obj))

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        attempt = current_attempt.get()
        error = kwargs.get("exception")
        if attempt is not None and kwargs.get("litellm_call_id") == attempt.id and error is not None:
            await attempt.close_from_event(failure_of(attempt.provider, error, None))


# One set of hooks a process, whatever is built.
litellm.callbacks.append(CostHooks())


def text(of: Building) -> LiteLLMEngine:
    """Build it for a gateway."""
    return LiteLLMEngine(of.its, of.config, of.models, read_seconds=of.gateway.text_seconds)


class LiteLLMEngine:
    """Speaks to one provider through LiteLLM's plain call, one physical attempt at a time.

    Its Router would choose among deployments and retry; both are ours, and it costs a millisecond a call.

    Args:
        its: What the provider says of itself; its profile says how it is spoken to.
        config: Where it is and with which key.
        models: The dated table of models.
        read_seconds: The longest silence; the total deadline is the caller's.
    """

    name = "litellm"

    def __init__(self, its: Provider, config: ProviderConfig, models: Models, *, read_seconds: float) -> None:
        assert its.profile is not None, "a provider that LiteLLM reaches has a profile"
        self._provider = its.name
        self._profile = its.profile
        self._secret = config.api_key
        self._models = models
        self._seconds = read_seconds
        self._address = {
            "api_key": config.api_key,
            "api_base": f"{config.base_url}{its.profile.address_path}",
        }

    async def complete(
        self, model: str, request: TextRequest, attempt: Attempt, on_text: OnText | None = None
    ) -> Answer:
        options = self._options(model, request, attempt)
        try:
            if on_text is None:
                return _answer(self._profile, await litellm.acompletion(**options))
            return await self._streamed(options, on_text)
        except Exception as error:
            raise failure_of(self._provider, error, self._secret) from error

    def _options(self, model: str, request: TextRequest, attempt: Attempt) -> dict[str, Any]:
        facts = self._models.of(Deployment(self._provider, model))
        system = [{"role": "system", "content": request.system}] if request.system else []
        options: dict[str, Any] = {
            "messages": [*system, {"role": "user", "content": request.prompt}],
            "max_tokens": request.max_tokens,
        }
        if request.schema is not None:
            answer = {"name": "answer", "schema": dict(request.schema)}
            options["response_format"] = {"type": "json_schema", "json_schema": answer}
        if request.temperature is not None and facts.get("temperature"):
            options["temperature"] = request.temperature
        if facts.get("thinking"):
            options["thinkingConfig"] = {"thinkingLevel": str(facts["thinking"]).upper()}
        return options | self._common(model, attempt)

    def _common(self, model: str, attempt: Attempt) -> dict[str, Any]:
        return {
            "model": f"{self._profile.litellm}/{model}",
            **self._address,
            "max_retries": 0,
            "timeout": self._seconds,
            "litellm_call_id": attempt.id,
            # LiteLLM writes into the dict it is given: a fresh one for each call.
            "metadata": {"attempt_id": attempt.id},
            "extra_headers": {ATTEMPT_HEADER: attempt.id},
        }

    async def _streamed(self, options: dict[str, Any], on_text: OnText) -> Answer:
        stream = await litellm.acompletion(**options, stream=True, stream_options={"include_usage": True})
        try:
            return await _read_stream(self._provider, self._profile, stream, on_text)
        finally:
            await stream.aclose()

    async def draw(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer:
        facts = self._models.of(Deployment(self._provider, model))
        ratio = nearest_ratio(request.aspect_ratio, facts["aspect_ratios"])
        try:
            response = await litellm.acompletion(
                messages=[{"role": "user", "content": image_prompt(request)}],
                modalities=["image", "text"],
                imageConfig={"aspectRatio": ratio, "imageSize": facts["image_size"]},
                max_tokens=facts["max_output_tokens"],
                **self._common(model, attempt),
            )
        except Exception as error:
            raise failure_of(self._provider, error, self._secret) from error
        return _answer(self._profile, response)

    async def aclose(self) -> None:
        """Let LiteLLM deliver the events that it still queues."""
        await GLOBAL_LOGGING_WORKER.flush()


def _answer(profile: Profile, response: Any) -> Answer:
    choice = response.choices[0]
    native = (choice.get("provider_specific_fields") or {}).get("native_finish_reason")
    reason = str(native or choice.finish_reason or "")
    image = _image(choice.message)
    return Answer(
        text=choice.message.content or "",
        media=image,
        finish=finish_by(profile, reason),
        reason=reason.upper(),
        raw={"id": response.id, "model": response.model, "finish_reason": reason},
        # What was billed is the hook's to say; without its word an answer counts as the most it can have cost.
        **_usage(None),
    )


def _billed(response: Any) -> Answer:
    """What a whole answer was billed for, and nothing else of it."""
    drawn = any(getattr(choice.message, "images", None) for choice in response.choices)
    return Answer(**_usage(response.get("usage"), images=1 if drawn else 0))


def _usage(usage: Any, *, images: int = 0) -> dict[str, Any]:
    if usage is None:
        return {"usage": usage_of(prompt=0, output=0)[0], "units": None}
    output = usage.get("completion_tokens_details")
    prompt = usage.get("prompt_tokens_details")
    people, units = usage_of(
        prompt=usage.prompt_tokens,
        # For a blocked answer LiteLLM leaves the thinking tokens out of the completion, not out of the total.
        output=max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens),
        thinking=(output.reasoning_tokens if output else None) or 0,
        cached=(prompt.cached_tokens if prompt else None) or 0,
        image_tokens=(getattr(output, "image_tokens", None) if output else None) or 0,
        images=images,
    )
    return {"usage": people, "units": units}


def _image(message: Any) -> MediaFile | None:
    for image in getattr(message, "images", None) or ():
        header, _, data = image["image_url"]["url"].partition(",")
        media_type = header.removeprefix("data:").partition(";")[0]
        return MediaFile(base64.b64decode(data), media_type)
    return None


async def _read_stream(
    provider: str, profile: Profile, stream: AsyncIterator[Any], on_text: OnText
) -> Answer:
    parts: list[str] = []
    usage: Any = None
    reason = ""
    async for chunk in stream:
        usage = chunk.get("usage") or usage
        for choice in chunk.choices:
            reason = str(choice.finish_reason or reason)
            if choice.delta.content:
                parts.append(choice.delta.content)
                on_text(choice.delta.content)
    if not reason:
        raise in_doubt(provider, "the stream ended early")
    raw = {"finish_reason": reason}
    finish = finish_by(profile, reason)
    return Answer(
        text="".join(parts),
        finish=finish,
        reason=reason.upper() if finish is not Finish.STOP else "STOP",
        raw=raw,
        **_usage(usage),
    )


def failure_of(provider: str, error: BaseException, secret: str | None) -> PostHubError:
    """Classify what LiteLLM raised.

    Its public classes mislead: a cut connection comes as status 500, a body that is no JSON as 422, silence as
    408. Only the exception beneath them carries the status that the provider really answered with.
    """
    for each in chain(error):
        if isinstance(each, BaseLLMException) and each.status_code not in _INVENTED:
            message, details = error_message(str(each.message))
            return from_status(
                provider, each.status_code, message, each.headers, details=details, secret=secret
            )
    return classified(provider, error)
