"""What the commands of this room share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from cli.screen.output import print_json
from cli.screen.terminal import Screen, screen
from cli.session import opened_books, read_settings, run_async

if TYPE_CHECKING:
    from runtime.books import Books


class Shown(Protocol):
    """What a use case returns."""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        ...


T = TypeVar("T", bound=Shown)

Whose = Annotated[
    str | None,
    typer.Option("--organization", metavar="NAME", help="Which one; without it POSTHUB_ORGANIZATION."),
]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The member's e-mail address.")]
ROLES = "viewer (reads), approver (decides, too), editor (starts months, too), owner (members and keys, too)"


def ask_books(asked: Callable[[Books], Coroutine[Any, Any, T]], *, json: bool) -> tuple[Screen, T]:
    """Ask the books; with ``--json`` the answer is printed already."""
    shown, settings = screen(json=json), read_settings()

    async def work() -> T:
        async with opened_books(settings) as books:
            return await asked(books)

    found = run_async(work())
    if shown.json:
        print_json(shown, found.as_json())
    return shown, found
