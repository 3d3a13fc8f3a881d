"""Text: whole, streamed, and as JSON that fits a schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from domain import steps
from domain.calls import Call, Structured, TextRequest, TextResult
from domain.ids import canonical_json
from gateway.asking import Asking, bytes_of, served_of
from gateway.calls.judge import judge_text
from gateway.calls.request import CallRequest, Candidate
from gateway.calls.streaming import StreamRestarts
from gateway.calls.structured import (
    ASKED_AGAIN,
    OTHER_MODEL,
    Parsed,
    Unfit,
    ask_again,
    read,
    read_plain,
    simpler,
    unusable,
)
from gateway.config import Deployment
from gateway.ports import Answer, Attempt, LoadableEngine, OnText

T = TypeVar("T")


class TextCalls(Asking):
    """Calls of text models."""

    _engines: Mapping[str, LoadableEngine]

    async def text(self, call: Call, request: TextRequest) -> TextResult:
        """Answer a prompt; an answer that reads as damaged is asked for once more.

        Raises:
            OutputTruncated: It hit ``max_tokens``.
            ContentBlocked: The provider's safety rules stopped it.
            BadOutput: Both answers were damaged; ``details["raw"]`` is the last text.
        """
        first = await self._text(call, request, None)
        found = read_plain(first.text)
        if isinstance(found, Parsed):
            return replace(first, text=found.value, warnings=(*first.warnings, *found.warnings))
        second = await self._text(*ask_again(call, request, first.text, found), None)
        found = read_plain(second.text)
        if isinstance(found, Unfit):
            raise unusable(second.text, found, second.served.provider, replayed=second.served.replayed)
        return replace(second, text=found.value, warnings=(ASKED_AGAIN, *second.warnings, *found.warnings))

    async def _text(
        self,
        call: Call,
        request: TextRequest,
        on_text: OnText | None,
        chain: tuple[Deployment, ...] | None = None,
    ) -> TextResult:
        chain = chain or self._config.chain(request.purpose)
        restarts = StreamRestarts(on_text) if on_text else None
        try:
            result = await self._calls.run(self._text_request(call, request, restarts, chain))
        finally:
            if restarts:
                restarts.end()
        text = str(result.output["text"])
        if on_text is not None and (result.replayed or result.cached):
            on_text(text)
        warnings = tuple(map(str, result.output.get("warnings", ())))
        return TextResult(text, served_of(result), result.output["raw"], warnings)

    def _text_request(
        self, call: Call, request: TextRequest, restarts: StreamRestarts | None, chain: tuple[Deployment, ...]
    ) -> CallRequest:
        return CallRequest(
            call=call,
            purpose=request.purpose,
            payload=asdict(replace(request, schema=dict(request.schema) if request.schema else None)),
            candidates=tuple(self._text_candidate(model, request, restarts) for model in chain),
            judge=judge_text,
            seconds=self._config.call_seconds,
        )

    def _text_candidate(
        self, model: Deployment, request: TextRequest, restarts: StreamRestarts | None, warning: str = ""
    ) -> Candidate:
        engine = self._engines[model.provider]
        schema = canonical_json(dict(request.schema)) if request.schema else ""
        most = {"input": bytes_of(request.system, request.prompt, schema), "output": request.max_tokens}
        room = min(int(self._config.models.of(model).get("max_output_tokens", 0)), 2 * request.max_tokens)

        async def send(attempt: Attempt) -> Answer:
            on_text = restarts.begin() if restarts else None
            return await engine.complete(model.model, request, attempt, on_text)

        def longer() -> Candidate:
            return self._text_candidate(model, replace(request, max_tokens=room), restarts, warning)

        return replace(
            self._candidate(model, most, send),
            longer=longer if room > request.max_tokens else None,
            simpler=self._simpler(model, request, restarts),
            ready=engine.ready,
            warning=warning,
        )

    def _simpler(
        self, model: Deployment, request: TextRequest, restarts: StreamRestarts | None
    ) -> Callable[[], Candidate] | None:
        less = simpler(request)
        return (lambda: self._text_candidate(model, less[0], restarts, less[1])) if less else None

    async def structured(self, call: Call, request: TextRequest, parse: Callable[[Any], T]) -> Structured[T]:
        """Answer a prompt as JSON of ``request.schema`` and parse it.

        An answer that is no JSON is repaired; one that ``parse`` refuses is asked for once more, with what is
        wrong with it, then from another model where the chain has one. Each is a job of its own.

        Args:
            call: The logical call.
            request: Needs a schema.
            parse: Turns plain JSON into the value; raises ValueError (so also pydantic's ValidationError).

        Raises:
            BadOutput: It did not fit; ``details["raw"]`` is the last text.
        """
        return await self._structured(call, request, parse, None)

    async def stream_structured(
        self, call: Call, request: TextRequest, parse: Callable[[Any], T], on_text: OnText
    ) -> Structured[T]:
        """As ``structured``, with the text handed to ``on_text`` piece by piece while it is written."""
        return await self._structured(call, request, parse, on_text)

    async def _structured(
        self, call: Call, request: TextRequest, parse: Callable[[Any], T], on_text: OnText | None
    ) -> Structured[T]:
        first = await self._text(call, request, on_text)
        found = read(first.text, parse)
        if isinstance(found, Parsed):
            return Structured(found.value, first.served, (*first.warnings, *found.warnings))
        again_call, again_request = ask_again(call, request, first.text, found)
        second = await self._text(again_call, again_request, None)
        found = read(second.text, parse)
        if isinstance(found, Parsed):
            return Structured(found.value, second.served, (ASKED_AGAIN, *second.warnings, *found.warnings))
        return await self._from_another_model(call, request, parse, second, found)

    async def _from_another_model(
        self, call: Call, request: TextRequest, parse: Callable[[Any], T], last: TextResult, unfit: Unfit
    ) -> Structured[T]:
        others = tuple(
            model
            for model in self._config.chain(request.purpose)
            if (model.provider, model.model) != (last.served.provider, last.served.model)
        )
        if not others:
            raise unusable(last.text, unfit, last.served.provider, replayed=last.served.replayed)
        elsewhere = replace(call, step=steps.ask_elsewhere(call.step))
        third = await self._text(elsewhere, request, None, others)
        found = read(third.text, parse)
        if isinstance(found, Parsed):
            return Structured(found.value, third.served, (OTHER_MODEL, *third.warnings, *found.warnings))
        raise unusable(third.text, found, third.served.provider, replayed=third.served.replayed)

    async def stream(self, call: Call, request: TextRequest) -> AsyncIterator[str]:
        """Yield a text piece by piece; its usage is booked when the last piece has come.

        Leaving early ends the reading alone: what was asked for is booked and kept, and asking again is given the
        whole of it. A stream that is cut is begun again: an empty ``Restarted`` says that the pieces before it are
        void.
        """
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(self._text(call, request, pieces.put_nowait))
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])
