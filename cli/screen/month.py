"""Carries a run on in this terminal until it is done, waits, fails or is stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.markdown import Markdown
from rich.rule import Rule
from rich.text import Text

from app.progress import POINTS, Progress
from cli.errors import Interrupted, unexpected
from cli.options import Approve
from cli.screen.live import View, view
from cli.screen.output import print_json
from cli.screen.reviewer import Reviewer
from cli.screen.summary import next_command, quote_line, summary_panel
from cli.screen.terminal import Screen, TerminalKeyboard
from cli.session import person, working_on
from domain.errors import InvalidInput, PostHubError

if TYPE_CHECKING:
    from app.decisions import WaitingReview
    from app.months import Months
    from cli.month_options import Asked
    from domain.month_request import MonthRequest
    from store.content.run_record import RunRecord

DONE, WAITS = 0, 3
"""Exit statuses."""

_COST_SECONDS = 0.5


@dataclass
class Terminal:
    """One run in front of one person."""

    months: Months
    screen: Screen
    run: RunRecord
    ask: bool
    _view: View = field(init=False)
    _reviewer: Reviewer = field(init=False)

    def __post_init__(self) -> None:
        title = f"{self.run.request['company']} · {self.run.month} · {self.run.tier}"
        self._view = view(self.screen, Progress(title, sandbox=self.run.sandbox))
        self._reviewer = Reviewer(self.screen, TerminalKeyboard(), self._fields)

    async def go_on(self) -> int:
        """Let the run go on, ask where that is wanted, and say at the end where it stands.

        Returns:
            The exit status: 0 done, 3 waits for review.

        Raises:
            Interrupted: A signal came; says how to go on.
            PostHubError: The run failed; says how to go on.
        """
        working_on(self.run.id)
        try:
            await self._count_earlier_work()
            status = await self._carry()
        except Interrupted:
            raise
        except PostHubError as error:
            raise self._with_way_on(error) from error
        except Exception as error:
            raise self._with_way_on(unexpected(error)) from error
        await self._conclude()
        return status

    async def _carry(self) -> int:
        waiting = await self.months.waiting(self.run.id) if self.run.waiting_at else None
        if waiting and not waiting.decided and not await self._ask(waiting):
            return WAITS
        while True:
            if await self._work() == "done":
                return DONE
            waiting = await self.months.waiting(self.run.id)
            if waiting is None or not await self._ask(waiting):
                return WAITS

    async def _ask(self, waiting: WaitingReview) -> bool:
        """Ask, and record what is decided; return whether there is anything to carry out."""
        say_problems(self.screen, () if self.ask else waiting.problems)
        problems: tuple[str, ...] = ()
        while self.ask:
            request = {**waiting.request, "problems": [*waiting.problems, *problems]}
            answer = await self._reviewer.ask(waiting.point, request)
            if answer is None:
                return False
            taken = await self.months.decide(self.run.id, answer, by=person(), question=waiting.question)
            if taken.recorded:
                say_problems(self.screen, taken.problems)
                return True
            problems, waiting = taken.problems, await self.months.review(self.run.id)
        return False

    async def _work(self) -> str:
        """Let the run work until it stops, and return the last event's name."""
        last = ""
        async with self._watched():
            async with aclosing(self.months.advance(self.run.id)) as events:
                async for event in events:
                    self._view.take(event)
                    last = str(event["event"])
            self._view.progress.cost_micro = await self.months.cost_micro(self.run.id)
        return last

    @contextlib.asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        self._view.start()
        cost = asyncio.create_task(self._follow_cost())
        try:
            yield
        finally:
            cost.cancel()
            self._view.stop()

    async def _follow_cost(self) -> None:
        while True:
            with contextlib.suppress(PostHubError):  # the run itself says so if the database is gone
                self._view.progress.cost_micro = await self.months.cost_micro(self.run.id)
            await asyncio.sleep(_COST_SECONDS)

    async def _count_earlier_work(self) -> None:
        """Show what an earlier process of this run has made as made."""
        for step, item in await self.months.made(self.run):
            self._view.progress.made(step, [item])

    async def _conclude(self) -> None:
        summary = (await self.months.summary(self.run.id)).as_json()
        if self.screen.json:
            print_json(self.screen, summary)
        else:
            self.screen.out.print(summary_panel(summary))
        way_on = next_command(summary)
        if way_on:
            self.screen.say(way_on, "bold")

    async def _fields(self, point: str, item: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.months.fields(self.run, point, item, fields)

    def _with_way_on(self, error: PostHubError) -> PostHubError:
        error.details.setdefault("thread_id", self.run.id)
        if not isinstance(error, InvalidInput):
            error.next_step = f"{error.next_step} Go on with: posthub resume {self.run.id}".strip()
        return error


async def begin(screen: Screen, months: Months, request: MonthRequest, asked: Asked) -> int:
    """Start a checked month, say what it will cost, and carry it on; returns the exit status."""
    out = asked.out.absolute() if asked.out else None
    thread = await months.start(request, out=out, ceiling_micro=asked.ceiling_micro)
    working_on(thread)
    screen.say(f"Thread {thread}", "dim")
    quoted = await months.quoted(thread)
    if quoted:
        screen.say(quote_line(quoted))
    return await carry(screen, months, thread, ask=asked.approve is Approve.ASK and screen.interactive)


async def carry(screen: Screen, months: Months, thread: str, *, ask: bool) -> int:
    """Carry a run on; returns the exit status."""
    return await Terminal(months, screen, await months.get(thread), ask).go_on()


def say_problems(screen: Screen, problems: Sequence[str]) -> None:
    """Say what could not be taken of an answer."""
    for problem in problems:
        screen.say(f"Not taken: {problem}", "bold yellow")


def show_waiting(screen: Screen, waiting: WaitingReview) -> None:
    """Show everything that waits, for a person who answers by file."""
    for each in waiting.items:
        title = f"{POINTS[waiting.point]} · {each.item} · {', '.join(each.allowed)}"
        screen.out.print(Rule(Text(title)))
        screen.out.print(Markdown(each.text, hyperlinks=False))
