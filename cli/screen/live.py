"""How progress is shown: drawn in place on a terminal, a line for each event elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from app.progress import POINTS, Mark, Progress, Step
from cli.screen.terminal import Screen
from cli.screen.text import clean, duration
from domain.money import format_usd

SANDBOX = "SANDBOX: no provider key, so stand-in providers answer. Nothing is real, nothing is charged."

_MARKS: Mapping[Mark, tuple[str, str]] = {
    "waiting": ("·", "dim"),
    "running": ("…", "cyan"),
    "done": ("✓", "green"),
    "problem": ("!", "yellow"),
}
_BAR, _ROOM_FOR_NOTES = 20, 64


class View(Protocol):
    """Shows a `Progress` while the run goes on."""

    progress: Progress

    def start(self) -> None: ...

    def take(self, event: Mapping[str, Any]) -> None: ...

    def stop(self) -> None: ...


def view(screen: Screen, progress: Progress) -> View:
    return LiveView(screen, progress) if screen.live else LineView(screen, progress)


class LineView:
    """A line for each event, for logs and pipes."""

    def __init__(self, screen: Screen, progress: Progress) -> None:
        self.progress = progress
        self._screen = screen
        self._said_title = False

    def start(self) -> None:
        self.progress.clock.start()
        if not self._said_title:
            self._said_title = True
            self._screen.say(self.progress.title)
            if self.progress.sandbox:
                self._screen.say(SANDBOX)

    def take(self, event: Mapping[str, Any]) -> None:
        line = self.progress.take(event)
        if line:
            self._screen.say(line)

    def stop(self) -> None:
        self.progress.clock.stop()


class LiveView:
    """One line for each step, with its bar, drawn again in place."""

    def __init__(self, screen: Screen, progress: Progress) -> None:
        self.progress = progress
        self._screen = screen
        self._table = StepTable(progress)
        self._live: Live | None = None

    def start(self) -> None:
        self.progress.clock.start()
        self._live = Live(self._table, console=self._screen.talk, refresh_per_second=8)
        self._live.start()

    def take(self, event: Mapping[str, Any]) -> None:
        self.progress.take(event)

    def stop(self) -> None:
        self.progress.clock.stop()
        if self._live:
            self._live.stop()
            self._live = None


class StepTable:
    """Draws a `Progress`; made anew at every refresh, so that the time runs on between events."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._spinner = Spinner("dots", style="cyan")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        progress = self._progress
        parts: list[RenderableType] = [
            Text(clean(progress.title), style="bold", no_wrap=True, overflow="ellipsis")
        ]
        if progress.sandbox:
            parts.append(Text(SANDBOX, style="bold yellow"))
        yield Group(*parts, self._steps(options.max_width >= _ROOM_FOR_NOTES), self._foot())

    def _steps(self, notes: bool) -> Table:
        table = Table.grid(padding=(0, 1))
        for _ in range(4):
            table.add_column(no_wrap=True)
        if notes:
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            table.expand = True
        for step in self._progress.steps.values():
            row = [self._mark(step), Text(step.label), _bar(step), _count(step)]
            table.add_row(*row, *([_note(step)] if notes else []))
        return table

    def _mark(self, step: Step) -> RenderableType:
        sign, style = _MARKS[step.mark]
        return (
            self._spinner
            if step.mark == "running" and not self._progress.waiting
            else Text(sign, style=style)
        )

    def _foot(self) -> Text:
        progress = self._progress
        foot = Text.assemble(
            "cost ",
            (format_usd(progress.cost_micro), "bold"),
            "   elapsed ",
            duration(progress.clock.seconds),
        )
        if progress.waiting:
            foot.append(
                f"   waits for review: {POINTS.get(progress.waiting, progress.waiting)}", style="bold magenta"
            )
        return foot


def _bar(step: Step) -> RenderableType:
    if not step.total:
        return Text("─" * _BAR, style="bright_black")
    style = "yellow" if step.mark == "problem" else "green"
    return ProgressBar(
        total=step.total, completed=step.finished, width=_BAR, complete_style="cyan", finished_style=style
    )


def _count(step: Step) -> Text:
    return Text(f"{step.done}/{step.total}" if step.total else "", justify="right")


def _note(step: Step) -> Text:
    problems = [f"{step.count(status)} {status}" for status in ("failed", "skipped") if step.count(status)]
    note = Text(", ".join(problems), style="yellow")
    if step.note:
        note.append(f"{'  ' if problems else ''}{clean(step.note)}", style="dim")
    return note
