"""Results for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from cli.screen.terminal import Screen
from cli.screen.text import clean
from domain.money import format_usd, to_micro
from domain.worlds import World

STYLES = {
    "done": "green",
    "waiting": "magenta",
    "running": "cyan",
    "failed": "red",
    "cancelled": "yellow",
    "stopped": "yellow",
}


def print_json(screen: Screen, value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    screen.out.file.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")
    screen.out.file.flush()


def usd(amount: str) -> str:
    """Format an exact amount in USD for people."""
    return format_usd(to_micro(Decimal(amount)))


def status_text(text: str, status: str) -> Text:
    return Text(clean(text), style=STYLES.get(status, ""))


def table(*columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """Return a table whose columns fold instead of being cut; those named ``whole`` are to be copied."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        side: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column, justify=side, overflow="fold", no_wrap=column in whole)
    return made


def worlds_apart(world: World, other_micro: int) -> list[str]:
    """Say of figures whose they are, where that is not plain."""
    said = ["These are the sandbox's figures; nobody is billed for them."] if world is World.SANDBOX else []
    if other_micro:
        whose = "The sandbox" if world is World.REAL else "Real providers"
        said.append(
            f"{whose} besides, not contained: {format_usd(other_micro)} (see --world {world.other.value})."
        )
    return said
