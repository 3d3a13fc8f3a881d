"""Whose run a node works for: a thread that is a copy of another one is a run of its own."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast, get_type_hints

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import get_runtime
from langgraph.types import Command

from domain.errors import InvalidInput, NotFound
from domain.month import GRAPH_VERSION, Month, Work
from nodes.acting import Acting, acting
from nodes.work import Ports
from store.content.runs import unknown_run


@dataclass(frozen=True)
class Branch:
    """A node that works for the run of the thread in which it runs.

    The state of a copied thread names the run that it was copied from. Whatever comes first in the copy writes its own
    into the state, and opens that run where the thread was copied by something that knows nothing of runs.
    """

    ports: Ports
    node: Callable[..., Awaitable[Any]]

    @cached_property
    def input_schema(self) -> type[Any]:
        """What the node reads of the state."""
        hints: Mapping[str, Any] = get_type_hints(type(self.node).__call__)
        return cast("type[Any]", hints["state"])

    async def __call__(self, state: Any, config: RunnableConfig) -> Any:
        month: Month = state["month"] if self.input_schema is Work else state
        mine = await own_run(self.ports, month, config)
        if mine is month:
            return await self._work(state, config)
        adopted = {**state, "month": mine} if self.input_schema is Work else mine
        return _with_run(await self._work(adopted, config), mine["run_id"])

    def _work(self, state: Any, config: RunnableConfig) -> Awaitable[Any]:
        return self.node(state, config) if self._takes_config else self.node(state)

    @cached_property
    def _takes_config(self) -> bool:
        return "config" in inspect.signature(self.node).parameters


async def own_run(ports: Ports, month: Month, config: RunnableConfig) -> Month:
    """Return the month as it is where the thread is its run's, else as the thread's own run.

    Raises:
        NotFound: The state names another organization's month, which is answered as an unknown one.
        InvalidInput: Another release of the graph started it, or the month was deleted.
    """
    if month["graph_version"] != GRAPH_VERSION:
        raise InvalidInput(
            f"This run was started with graph version {month['graph_version']}, this is {GRAPH_VERSION}.",
            next_step="Resume it with the release that started it, or start the month again.",
        )
    thread, organization = str(config["configurable"]["thread_id"]), month["organization_id"]
    who = acting(config)
    if who and who.organization != organization:
        raise unknown_run(month["run_id"])
    if await ports.runs.of_thread(organization, thread) is None:
        await _open(ports, month, thread, who)
    return month if month["run_id"] == thread else {**month, "run_id": thread}


async def _open(ports: Ports, month: Month, thread: str, who: Acting | None) -> None:
    """Open the run of a copied thread for whom the engine says that it works, not for whom the state says so."""
    context: Any = get_runtime().context
    if not who and context and context.organization != month["organization_id"]:
        raise unknown_run(month["run_id"])
    try:
        await ports.branches.open(month["organization_id"], month["run_id"], thread)
    except NotFound as error:
        raise InvalidInput(
            "The month of this thread was deleted.", next_step="Start it again on a thread of its own."
        ) from error


def _with_run(result: Any, run_id: str) -> Any:
    if isinstance(result, Command):
        return replace(result, update={**cast("dict[str, Any]", result.update or {}), "run_id": run_id})
    return {**result, "run_id": run_id}
