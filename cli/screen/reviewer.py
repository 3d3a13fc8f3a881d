"""Asks a person in the terminal about everything that waits at a review point."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rich.markdown import Markdown
from rich.rule import Rule
from rich.segment import Segment, SegmentLines
from rich.text import Text

from app.decisions import WaitingItem, waiting_items
from app.progress import POINTS
from cli.screen.terminal import Keyboard, Screen
from cli.screen.text import clean, plural
from domain.errors import InvalidInput

Fields = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""(point, item, fields of the request) → all fields of the item that a person may change."""

_SHORT_AT_MOST, _LEAST = 40, 10
_PARTS = "social, images, video"


class Reviewer:
    """Remembers over several review points what the person wants of the whole month.

    Args:
        screen: Where to ask.
        keyboard: Where answers come from.
        fields: Returns all editable fields of an item; a request holds only a summary of an article.
    """

    def __init__(self, screen: Screen, keyboard: Keyboard, fields: Fields) -> None:
        self._screen = screen
        self._keyboard = keyboard
        self._fields = fields
        self._accept_rest = False
        self._stopped = False
        self._asked_at = ""
        self._later: set[tuple[str, str]] = set()

    async def ask(self, point: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the decisions in the first of the three shapes, or None to leave the run waiting."""
        problems = [str(problem) for problem in request.get("problems", [])]
        self._show_problems(problems)
        if self._stopped:
            return None
        items = waiting_items(request)
        again, self._asked_at = point == self._asked_at, point
        if self._accept_rest and not (problems and again):
            return _answer(items, {each.item: _accepted(each) for each in items})
        self._accept_rest = False  # what was refused once would be refused for ever
        asked = [each for each in items if (point, each.item) not in self._later]
        decided = await self._ask_all(point, asked) if asked else {}
        if self._stopped and decided and not self._keep(len(decided)):
            return None
        if not decided and not self._stopped:
            self._screen.say(f"{POINTS[point]}: {plural(len(items), 'item')} left for later.")
        return _answer(items, decided) if decided else None

    async def _ask_all(self, point: str, items: Sequence[WaitingItem]) -> dict[str, dict[str, Any]]:
        decided: dict[str, dict[str, Any]] = {}
        index = 0
        while index < len(items) and not self._stopped:
            each = items[index]
            self._later.discard((point, each.item))
            self._show(point, each, index + 1, len(items))
            key, decision = await self._ask_one(point, each, first=index == 0)
            if decision:
                decided[each.item] = decision
            elif key in "AX" and key:
                decided |= {other.item: _accepted(other) for other in items[index:]}
                self._accept_rest = key == "X"
                break
            elif key == "b":
                index -= 1
                decided.pop(items[index].item, None)
                continue
            index += 1
        return decided

    async def _ask_one(
        self, point: str, each: WaitingItem, *, first: bool
    ) -> tuple[str, dict[str, Any] | None]:
        """Return the key that ended the question, and the decision if it was one about this item."""
        keys = self._keys(each, first)
        while True:
            self._show_keys(keys)
            key = self._keyboard.key()
            if key not in keys:
                continue
            self._screen.say(f"→ {keys[key]}", "dim")
            if key == "m":
                self._read_all(each)
                continue
            if key in "AXb":
                return key, None
            if key in "lq":
                self._put_off(point, each, stop=key == "q")
                return key, None
            decision = await self._decide(key, point, each)
            if decision:
                return key, decision

    async def _decide(self, key: str, point: str, each: WaitingItem) -> dict[str, Any] | None:
        if key == "a":
            return {"type": "approve"}
        if key == "d":
            return {"type": "drop"}
        return self._reject(point) if key == "r" else await self._edit(point, each)

    def _keys(self, each: WaitingItem, first: bool) -> dict[str, str]:
        words = {"a": "approve", "e": "edit", "r": "reject", "d": "drop"}
        keys = {key: word for key, word in words.items() if word in each.allowed}
        keys["l"] = "later"
        if not first:
            keys["b"] = "back"
        if len(self._lines(each)) > self._room():
            keys["m"] = "read all"
        return keys | {"A": "all here", "X": "all from here on", "q": "stop"}

    def _put_off(self, point: str, each: WaitingItem, *, stop: bool) -> None:
        if stop:
            self._stopped = True
        else:
            self._later.add((point, each.item))

    def _reject(self, point: str) -> dict[str, Any] | None:
        reason = self._keyboard.line("Why? It is made again with your reason (empty: go back): ")
        if not reason:
            return None
        decision: dict[str, Any] = {"type": "reject", "reason": reason}
        if point == "packages":
            parts = (
                self._keyboard.line(f"Which parts again: {_PARTS} (empty: all)? ").replace(",", " ").split()
            )
            decision |= {"parts": parts} if parts else {}
        return decision

    async def _edit(self, point: str, each: WaitingItem) -> dict[str, Any] | None:
        from app.editing import as_yaml, changes, editable

        fields = editable(point, await self._fields(point, each.item, each.fields))
        text = as_yaml(f"{POINTS[point]}: {each.item}", fields)
        while True:
            try:
                text = self._keyboard.edit(text, ".yaml")
                edited = changes(fields, text)
            except InvalidInput as error:
                self._screen.say(str(error), "yellow")
                self._screen.say("Any key opens it again; q leaves it as it was.", "bold")
                if self._keyboard.key() == "q":
                    return None
                continue
            if not edited:
                self._screen.say("Nothing was changed.", "yellow")
                return None
            return {"type": "edit", "edited": edited}

    def _keep(self, count: int) -> bool:
        self._screen.say(
            f"Keep the {plural(count, 'decision')} made here and let that work go on? y/n", "bold"
        )
        while True:
            key = self._keyboard.key().lower()
            if key in {"y", "n", "q"}:
                return key == "y"

    # what the person sees

    def _show_problems(self, problems: Sequence[str]) -> None:
        for problem in problems:
            self._screen.say(f"Not taken: {problem}", "bold yellow")

    def _show(self, point: str, each: WaitingItem, number: int, total: int) -> None:
        talk = self._screen.talk
        talk.print()
        talk.print(Rule(Text(f"{POINTS[point]} · {number} of {total} · {clean(each.item)}"), style="magenta"))
        lines, room = self._lines(each), self._room()
        self._print(lines[:room])
        if len(lines) > room:
            self._screen.say(f"… {len(lines) - room} more lines: m", "dim")

    def _show_keys(self, keys: Mapping[str, str]) -> None:
        line = Text()
        for key, word in keys.items():
            line.append(f" {key} ", style="reverse bold")
            line.append(f" {word}  ")
        self._screen.talk.print(line)

    def _read_all(self, each: WaitingItem) -> None:
        lines, page = self._lines(each), max(_LEAST, self._screen.talk.height - 2)
        for start in range(0, len(lines), page):
            self._print(lines[start : start + page])
            if start + page >= len(lines):
                return
            self._screen.say("space: next page, q: enough", "dim")
            if self._keyboard.key() == "q":
                return

    def _lines(self, each: WaitingItem) -> list[list[Segment]]:
        return self._screen.talk.render_lines(Markdown(each.text, hyperlinks=False), pad=False)

    def _room(self) -> int:
        return max(_LEAST, min(_SHORT_AT_MOST, self._screen.talk.height - 6))

    def _print(self, lines: Sequence[list[Segment]]) -> None:
        self._screen.talk.print(SegmentLines(lines, new_lines=True), end="")


def _accepted(each: WaitingItem) -> dict[str, Any]:
    """What accepting means: what failed cannot be approved, so it is left out of the month."""
    return {"type": "approve"} if "approve" in each.allowed else {"type": "drop"}


def _answer(
    items: Sequence[WaitingItem], decided: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Name what was shown with each decision, so that it counts for nothing else."""
    tokens = {each.item: {"token": each.token} if each.token else {} for each in items}
    return {"decisions": [{"id": item, **tokens[item], **decision} for item, decision in decided.items()]}
