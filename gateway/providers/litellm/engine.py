"""Text models and embeddings through LiteLLM.

LiteLLM brings the wire format and its error classes. Its retries, cache, cooldowns, budgets and price fetch are
off: each of them was measured to lose money or answers. Fallback over models is the pipeline's, so that each
physical attempt has its own deadline and its own ledger row.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

# Before the import: LiteLLM would fetch both from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # noqa: TID251 - written, never read
os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"  # noqa: TID251

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.core_helpers import _FINISH_REASON_MAP
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

from domain.calls import ImageRequest, TextRequest
from domain.errors import ProviderRefused
from gateway.calls.attempt import current_attempt
from gateway.config import Deployment, Models, ProviderConfig
from gateway.ports import ATTEMPT_HEADER, Answer, Attempt, OnText
from gateway.providers.building import Building
from gateway.providers.litellm.answers import read_answer, read_billed, read_stream, read_vectors
from gateway.providers.litellm.clients import leave_clients, use_clients, watch_clients
from gateway.providers.litellm.failures import failure_of
from gateway.providers.litellm.request import image_options, text_options
from gateway.providers.registry import Profile, Provider, providers

litellm.suppress_debug_info = True
litellm.telemetry = False
vars(litellm)["DEFAULT_MAX_RETRIES"] = 0  # embeddings take a 0 of ours for "as usual"
watch_clients()
logging.getLogger("LiteLLM").setLevel(logging.ERROR)


class CostHooks(CustomLogger):
    """Feeds the cost tracker's attempts: the hold before the bytes leave, what was billed when the answer is there.

    The ledger's figures are those of these hooks. Of a stream they hear only after its reader, so its reader takes
    the figures from the last chunk; what they never hear of (a cancel, a timeout) the attempt closes by itself.
    LiteLLM's success and failure events come from a queue of its own, before or after the caller has judged the
    answer: what they would book, nobody could store an answer with. They are not listened to.
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
            attempt.report(read_billed(response))


# One set of hooks a process, whatever is built.
litellm.callbacks.append(CostHooks())

# LiteLLM takes these for the end of a whole answer, and a stream of its says nothing else of them.
for _profile in filter(None, (each.profile for each in providers().values())):
    for _reason in (*_profile.finish.get("length", ()), *_profile.finish.get("broken", ())):
        if _FINISH_REASON_MAP.get(_reason.lower(), "stop") == "stop":
            _FINISH_REASON_MAP[_reason.lower()] = "length"


def text(of: Building) -> LiteLLMEngine:
    """Build it for a gateway."""
    return LiteLLMEngine(of.its, of.config, of.models, read_seconds=of.gateway.text_seconds)


def embeddings(of: Building) -> LiteLLMEngine:
    """Build it for a gateway's embeddings."""
    return text(of)


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
        self._address = _address(its.profile, config)

    async def complete(
        self, model: str, request: TextRequest, attempt: Attempt, on_text: OnText | None = None
    ) -> Answer:
        options = self._options(model, request) | self._common(model, attempt)
        try:
            if on_text is None:
                return read_answer(self._profile, await litellm.acompletion(**options))
            return await self._streamed(options, on_text)
        except Exception as error:
            raise failure_of(self._provider, error, self._secret) from error

    def _options(self, model: str, request: TextRequest) -> dict[str, Any]:
        facts = self._models.of(Deployment(self._provider, model))
        known = litellm.model_cost.get(f"{self._profile.litellm}/{model}") or litellm.model_cost.get(model)
        known = known or {}
        most = facts.get("max_output_tokens") or known.get("max_output_tokens")
        thinks = bool(known.get("supports_reasoning"))
        return text_options(self._profile, facts, request, most=most, thinks=thinks)

    async def _streamed(self, options: dict[str, Any], on_text: OnText) -> Answer:
        stream = await litellm.acompletion(**options, stream=True, stream_options={"include_usage": True})
        try:
            return await read_stream(self._provider, self._profile, stream, on_text)
        finally:
            await stream.aclose()

    async def embed(self, model: str, texts: Sequence[str], attempt: Attempt) -> Answer:
        """Return a vector for each text.

        Raises:
            ProviderError: As classified.
        """
        facts = self._models.of(Deployment(self._provider, model))
        size = {"dimensions": facts["dimensions"]} if facts.get("dimensions") else {}
        asked = {"encoding_format": "float", **size}
        taken = {name: value for name, value in asked.items() if name not in self._profile.refuses}
        common = self._common(model, attempt, self._profile.embeddings)
        try:
            response = await litellm.aembedding(input=list(texts), **taken, **common)
        except Exception as error:
            raise failure_of(self._provider, error, self._secret) from error
        return read_vectors(self._provider, response, texts)

    async def draw(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer:
        facts = self._models.of(Deployment(self._provider, model))
        try:
            response = await litellm.acompletion(
                **image_options(facts, request), **self._common(model, attempt)
            )
        except Exception as error:
            raise failure_of(self._provider, error, self._secret) from error
        return read_answer(self._profile, response)

    def _common(self, model: str, attempt: Attempt, called: str = "") -> dict[str, Any]:
        use_clients(self)
        return {
            "model": f"{called or self._profile.litellm}/{model}",
            **self._address,
            "max_retries": 0,
            "timeout": self._seconds,
            "litellm_call_id": attempt.id,
            # LiteLLM writes into the dict it is given: a fresh one for each call.
            "metadata": {"attempt_id": attempt.id},
            "extra_headers": {ATTEMPT_HEADER: attempt.id},
        }

    async def aclose(self) -> None:
        """Let LiteLLM deliver the events that it still queues, and close its clients."""
        await GLOBAL_LOGGING_WORKER.flush()
        await leave_clients(self)


def _address(profile: Profile, config: ProviderConfig) -> dict[str, Any]:
    """Say explicitly where the provider is and with which key: LiteLLM is not to look into the environment."""
    key = config.api_key or profile.no_key
    place = {profile.address_parameter: f"{config.base_url}{profile.address_path}"} if config.base_url else {}
    return {**({"api_key": key} if key else {}), **place, **config.options}
