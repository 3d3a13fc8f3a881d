"""Success is judged by content, not by the absence of an exception."""

from __future__ import annotations

from collections.abc import Callable

from domain.content.damage import runs_away
from domain.content.media_file import lacks, media_type_of
from domain.errors import BadOutput, ContentBlocked, MoneyState, OutputTruncated, ProviderError
from domain.tables import load
from gateway.ports import Answer, Finish

Judge = Callable[[str, Answer], ProviderError | None]
"""Provider and answer in; what makes the answer useless, or None, out."""


def judge_text(provider: str, answer: Answer) -> ProviderError | None:
    """A text has to be whole and not empty."""
    stopped = _stopped(provider, answer)
    if stopped is not None:
        return stopped
    if not answer.text.strip():
        return _bad(provider, "answered with nothing")
    return None


def judge_vectors(provider: str, answer: Answer) -> ProviderError | None:
    """There has to be a vector."""
    return None if answer.vectors and all(answer.vectors) else _bad(provider, "sent no vectors")


def judge_image(provider: str, answer: Answer) -> ProviderError | None:
    """An image has to be a PNG, JPEG or WebP by its bytes, and whole."""
    return _judge_media(provider, answer, "image/")


def judge_video(provider: str, answer: Answer) -> ProviderError | None:
    """A video has to be an MP4 or QuickTime film by its bytes, and whole."""
    return _judge_media(provider, answer, "video/")


def _judge_media(provider: str, answer: Answer, kind: str) -> ProviderError | None:
    if answer.media is None:
        return _stopped(provider, answer) or _bad(provider, f"sent no {kind.rstrip('/')}")
    found = media_type_of(answer.media.content)
    if found is None or found not in load("domain", "media")["made"] or not found.startswith(kind):
        return _bad(
            provider, f"sent a file that is no {kind.rstrip('/')} of a kind that can be used ({found})"
        )
    if lack := lacks(answer.media.content):
        return _bad(provider, f"sent a broken {kind.rstrip('/')}: {lack}")
    return None


def _stopped(provider: str, answer: Answer) -> ProviderError | None:
    if answer.finish is Finish.BLOCKED:
        return ContentBlocked(
            f"{provider}'s safety rules stopped the answer ({answer.reason}).",
            next_step="The same request would be stopped again: have the item made anew with another wording.",
            money=MoneyState.SPENT,
            provider=provider,
            reason=answer.reason,
        )
    if answer.finish is Finish.LENGTH and (piece := runs_away(answer.text)):
        return _bad(provider, f"said “{piece[:40]}” over and over until the token limit")
    if answer.finish is Finish.LENGTH:
        return OutputTruncated(
            f"{provider}'s answer hit the token limit and is cut off.",
            next_step="Raise the template's max_tokens, or ask for less at once.",
            money=MoneyState.SPENT,
            provider=provider,
        )
    if answer.finish is Finish.OTHER:
        return _bad(provider, f"gave up ({answer.reason})")
    return None


def _bad(provider: str, what: str) -> BadOutput:
    return BadOutput(
        f"{provider} {what}.",
        next_step="Have the item made anew; what was billed is booked.",
        money=MoneyState.SPENT,
        provider=provider,
    )
