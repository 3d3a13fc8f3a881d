"""What a run made, what it cost and how it goes on, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.money.quotes import ComparedQuote
from app.progress import POINTS
from cli.screen.output import STYLES, status_text, usd
from cli.screen.text import clean, listed, one_line, plural
from domain.money import format_usd

_COUNTS = {
    "personas": "persona",
    "topics": "topic",
    "posts": "post",
    "social": "social post",
    "images": "image",
    "videos": "video",
}
_PROBLEMS, _PROBLEM = 6, 200
"""Lines of what went wrong, and characters of one; all of it is in the JSON."""


def quote_line(quote: ComparedQuote) -> str:
    """Say what a month will cost, in a sentence."""
    expected, worst = format_usd(quote.expected_micro), format_usd(quote.worst_micro)
    return f"Will cost about {expected}, at most {worst}; see posthub quote --help"


def summary_panel(summary: Mapping[str, Any]) -> Panel:
    """What a run made, what it cost, and where to look; built from `app.months.Months.summary`."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _rows(summary):
        grid.add_row(name, value)
    title = Text(f"{clean(summary['company'])} · {summary['month']} · {summary['tier']}", style="bold")
    body: list[RenderableType] = [grid]
    if summary["sandbox"]:
        note = "SANDBOX: made by stand-in providers; nothing is real, nothing was charged."
        body.insert(0, Text(note + "\n", style="bold yellow"))
    return Panel(
        Group(*body), title=title, border_style=STYLES.get(summary["status"], "white"), padding=(1, 2)
    )


def _deciders(decisions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who decided how much, and when last."""
    last = {each["by"]: f"{each['at'][:16].replace('T', ' ')} UTC" for each in decisions}
    count = Counter(each["by"] for each in decisions)
    return [f"{number:>5}  by {clean(by)}, last at {last[by]}" for by, number in count.items()]


def _rows(summary: Mapping[str, Any]) -> list[tuple[str, RenderableType]]:
    rows: list[tuple[str, RenderableType]] = [("Status", _status(summary))]
    counts = [plural(summary["counts"].get(key, 0), word) for key, word in _COUNTS.items()]
    rows.append(("Made", ", ".join(counts)))
    if summary["words"]:
        rows.append(
            (
                "Words",
                Text("\n".join(f"{words:>5}  {clean(slug)}" for slug, words in summary["words"].items())),
            )
        )
    if summary["decisions"]:
        rows.append(("Decided", Text("\n".join(_deciders(summary["decisions"])))))
    rows.append(("Cost", _cost(summary["cost_usd"])))
    if summary.get("quote"):
        rows.append(
            (
                "Quoted",
                f"{usd(summary['quote']['expected_usd'])}, at most {usd(summary['quote']['worst_usd'])}",
            )
        )
    for key in ("failed", "skipped"):
        if summary[key]:
            rows.append((key.capitalize(), Text("\n".join(_problems(summary, key)), style="yellow")))
    if summary["error"]:
        rows.append(("Error", Text(clean(_error(summary["error"])), style="red")))
    index = index_page(summary)
    if index:
        rows.append(("Look at", Text(clean(index))))
    rows.append(("Thread", str(summary["thread_id"])))
    return rows


def index_page(summary: Mapping[str, Any]) -> Path | None:
    """Return the package's page, if it was written."""
    page = Path(summary["out"], "index.html") if summary["out"] else None
    return page.resolve() if page and page.is_file() else None


def next_command(summary: Mapping[str, Any]) -> str:
    """Say how to go on with a run that is not done, or return an empty string."""
    thread, waiting = summary["thread_id"], summary["waiting"]
    if waiting:
        point = POINTS.get(waiting["point"], waiting["point"])
        return f"Waits for review: {point} ({listed(waiting['items'])}). Answer with: posthub review {thread}"
    return "" if summary["status"] == "done" else f"Go on with: posthub resume {thread}"


def _status(summary: Mapping[str, Any]) -> RenderableType:
    status = status_text(summary["status"], summary["status"])
    if summary["waiting"]:
        point = summary["waiting"]["point"]
        status.append(f" for review: {POINTS.get(point, point)} ({listed(summary['waiting']['items'])})")
    return status


def _problems(summary: Mapping[str, Any], key: str) -> list[str]:
    lines = [one_line(line) for line in summary[key]]
    shown = [line if len(line) <= _PROBLEM else f"{line[:_PROBLEM]}…" for line in lines[:_PROBLEMS]]
    left = len(lines) - _PROBLEMS
    return shown if left <= 0 else [*shown, f"and {left} more: posthub show {summary['thread_id']} --json"]


def _cost(cost: Mapping[str, str]) -> RenderableType:
    lines = [f"{usd(amount):>9}  {provider}" for provider, amount in cost.items() if provider != "total"]
    return Text.assemble("\n".join(lines), "\n" if lines else "", (f"{usd(cost['total']):>9}  total", "bold"))


def _error(error: Any) -> str:
    if isinstance(error, Mapping):
        return f"{error.get('message', '')} {error.get('next_step', '')}".strip()
    return str(error)
