"""Opens what a command needs, and sees to it that signals end it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from cli.errors import Interrupted
from cli.screen.terminal import Screen
from domain.worlds import World
from runtime.children import SIGNALS
from runtime.logs import log_to_file
from runtime.servers import start_servers
from runtime.settings import Settings, load

if TYPE_CHECKING:
    from app.money.quoting import Quotes
    from app.months import Months
    from runtime.books import Books
    from runtime.services import Services

T = TypeVar("T")

_at_work: list[str] = []


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; a signal cancels it, so that holds are closed and servers stopped.

    Raises:
        Interrupted: A signal came; names the run that was worked on. A second signal ends at once, without
            tidying up: what is left open then is closed when the run goes on.
    """
    received: list[int] = []
    _at_work.clear()
    try:
        return asyncio.run(_cancelled_by_signals(work, received))
    except Interrupted as interrupted:
        raise _named(interrupted.number) from None
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise _named(received[0] if received else signal.SIGINT) from None


def working_on(thread_id: str) -> None:
    """Remember which run a signal would stop."""
    _at_work.append(thread_id)


def _named(number: int) -> Interrupted:
    return Interrupted(number, _at_work[-1] if _at_work else None)


async def _cancelled_by_signals(work: Coroutine[Any, Any, T], received: list[int]) -> T:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task

    def stop(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        loop.call_soon_threadsafe(task.cancel)

    # not loop.add_signal_handler: its wake-up pipe would deliver a signal that a prompt has already answered
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        return await work
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_settings() -> Settings:
    """Read the settings, and send log records to the data folder.

    Raises:
        InvalidInput: A variable of the environment cannot be used.
    """
    log_to_file()
    return load()


@asynccontextmanager
async def opened_services(
    screen: Screen, settings: Settings, *, buys: bool = True
) -> AsyncIterator[Services]:
    """Open everything that a run needs; says what the person should know about it.

    Args:
        screen: Where to say it.
        settings: What to open.
        buys: False for commands that ask no provider: no sandbox is started for them.

    Raises:
        StoreUnavailable: The database does not answer.
        InfrastructureError: The sandbox did not start.
    """
    async with contextlib.AsyncExitStack() as stack:
        with _status(screen, "Starting …"):
            servers = await stack.enter_async_context(start_servers(settings, buys=buys))
            # seconds of imports, while the servers start: the person sees that something happens
            opening = _services().open_services(settings, buys=buys, servers=servers)
            services = await stack.enter_async_context(opening)
        for note in services.notes:
            screen.say(note, "dim")
        try:
            yield services
        finally:
            if awaited := services.gateway.in_flight:
                screen.say(f"Paid calls that are finished first: {awaited}. Again ends at once.", "dim")


@asynccontextmanager
async def opened(screen: Screen, settings: Settings, *, buys: bool = True) -> AsyncIterator[Months]:
    """Open the months. Arguments and errors as `opened_services`."""
    async with opened_services(screen, settings, buys=buys) as services:
        yield services.months


@asynccontextmanager
async def opened_books(
    settings: Settings, *, prices: bool = False, world: World | None = None
) -> AsyncIterator[Books]:
    """Open what was spent and what may be spent. Raises as `runtime.books.open_books`."""
    from runtime.books import open_books

    async with open_books(settings, prices=prices, world=world) as books:
        yield books


@asynccontextmanager
async def opened_quotes(settings: Settings) -> AsyncIterator[Quotes]:
    """Open what a quote needs. Raises as `runtime.services.open_quotes`."""
    async with _services().open_quotes(settings) as quotes:
        yield quotes


def _services() -> Any:
    import runtime.services as services

    return services


def person() -> str:
    """Who decides in this terminal, as it is kept with every approval."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "cli"


def _status(screen: Screen, text: str) -> contextlib.AbstractContextManager[Any]:
    return screen.talk.status(text) if screen.live else contextlib.nullcontext()
