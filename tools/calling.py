"""What the tools share: the gateway as they see it, the names of their calls, their errors as text.

A tool gives an agent text and code the whole result: the text is its content, the result its artifact.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, Protocol

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, BeforeValidator, ValidationError

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
from domain.content.fencing import visible
from domain.errors import InvalidInput, PostHubError
from domain.ids import content_hash
from domain.money import to_usd

_MAX_ERROR = 600

Told = dict[str, Any]
"""What a model is told: plain JSON."""


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


def _lines(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "\n".join(" ".join(line.split()) for line in visible(value).splitlines()).strip()


OneLine = Annotated[str, BeforeValidator(_one_line)]
"""Text whose spaces and hidden characters make no difference, so that they buy nothing twice."""
Lines = Annotated[str, BeforeValidator(_lines)]
"""The same of more than one line."""


def told(description: str, example: str) -> str:
    """A description with its example; LangChain drops a schema's own ``examples`` on the way to the model."""
    return f"{description} Example: {example}"


def named_call(call: Call, tool: str, arguments: BaseModel, kind: JobKind, *, once: bool) -> Call:
    """Name the call that a tool makes: the same arguments make the same name, in every run of the step.

    Args:
        call: Who pays and for what.
        tool: The tool's name.
        arguments: What it was called with.
        kind: What kind of job it is.
        once: The tool is made for this one call, whose name is enough.
    """
    if once:
        return replace(call, kind=kind)
    name = f"{tool}-{content_hash(arguments.model_dump(mode='json'))[:16]}"
    return replace(call, kind=kind, step=steps.within(call.step, name))


class Failed(ToolException):
    """A failure of ours on its way through LangChain; its text is what a model reads."""

    def __init__(self, error: PostHubError) -> None:
        super().__init__(f"{error.code}: {error}"[:_MAX_ERROR])
        self.error = error


async def use(tool: BaseTool, **arguments: Any) -> Any:
    """Call a tool from code, rather than from a model, and return its artifact.

    Raises:
        PostHubError: What the tool met, as it met it.
        InvalidInput: The arguments do not fit the tool's schema.
    """
    frank = tool.model_copy(update={"handle_tool_error": False, "handle_validation_error": False})
    call = {"type": "tool_call", "id": tool.name, "name": tool.name, "args": arguments}
    try:
        message = await frank.ainvoke(call)
    except Failed as failed:
        raise failed.error from None
    except ValidationError as error:
        raise InvalidInput(f"The tool {tool.name} cannot be used so. {_bad_arguments(error)}") from None
    return message.artifact


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
    run: Callable[..., Awaitable[tuple[Told, object]]],
) -> StructuredTool:
    """Make a tool whose failures come back to the model as readable text instead of ending the agent.

    Code calls it with `use`, which gets the whole result and the failure itself.

    Args:
        name: What the model calls.
        description: What the model reads before it calls.
        schema: The arguments; ``run`` gets them by keyword.
        run: Does the work and returns what the model is told, and the result as code uses it; a `PostHubError`
            that it raises becomes text.
    """

    async def answer(**arguments: Any) -> tuple[Told, object]:
        try:
            return await run(**arguments)
        except PostHubError as error:
            raise Failed(error) from error

    return StructuredTool.from_function(
        coroutine=answer,
        name=name,
        description=description,
        args_schema=schema,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_bad_arguments,
    )


def _bad_arguments(error: Any) -> str:
    problems = "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()
    )
    return f"INVALID_INPUT: {problems}. Call again with arguments that fit the schema."[:_MAX_ERROR]
