"""Answers to a question that was asked before in other words; only for templates that opted in.

Everything but the question has to be equal, the vectors have to be near, and the words have to say the same.
The nearest question is shown in the result, whether it was near enough or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from domain import steps
from domain.calls import Call
from domain.errors import NotAllowed, ProviderError, StoreUnavailable
from gateway.cache.alike import asks_the_same
from gateway.cache.exact import Hit, key_of
from gateway.cache.semantic_policy import shipped
from gateway.calls.pipeline import CallPipeline
from gateway.calls.request import CallRequest, CallResult
from store.shared.semantic import Near, SemanticAnswers

Embed = Callable[[Call, list[str]], Awaitable[list[list[float]]]]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The most similar question of before, and whether its answer was given."""

    question: str
    likeness: float
    taken: bool


class Semantic:
    """Looks for similar questions before a request is bought.

    Args:
        templates: Codes of the templates that opted in.
        answers: Where questions are kept.
        pipeline: Where requests are bought.
        embed: Turns a question into a vector, booked like any other call.
        engine: Part of what has to be equal.
    """

    def __init__(
        self,
        templates: Collection[str],
        answers: SemanticAnswers,
        pipeline: CallPipeline,
        embed: Embed,
        *,
        engine: str,
    ) -> None:
        self._templates = templates
        self._answers = answers
        self._pipeline = pipeline
        self._embed = embed
        self._engine = engine
        words = shipped()["said_without_meaning"]
        self._empty = frozenset(word for language in words.values() for word in language)
        self._least = float(shipped()["least_likeness"])

    async def buy(self, request: CallRequest, field: str) -> tuple[CallResult, Nearest | None]:
        """Return the answer to a similar question, or buy one.

        Args:
            request: What is asked.
            field: The field of its request that holds the question.
        """
        code = request.call.template.code if request.call.template else ""
        seconds = self._pipeline.kept_seconds(request)
        if code not in self._templates or not seconds:
            return await self._pipeline.run(request), None
        try:
            return await self._look(request, field, seconds)
        except _Away:
            return await self._pipeline.run(request), None

    async def _look(
        self, request: CallRequest, field: str, seconds: int
    ) -> tuple[CallResult, Nearest | None]:
        question = str(request.payload[field])
        frame = key_of(replace(request, payload={**request.payload, field: ""}), self._engine).request_hash
        organization = request.call.organization_id
        try:
            vector = (await self._embed(_of_question(request.call), [question]))[0]
            found = await self._answers.nearest(organization, frame, vector)
        except (ProviderError, StoreUnavailable, NotAllowed) as error:
            raise _Away from error
        match = next((near for near in found if self._fits(question, near)), None)
        if match is not None:
            why = f"a similar question was answered before: {match.question!r} ({match.likeness:.3f})"
            result = await self._pipeline.give(request, Hit(match.answer, why))
            return result, Nearest(match.question, match.likeness, taken=result.cached)
        result = await self._pipeline.run(request)
        if not (result.replayed or result.cached):
            await self._answers.store(organization, frame, question, vector, result.output, seconds=seconds)
        nearest = Nearest(found[0].question, found[0].likeness, taken=False) if found else None
        return result, nearest

    def _fits(self, question: str, near: Near) -> bool:
        return near.likeness >= self._least and asks_the_same(question, near.question, empty=self._empty)


class _Away(Exception):
    """Similar questions cannot be looked for now; the call goes on without."""


def _of_question(call: Call) -> Call:
    return replace(call, step=steps.within(call.step, "likeness"))
