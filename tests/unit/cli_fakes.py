"""A person with a script, and a terminal that remembers."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from cli.screen.terminal import Screen


class Script:
    """A keyboard that types what was written down; fails the test when there is nothing left to type."""

    def __init__(self, keys: str = "", lines: tuple[str, ...] = (), edit: Callable[[str], str] = str) -> None:
        self.keys = list(keys)
        self.lines = list(lines)
        self._edit = edit

    def key(self) -> str:
        assert self.keys, "one more key is asked for"
        return self.keys.pop(0)

    def line(self, prompt: str) -> str:
        assert self.lines, f"one more line is asked for: {prompt}"
        return self.lines.pop(0)

    def edit(self, text: str, suffix: str) -> str:
        return self._edit(text)


def paper(width: int = 100, height: int = 30) -> Screen:
    """A screen on paper; `text_of` reads it."""
    console = Console(
        file=io.StringIO(), width=width, height=height, markup=False, emoji=False, highlight=False
    )
    return Screen(console, console, json=False, interactive=True)


def text_of(screen: Screen) -> str:
    assert isinstance(screen.talk.file, io.StringIO)
    return screen.talk.file.getvalue()


def request_of(
    *items: str, text: str = "Text", failed: tuple[str, ...] = (), problems: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A HITL request as `nodes.review.point` builds it."""
    allowed = {True: ["reject", "drop"], False: ["approve", "edit", "reject", "drop"]}
    return {
        "items": list(items),
        "problems": list(problems),
        "action_requests": [
            {
                "name": "review",
                "args": {"id": item, "title": f"Title {item}"},
                "description": f"### {item}\n{text}",
            }
            for item in items
        ],
        "review_configs": [
            {"action_name": "review", "allowed_decisions": allowed[item in failed]} for item in items
        ],
    }


async def same_fields(point: str, item: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields
