"""What surrounds a run of the month graph, whichever engine runs it: the command line, a worker, a server.

All of them stream the graph, so what a run needs around it stands in `MonthGraph.astream`: the lock of the run, what a
dead process held, the checks before anything is paid, and how the run stands afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import EmptyInputError, UnknownInterruptError
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from domain.errors import InvalidInput, NotFound, NotTaken, PostHubError
from domain.month import GRAPH_VERSION, TECHNICAL, CardStatus, Month
from domain.month_fields import policies
from graph.content import build
from graph.state import MonthInput, MonthOutput
from nodes.acting import acting
from nodes.intake import RunContext
from nodes.review.question import ON_A_BRANCH
from nodes.work import Ports
from store.content.run_record import RunRecord, RunStatus
from store.content.runs import EXCLUSIVE_WAIT_SECONDS

_STRICT_RESUME = "__pregel_strict_resume"
"""Lets LangGraph refuse an answer to an interrupt that no longer waits, instead of ignoring it."""
_CHECKPOINTER = "__pregel_checkpointer"
_Run = tuple[str, str]
"""Whose it is, and its thread."""


class MonthGraph(CompiledStateGraph[Month, RunContext, MonthInput, MonthOutput]):
    """The month graph as every engine runs it.

    Args:
        ports: What the nodes use.
        sandbox: Whether stand-ins take the providers' place.
        patience_seconds: How long another process may take to let go of the run; a server waits until the lease of
            a process that died is over, a person at a terminal is told at once.
    """

    def __init__(self, *, ports: Ports, sandbox: bool, patience_seconds: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ports = ports
        self.sandbox = sandbox
        self.patience_seconds = patience_seconds

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, *, context: Any = None, **options: Any
    ) -> AsyncIterator[Any]:
        """Run the graph, held against everything that a run needs around it.

        Raises:
            InvalidInput: The context is none; nobody could answer what would be asked; another process works on the
                run, or another release or other providers began it; the answer is to nothing that waits.
            PostHubError: The run failed; its row says why, and it can be resumed.
        """
        asked = RunContext.read(context)
        known = dict((config or {}).get("configurable", {}))
        if self.checkpointer is None and _CHECKPOINTER not in known:
            _refuse_questions(asked)
        thread = str(known.get("thread_id", ""))
        async with self._surrounded(await self._whose(thread, known, asked), thread):
            if input is None and await self.is_lost(thread):
                input = {}
            known |= {_STRICT_RESUME: True, ON_A_BRANCH: bool(known.get("checkpoint_id"))}
            given: Any = {**(config or {}), "configurable": known}
            async for event in super().astream(input, given, context=context, **options):
                yield event

    async def _whose(self, thread: str, configurable: Mapping[str, Any], asked: RunContext) -> str:
        """Return for whom a thread is run: whom a key has proved, else whose its run is, else who is said to ask."""
        if who := acting({"configurable": dict(configurable)}):
            return who.organization
        return await self.ports.runs.whose(thread) or asked.organization

    @asynccontextmanager
    async def _surrounded(self, whose: str, thread: str) -> AsyncIterator[None]:
        ports, run = self.ports, (whose, thread)
        before = await ports.runs.of_thread(*run)
        self._check(before)
        async with ports.runs.exclusive(*run, owner=ports.ledger.owner, wait_seconds=self.patience_seconds):
            await ports.ledger.close_orphans(*run)
            await self._note(run, RunStatus.RUNNING)
            try:
                yield
            except (UnknownInterruptError, EmptyInputError) as error:
                await self._settled(run, before)
                raise _answers_nothing(error) from error
            except NotTaken:
                if before:
                    await ports.runs.set_status(*run, before.status, waiting_at=before.waiting_at)
                raise
            except PostHubError as error:
                await self._note(run, RunStatus.FAILED, error)
                raise
            except (asyncio.CancelledError, GeneratorExit):
                await asyncio.shield(self._note(run, RunStatus.CANCELLED))
                raise
            except Exception as error:
                unexpected = PostHubError(f"The run met an unexpected {type(error).__name__}.")
                await self._note(run, RunStatus.FAILED, unexpected)
                raise
            if failure := await self._settled(run, before):
                raise failure

    def _check(self, run: RunRecord | None) -> None:
        if run is None:
            return
        if run.graph_version != GRAPH_VERSION:
            raise InvalidInput(
                f"The run was started with graph version {run.graph_version}, this is {GRAPH_VERSION}.",
                next_step="Resume it with the release that started it, or start the month again.",
            )
        if run.sandbox != self.sandbox:
            raise _other_providers(run)

    async def _settled(self, run: _Run, before: RunRecord | None) -> PostHubError | None:
        """Note how the run stands after its last step; returns what it failed by, if it did."""
        if self.checkpointer is None:
            return None
        state = await self.aget_state({"configurable": {"thread_id": run[1]}})
        if point := _waits_at(state):
            await self.ports.runs.set_status(*run, RunStatus.WAITING, waiting_at=point)
        elif _is_lost(state):
            point_before = before.waiting_at if before else None
            await self.ports.runs.set_status(*run, RunStatus.WAITING, waiting_at=point_before)
        elif not state.next and state.values.get("run_id"):
            return await self._ended(run, state.values)
        return None

    async def is_lost(self, thread: str) -> bool:
        """Whether a thread has nothing to do though its month is not handed over: "Ignore" of an inbox ends one."""
        if self.checkpointer is None:
            return False
        return _is_lost(await self.aget_state({"configurable": {"thread_id": thread}}))

    async def _ended(self, run: _Run, values: Mapping[str, Any]) -> PostHubError | None:
        out = values.get("package")
        if any(card["status"] == CardStatus.APPROVED for card in values.get("packages", {}).values()):
            await self.ports.runs.set_status(*run, RunStatus.DONE, out=out)
            return None
        error = PostHubError(
            "The month ended without one finished post.",
            next_step=f"See what failed with: posthub show {run[1]}",
        )
        await self.ports.runs.set_status(*run, RunStatus.FAILED, error=error.as_json(), out=out)
        return error

    async def _note(self, run: _Run, status: RunStatus, error: PostHubError | None = None) -> None:
        with suppress(NotFound):  # a month that was refused before it was opened has no row
            await self.ports.runs.set_status(*run, status, error=error.as_json() if error else None)


def compiled(
    ports: Ports,
    *,
    sandbox: bool,
    checkpointer: Any = None,
    patience_seconds: float = EXCLUSIVE_WAIT_SECONDS,
) -> MonthGraph:
    """Compile the month graph with what surrounds its runs.

    Args:
        ports: What the nodes use.
        sandbox: Whether stand-ins take the providers' place.
        checkpointer: Ours in process; none for a server, which brings its own.
        patience_seconds: How long another process may take to let go of a run.
    """
    plain: Any = build(ports, sandbox=sandbox).compile(checkpointer=checkpointer, name="month")
    plain.stream_channels = [key for key in plain.stream_channels if key not in TECHNICAL]
    return MonthGraph(ports=ports, sandbox=sandbox, patience_seconds=patience_seconds, **vars(plain))


def _refuse_questions(context: RunContext) -> None:
    if "ask" in policies(context.approve).values():
        raise InvalidInput(
            "This run has no thread, so nobody could answer what it asks.",
            next_step='Start it on a thread (a cron: with on_run_completed="keep"), or set approve to "auto".',
        )


def _is_lost(state: StateSnapshot) -> bool:
    return not state.next and bool(state.values.get("run_id")) and "package" not in state.values


def _waits_at(state: StateSnapshot) -> str:
    return next((pending.value["point"] for task in state.tasks for pending in task.interrupts), "")


def _answers_nothing(error: Exception) -> InvalidInput:
    return InvalidInput(
        f"The answer is to nothing that waits: {error}.", next_step="Read what waits, and answer that."
    )


def _other_providers(run: RunRecord) -> InvalidInput:
    if run.sandbox:
        return InvalidInput(
            f"The run {run.id} was started on the sandbox, and provider keys are set now: the two are never mixed.",
            next_step="Unset the provider keys to go on with it, or start the month again with posthub run.",
        )
    return InvalidInput(
        f"The run {run.id} was started with real providers, and no provider key is set now: the two are never mixed.",
        next_step="Set the keys of the providers that it was started with, and go on.",
    )
