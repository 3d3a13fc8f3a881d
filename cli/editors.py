"""What the commands for prompts share: their options, the open library, and how a difference is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.screen.terminal import Screen
from cli.screen.text import clean
from cli.session import person, read_settings, run_async

if TYPE_CHECKING:
    from app.prompts.changes import PromptChanges
    from app.prompts.experiments import Experiments
    from app.prompts.library import Library
    from runtime.library import PromptUseCases
    from runtime.settings import Settings

T = TypeVar("T")

Code = Annotated[str, typer.Argument(metavar="CODE", help="The template; see `posthub prompts list`.")]
Language = Annotated[str, typer.Option(help="Language of the template, ISO 639-1.")]
Company = Annotated[
    str | None, typer.Option(metavar="NAME", help="For this company alone, by its name or id.")
]
Reason = Annotated[str, typer.Option(help="Why; stands in the history.")]


@asynccontextmanager
async def opened_prompts(settings: Settings) -> AsyncIterator[PromptUseCases]:
    """Open the templates for the person at this terminal. Raises as `runtime.library.open_prompts`."""
    from runtime.library import open_prompts

    async with open_prompts(settings, person()) as prompts:
        yield prompts


def with_prompts(asked: Callable[[PromptUseCases], Coroutine[Any, Any, T]]) -> T:
    """Open the templates, ask for something, and close them."""
    settings = read_settings()

    async def work() -> T:
        async with opened_prompts(settings) as prompts:
            return await asked(prompts)

    return run_async(work())


def with_library(asked: Callable[[Library], Coroutine[Any, Any, T]]) -> T:
    return with_prompts(lambda prompts: asked(prompts.library))


def with_changes(asked: Callable[[PromptChanges], Coroutine[Any, Any, T]]) -> T:
    return with_prompts(lambda prompts: asked(prompts.changes))


def with_experiments(asked: Callable[[Experiments], Coroutine[Any, Any, T]]) -> T:
    return with_prompts(lambda prompts: asked(prompts.experiments))


def print_diff(shown: Screen, text: str) -> None:
    """Print a unified diff, in colour where there is any."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in safe(text).splitlines():
        shown.out.print(line, style=styles.get(line[:1]), soft_wrap=True)


def safe(text: str) -> str:
    """A template may be anybody's text: it must not command the terminal. Its lines stay as they are."""
    return "\n".join(clean(line) for line in text.split("\n"))
