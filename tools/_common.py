"""What the tools share: the gateway as they see it, the names of their calls, their errors as text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Protocol

from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, BeforeValidator

from domain import steps
from domain.calls import (
    Call,
    ImageRequest,
    JobKind,
    MediaResult,
    SearchRequest,
    SearchResult,
    VideoRequest,
)
from domain.errors import PostHubError
from domain.fencing import visible
from domain.ids import content_hash
from domain.money import to_usd

_MAX_ERROR = 600


class ToolGateway(Protocol):
    """The part of the gateway that tools use."""

    @property
    def has_search(self) -> bool:
        """False where no search provider is configured."""

    async def search(self, call: Call, request: SearchRequest) -> SearchResult: ...

    async def image(self, call: Call, request: ImageRequest) -> MediaResult: ...

    async def video(self, call: Call, request: VideoRequest) -> MediaResult: ...


def _one_line(value: Any) -> Any:
    return " ".join(visible(value).split()) if isinstance(value, str) else value


OneLine = Annotated[str, BeforeValidator(_one_line)]
"""Text whose spaces and hidden characters make no difference, so that they buy nothing twice."""


def told(description: str, example: str) -> str:
    """A description with its example; LangChain drops a schema's own ``examples`` on the way to the model."""
    return f"{description} Example: {example}"


def named_call(call: Call, tool: str, arguments: BaseModel, kind: JobKind) -> Call:
    """Name the call that a tool makes: the same arguments make the same name, in every run of the step."""
    name = f"{tool}-{content_hash(arguments.model_dump(mode='json'))[:16]}"
    return replace(call, kind=kind, step=steps.within(call.step, name))


def media_answer(result: MediaResult, alt_text: str) -> dict[str, Any]:
    """What an agent is told of a stored file: plain JSON, never the bytes."""
    return {
        "key": result.key,
        "media_type": result.media_type,
        "size": result.size,
        "alt_text": alt_text,
        "model": result.served.model,
        "cost_usd": str(to_usd(result.served.cost_micro)),
    }


def tool_of(
    name: str,
    description: str,
    schema: type[BaseModel],
    run: Callable[..., Awaitable[Mapping[str, Any]]],
) -> StructuredTool:
    """Make a tool whose failures come back to the model as readable text instead of ending the agent.

    Args:
        name: What the model calls.
        description: What the model reads before it calls.
        schema: The arguments; ``run`` gets them by keyword.
        run: Does the work; a `PostHubError` that it raises becomes text.
    """

    async def answer(**arguments: Any) -> dict[str, Any]:
        try:
            return dict(await run(**arguments))
        except PostHubError as error:
            raise ToolException(f"{error.code}: {error}"[:_MAX_ERROR]) from None

    return StructuredTool.from_function(
        coroutine=answer,
        name=name,
        description=description,
        args_schema=schema,
        handle_tool_error=True,
        handle_validation_error=_bad_arguments,
    )


def _bad_arguments(error: Any) -> str:
    problems = "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()
    )
    return f"INVALID_INPUT: {problems}. Call again with arguments that fit the schema."[:_MAX_ERROR]
