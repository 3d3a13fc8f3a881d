"""What LiteLLM's exceptions mean for money."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import openai
from litellm.exceptions import UnsupportedParamsError
from litellm.llms.base_llm.chat.transformation import BaseLLMException

from domain.errors import PostHubError, ProviderRefused
from gateway.calls.failures import setting_of
from gateway.providers.wire import chain, classified, error_answer, error_message

_NO_CREDENTIALS = ("google.auth.", "botocore.exceptions")


def failure_of(provider: str, error: BaseException, secret: str | None) -> PostHubError:
    """Classify what LiteLLM raised.

    Its public classes mislead: a cut connection comes as status 500, a body that is no JSON as 422, silence as
    408, an error in the middle of a stream as the status of a whole answer. Only a response beneath them carries
    the status that the provider really answered with.
    """
    links = tuple(chain(error))
    if any(isinstance(each, PostHubError) for each in links):
        return classified(provider, error)
    if reason := _never_sent(links):
        return ProviderRefused(
            f"{provider} was not asked: {reason}.",
            next_step=f"Check {setting_of(provider, 'key')} and the model; "
            "`posthub doctor` shows what each provider answers.",
            provider=provider,
        )
    response = _response(links)
    if response is None:
        return classified(provider, error)
    message, details = error_message(_body(links, response))
    return error_answer(
        provider, response.status_code, message, response.headers, details=details, secret=secret
    )


def _never_sent(links: Sequence[BaseException]) -> str:
    for each in links:
        if isinstance(each, UnsupportedParamsError):
            return "it does not take one of the request's parameters"
        if type(each).__module__.startswith(_NO_CREDENTIALS):
            return f"its credentials cannot be used ({type(each).__name__})"
    return ""


def _response(links: Sequence[BaseException]) -> httpx.Response | None:
    for each in links:
        # LiteLLM's own classes are OpenAI's by inheritance, with a response that it made up.
        made_up = type(each).__module__.startswith("litellm.exceptions")
        if isinstance(each, httpx.HTTPStatusError | openai.APIStatusError) and not made_up:
            return each.response
    return None


def _body(links: Sequence[BaseException], response: httpx.Response) -> str:
    for each in links:
        if isinstance(each, BaseLLMException) and each.message:
            said = str(each.message)
            if error_message(said)[0]:
                return said
    try:
        return response.text
    except httpx.ResponseNotRead:
        return ""
