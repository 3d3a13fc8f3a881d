"""What a month's steps have done so far: a plain model that views draw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.content.shown import duration, one_line
from domain.money import format_usd
from domain.stages import REVIEWED, WORKING

Mark = Literal["waiting", "running", "done", "problem"]

POINTS: Mapping[str, str] = {stage.point: stage.items_label for stage in REVIEWED if stage.point}
"""How a review point is called in front of people."""

_BETWEEN_QUEUE_LINES = 5.0


@dataclass
class Step:
    """One step of the month: what became of each of its items."""

    label: str
    items: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def total(self) -> int:
        return len(self.items)

    @property
    def done(self) -> int:
        return self.count("done")

    @property
    def finished(self) -> int:
        return self.total - self.count("pending")

    def count(self, status: str) -> int:
        return sum(each == status for each in self.items.values())

    @property
    def mark(self) -> Mark:
        if not self.items:
            return "waiting"
        if self.count("pending"):
            return "running"
        return "problem" if self.done < self.total else "done"


class Clock:
    """Counts the time in which the machine worked, not the time in which it waited for a person."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counted = 0.0
        self._since: float | None = None

    def start(self) -> None:
        if self._since is None:
            self._since = self._now()

    def stop(self) -> None:
        self._counted, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        return self._counted + (self._now() - self._since if self._since is not None else 0.0)


class Progress:
    """The steps of one run, fed with the events of `app.months.Months.advance`.

    Args:
        title: Which month this is.
        sandbox: Whether stand-ins take the providers' place.
        clock: Counts the elapsed time.
    """

    def __init__(self, title: str, *, sandbox: bool, clock: Clock | None = None) -> None:
        self.title = title
        self.sandbox = sandbox
        self.clock = clock or Clock()
        self.steps = {stage.name: Step(stage.label) for stage in WORKING}
        self.cost_micro = 0
        self.waiting: str | None = None
        self._told_of_queue = -_BETWEEN_QUEUE_LINES

    def made(self, step: str, items: Iterable[str]) -> None:
        """Count items that an earlier process has made."""
        for item in items:
            self.steps[step].items[item] = "done"

    def take(self, event: Mapping[str, Any]) -> str | None:
        """Take one event and return it as a line, or None where it says nothing new."""
        kind = event.get("event")
        if kind == "step":
            return self._announced(str(event["step"]), [str(item) for item in event["items"]])
        if kind == "item":
            return self._became(event)
        if kind == "wait":
            return self._queued(event)
        if kind == "waiting":
            self.waiting = str(event["point"])
            return None
        return None

    def _announced(self, key: str, items: list[str]) -> str | None:
        step = self.steps.get(key)
        if step is None or not items:
            return None
        self.waiting = None
        step.note = ""
        for item in items:
            step.items[item] = "pending"
        return self._line(step, f"{len(items)} to make")

    def _became(self, event: Mapping[str, Any]) -> str | None:
        step = self.steps.get(str(event["step"]))
        status, label = str(event["status"]), one_line(event.get("label") or "")
        if step is None:
            return None
        step.items[str(event["item"])] = "pending" if status == "again" else status
        step.note = label
        words = {"again": "is made again", "failed": "FAILED", "skipped": "skipped"}.get(status, status)
        return self._line(step, f"{event['item']} {words}{': ' + label if label else ''}")

    def _queued(self, event: Mapping[str, Any]) -> str | None:
        """A call waits for a place in a provider's rate limit; many do at once, so not each is a line."""
        step = next((each for each in self.steps.values() if each.mark == "running"), None)
        if step is None:
            return None
        text = (
            f"waits for a place at {event['provider']} ({event['limit']} in {event['window_seconds']} s), "
            f"{event['position']} in the queue, about {duration(float(event['seconds']))}"
        )
        step.note = text
        if self.clock.seconds - self._told_of_queue < _BETWEEN_QUEUE_LINES:
            return None
        self._told_of_queue = self.clock.seconds
        return self._line(step, text)

    def _line(self, step: Step, text: str) -> str:
        cost = format_usd(self.cost_micro)
        return (
            f"{duration(self.clock.seconds):>6}  {cost:>8}  {step.label:<9} {step.done}/{step.total}  {text}"
        )
