"""Takes a month up again on a thread that lost what it was about to do, or that was given an input once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from domain.errors import InvalidInput, NotTaken
from domain.month import Month
from domain.month_request import MonthInput, parse
from domain.review import POINTS
from nodes.branch import own_run
from nodes.intake import RunContext
from nodes.standing import standing
from nodes.work import Ports
from store.content.run_record import RunRecord


@dataclass(frozen=True)
class TakeUp:
    """Goes on where the cards say that the month stands. Another request is refused in words, and changes nothing."""

    ports: Ports

    async def __call__(
        self, state: Month, config: RunnableConfig, runtime: Runtime[RunContext]
    ) -> Command[Any]:
        """Restore the month's own request and go on.

        Raises:
            NotFound: The month is another organization's.
            NotTaken: The month is done, and another one was asked for.
        """
        context = runtime.context or RunContext()
        run = await self.ports.runs.get(context.organization, state["run_id"])
        month = await own_run(self.ports, state, config)
        own: Any = {name: run.request[name] for name in MonthInput.model_fields if name in run.request}
        stands = standing({**month, **own})
        update = {**own, **stands.update, "run_id": month["run_id"]}
        if _is_another(state, run):
            refused = f"This thread carries {run.request['company']} through {run.month}: no other request is taken."
            if not stands.works:
                raise NotTaken(refused, next_step="Start another month on a thread of its own.")
            words = [f"{refused} Decide what waits here, or start another month on a thread of its own."]
            update["problems"] = dict.fromkeys([stands.point] if stands.point else POINTS, words)
        return Command(update=update, goto=stands.works or END)


def _is_another(state: Month, run: RunRecord) -> bool:
    given: dict[str, Any] = {name: state[name] for name in MonthInput.model_fields if name in state}  # type: ignore[literal-required]
    if all(run.request.get(name) == value for name, value in given.items()):
        return False
    try:
        asked = parse({**run.request, **given}, today=datetime.now(UTC)).as_json()
    except InvalidInput:
        return True
    return any(run.request.get(name) != asked[name] for name in MonthInput.model_fields)
