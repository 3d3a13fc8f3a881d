"""Provider failures in our own words; the one place that says what each of them did to money.

Not sent, or refused before an answer: nothing was bought. Sent, and no whole answer came back: it may have
been billed, and counts as lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from domain.errors import (
    AnswerInDoubt,
    MediaJobFailed,
    MoneyState,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from gateway.providers import registry

NAMES_SCHEMA = "names_schema"
"""The detail of a refusal that is about the schema: the same without some of it may be taken."""

_RETRY_DELAY = re.compile(r'"?retryDelay"?\s*[:=]\s*"?(\d+(?:\.\d+)?)s')
_LONGEST_MESSAGE = 200
_OF_THE_SCHEMA = re.compile(
    r"schemas?\b|response[ _]?format|output[ _]?(?:format|config)|structured[ _]outputs?|json[ _](?:mode|object)"
    r"|grammar",
    re.IGNORECASE,
)
_UNFIT_REQUEST = frozenset({400, 422})


def from_status(
    provider: str,
    status: int,
    message: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    details: str = "",
    secret: str | None = None,
) -> ProviderError:
    """Classify an HTTP error status that came instead of an answer.

    Args:
        provider: Its name.
        status: 3xx, 4xx or 5xx.
        message: What the provider said; the beginning is shown, without ``secret``.
        headers: The response's, for Retry-After.
        details: More of what it said, which is read but not shown.
        secret: A key that must not be shown.
    """
    what = said(message, secret)
    if status == 429 or status >= 500:
        return ProviderBusy(
            f"{provider} is busy (HTTP {status}){what}.",
            next_step="Wait a little and resume the run.",
            provider=provider,
            status=status,
            retry_after_seconds=retry_after(headers or {}, f"{message} {details}"),
        )
    refused = ProviderRefused(
        f"{provider} refused the request (HTTP {status}){what}.",
        next_step=_refused_next_step(provider, status, f"{message} {details}"),
        provider=provider,
        status=status,
    )
    if status in _UNFIT_REQUEST and _OF_THE_SCHEMA.search(f"{message} {details}"):
        refused.details[NAMES_SCHEMA] = True
    return refused


def _refused_next_step(provider: str, status: int, message: str) -> str:
    if status in {401, 403} or "API_KEY_INVALID" in message or "API key" in message:
        return f"Check {setting_of(provider, 'key')}; `posthub doctor` shows what each provider answers."
    if status == 404:
        return "The model or the address is not served; check the models and the provider's base URL."
    return "The request does not fit this provider; `posthub doctor` shows what each provider answers."


def setting_of(provider: str, what: Literal["key", "address"]) -> str:
    """Return the variable of a provider's key (or what stands for one) or address, as its own file names it."""
    its = registry.providers().get(provider)
    if its is None:
        return f"{provider.upper()}_{'API_KEY' if what == 'key' else 'BASE_URL'}"
    secrets = (option.setting for option in its.options if option.secret)
    named = (its.key, *secrets) if what == "key" else its.address_settings
    return next(filter(None, (*named, *its.settings)), provider)


def unreachable(provider: str, why: str) -> ProviderUnreachable:
    """No connection came about: nothing was sent."""
    return ProviderUnreachable(
        f"{provider} cannot be reached: {why}.",
        next_step=f"Check the network and {setting_of(provider, 'address')}, then resume the run.",
        provider=provider,
    )


def all_cooling_down(provider: str, seconds: float) -> ProviderBusy:
    """Nothing is sent: it asked for a pause, or failed too often a moment ago."""
    return ProviderBusy(
        f"{provider} is not to be asked for another {math.ceil(seconds)} seconds.",
        next_step="Wait a little and resume the run.",
        provider=provider,
        retry_after_seconds=seconds,
    )


def in_doubt(provider: str, why: str, *, timed_out: bool = False) -> AnswerInDoubt:
    """Sent, and no whole answer came back; ``timed_out`` where nothing was heard for too long."""
    return AnswerInDoubt(
        f"{provider} was asked, and no whole answer came back: {why}.",
        next_step="It may have been billed and is booked at its worst case; resume the run to ask again.",
        money=MoneyState.LOST,
        provider=provider,
        timed_out=timed_out,
    )


def job_failed(provider: str, why: str) -> MediaJobFailed:
    """The provider says that its job failed, so it is not billed."""
    return MediaJobFailed(
        f"The media job at {provider} failed: {_trimmed(why)}.",
        next_step="Resume the run to try again, or have the item made anew.",
        provider=provider,
    )


def job_unfinished(provider: str, seconds: float) -> MediaJobFailed:
    """A job that did not end in time; it is still known, and its money stays held."""
    return MediaJobFailed(
        f"The media job at {provider} did not end within {seconds:g} seconds.",
        next_step="Resume the run later: the same job is polled again, nothing is submitted twice.",
        money=MoneyState.HELD,
        provider=provider,
    )


def retry_after(headers: Mapping[str, str], body: str = "") -> float | None:
    """Seconds to wait by the Retry-After header (seconds or date), or by Google's RetryInfo in the body."""
    value = headers.get("retry-after") or headers.get("Retry-After") or ""
    seconds = _seconds(value)
    if seconds is None and (found := _RETRY_DELAY.search(body)):
        seconds = float(found[1])
    return seconds


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return _until(value)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def said(message: str, secret: str | None) -> str:
    """Return the beginning of what a provider said, as the end of a sentence."""
    plain = message.replace(secret, "…") if secret else message
    return f": {_trimmed(plain)}" if plain.strip() else ""


def _trimmed(message: str) -> str:
    line = " ".join(message.split())
    return (line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "…").rstrip(".")
