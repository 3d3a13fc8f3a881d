"""Approvals: the five points, what a person may decide, and the three shapes in which answers arrive.

A decision may name the ``token`` of what it is about, and counts only for exactly that.

Shapes (LangChain's HITL middleware and agent-chat-ui, one decision alone, Agent Inbox):

    {"decisions": [{"token": "…", "type": "reject", "reason": "…"}, …]}    by token or id, or in the request's order
    {"type": "approve"}                                                    one decision for what waits
    [{"type": "accept" | "edit" | "response" | "ignore", "args": …}, …]    in the order of the request
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

Point = Literal["dna", "personas", "topics", "posts", "packages"]
Policy = Literal["ask", "auto"]
DecisionType = Literal["approve", "edit", "reject", "drop", "later"]

POINTS: tuple[Point, ...] = ("dna", "personas", "topics", "posts", "packages")

_WORDS: Mapping[str, DecisionType] = {
    "approve": "approve",
    "accept": "approve",
    "edit": "edit",
    "reject": "reject",
    "respond": "reject",
    "response": "reject",
    "drop": "drop",
    "later": "later",
    "ignore": "later",
}
_MAX_REASON = 4000
_NAMES = frozenset({"id", "token"})
"""Arguments of an action that name what is decided on; they are no fields of it."""


@dataclass(frozen=True)
class Decision:
    """What a person decided about one item. ``edited`` holds only the fields that change."""

    item: str
    type: DecisionType
    reason: str = ""
    edited: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    """Of a rejected package: which of social, images, video are made again; none named means all."""
    token: str = ""
    """What it is about: the token that it names, or that of what waits where it is certain."""


@dataclass(frozen=True)
class ReviewReply:
    """The decisions that could be understood, and what is wrong with the rest, in words for a person.

    ``doubtful`` are understood, but name no token where one was needed; what is wrong with them is a problem too.
    """

    decisions: tuple[Decision, ...]
    problems: tuple[str, ...]
    doubtful: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """What waits, and what is known of it by id, in words for a person.

    Attributes:
        tokens: The token of each item, in the order of the request; empty ones where an earlier release asked.
        doubt: Why it is not certain that a decision without a token is about these items; empty where it is.
        doubts: The same of single items.
        past: Who decided what of an item before, whether it waits again or not.
    """

    tokens: Mapping[str, str]
    doubt: str = ""
    doubts: Mapping[str, str] = field(default_factory=dict)
    past: Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> Sequence[str]:
        return list(self.tokens)

    def doubt_about(self, item: str) -> str:
        """Why it is not certain that a decision without a token is about an item; empty where it is."""
        return f"{item}: {self.doubt}" if self.doubt else self.doubts.get(item, "")


def parse_answer(answer: Any, waiting: Waiting) -> ReviewReply:
    """Understand an answer in any of the three shapes. Never raises: what does not fit becomes a problem.

    Args:
        answer: Whatever the person's tool sent.
        waiting: What waits. A decision that names a token of anything else is not taken.
    """
    entries, problem = _entries(answer, waiting.ids)
    if entries and waiting.doubt and not any(_token(entry) for _, entry in entries):
        problem = " ".join(
            [waiting.doubt, *(waiting.past[item] for item in waiting.ids if item in waiting.past)]
        )
    if problem:
        return ReviewReply((), (problem,))
    return _sorted([_understood(item, entry, waiting) for item, entry in entries])


def _sorted(understood: list[tuple[Decision | None, str]]) -> ReviewReply:
    decisions: dict[str, Decision] = {}
    doubtful, problems = [], []
    for decision, problem in understood:
        if decision and problem:
            doubtful.append(decision)
        elif decision and decision.item in decisions:
            problem = f"{decision.item} is decided twice; the first decision counts."
        elif decision:
            decisions[decision.item] = decision
        problems += [problem] if problem else []
    return ReviewReply(tuple(decisions.values()), tuple(problems), tuple(doubtful))


def _understood(item: str | None, entry: Any, waiting: Waiting) -> tuple[Decision | None, str]:
    """Return the decision of an entry, and what is wrong with it; both where it may be about something else."""
    token, current = _token(entry), waiting.tokens.get(str(item), "")
    if token and token != current:
        return None, f"{str(item)[:60]}: {stale(token, current, waiting.past.get(str(item), ''))}"
    parsed = _decision(item, entry, waiting)
    if isinstance(parsed, str):
        return None, parsed
    return replace(parsed, token=current), "" if token else waiting.doubt_about(parsed.item)


def _entries(answer: Any, waiting: Sequence[str]) -> tuple[list[tuple[str | None, Any]], str]:
    if isinstance(answer, Mapping) and isinstance(answer.get("decisions"), list):
        return _by_position(answer["decisions"], waiting)
    if isinstance(answer, Mapping) and "type" in answer:
        return _alone(answer, waiting)
    if isinstance(answer, list) and answer:
        return _by_position(answer, waiting)
    return [], (
        'The answer is not understood. Send {"decisions": [{"id": "…", "type": "approve"}]}; '
        f"ids that wait: {', '.join(waiting)}."
    )


def _by_position(entries: list[Any], waiting: Sequence[str]) -> tuple[list[tuple[str | None, Any]], str]:
    if len(entries) > len(waiting) and not all(_named(entry) for entry in entries):
        return [], f"{len(entries)} decisions came for {len(waiting)} items; name each by its id."
    positions = [*waiting, *([None] * len(entries))]
    return [(_named(entry) or positions[index], entry) for index, entry in enumerate(entries)], ""


def _alone(answer: Mapping[str, Any], waiting: Sequence[str]) -> tuple[list[tuple[str | None, Any]], str]:
    if _named(answer) or len(waiting) == 1:
        return [(_named(answer) or waiting[0], answer)], ""
    if _WORDS.get(str(answer["type"])) == "approve":
        return [(item, answer) for item in waiting], ""
    return [], f'{len(waiting)} items wait; say which with "id": one of {", ".join(waiting)}.'


def _named(entry: Any) -> str:
    """The item that an entry names, by id or by token; empty where it stands for its place in the order."""
    if not isinstance(entry, Mapping):
        return ""
    return str(entry.get("id") or item_of(_token(entry)) or "")


def _token(entry: Any) -> str:
    """The token that an entry names; tools that return an edited action send it among the action's arguments."""
    if not isinstance(entry, Mapping):
        return ""
    return str(entry.get("token") or _edited(entry).get("token") or "")


def _decision(position: str | None, entry: Any, waiting: Waiting) -> Decision | str:
    if not isinstance(entry, Mapping):
        return f"A decision is {type(entry).__name__}, not an object."
    item = str(position)
    if item not in waiting.tokens:
        past = f" {waiting.past[item]}" if item in waiting.past else ""
        return f"{item[:60]!r} does not wait for a decision; waiting: {', '.join(waiting.ids)}.{past}"
    kind = _WORDS.get(str(entry.get("type")))
    if kind is None:
        return f"{item}: the decision {str(entry.get('type'))[:40]!r} is unknown; use approve, edit, reject or drop."
    reason = _reason(entry)
    if kind == "reject" and not reason:
        return f'{item}: say why it is rejected ("reason"), so that it can be made again better, or drop it.'
    if kind != "edit":
        if entry.get("edited") or entry.get("edited_action"):
            return f'{item}: {kind} changes no fields; send "type": "edit" to change and approve it.'
        return Decision(item, kind, reason, parts=_parts(entry))
    if str(_edited(entry).get("id", item)) != item:
        return f"{item}: its id cannot be edited."
    edited = {key: value for key, value in _edited(entry).items() if key not in _NAMES}
    return (
        Decision(item, kind, reason, edited)
        if edited
        else f'{item}: the edit holds no changed fields ("edited").'
    )


def _reason(entry: Mapping[str, Any]) -> str:
    args = entry.get("args")
    text = entry.get("reason") or entry.get("message") or (args if isinstance(args, str) else "")
    return str(text).strip()[:_MAX_REASON]


def _edited(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    edited = entry.get("edited")
    for holder in (entry.get("edited_action"), entry.get("args")):
        if edited is None and isinstance(holder, Mapping):
            edited = holder.get("args", holder)
    return edited if isinstance(edited, Mapping) else {}


def _parts(entry: Mapping[str, Any]) -> tuple[str, ...]:
    parts = entry.get("parts")
    return tuple(str(part) for part in parts) if isinstance(parts, list) else ()


_FORM = re.compile(r"([\w.]+)-(\d+)-(\d+)-([0-9a-f]{16})")


class Named(NamedTuple):
    """What a token names: the id, how often it was made again and changed since, the start of its content's hash."""

    item: str
    revision: int
    edition: int
    content_hash: str


def token_of(item: str, revision: int, edition: int, content_hash: str) -> str:
    """Name what is shown, such as ``t01.post-1-0-5f0c9a…``; safe in addresses and the same on every reading.

    Args:
        item: The id under which it is decided, which says the review point too.
        revision: How often the item was made again.
        edition: How often a person changed this revision.
        content_hash: Hex of 16 digits or more; 64 bits of it tell versions apart, they keep no secret.
    """
    return f"{item}-{revision}-{edition}-{content_hash[:16]}"


def named_by(token: str) -> Named | None:
    """What a token names; None where it is no token."""
    form = _FORM.fullmatch(token)
    return Named(form[1], int(form[2]), int(form[3]), form[4]) if form else None


def item_of(token: str) -> str:
    """The item's id that a token names; empty where it is no token."""
    named = named_by(token)
    return named.item if named else ""


def words_of(token: str) -> str:
    """Say what a token stands for, for people."""
    named = named_by(token)
    if not named:
        return f"{token[:60]!r}, which is no token"
    return f"{named.item} (revision {named.revision}, edition {named.edition})"


def stale(given: str, current: str, past: str = "") -> str:
    """Say that a decision is about something else than what waits now.

    Args:
        given: The token that the decision names.
        current: The token of what waits now under the same id; empty where nothing does.
        past: Who decided what of it before, as a sentence of its own; empty where nobody did.
    """
    waits = f"what waits now is {words_of(current)}" if current else "that does not wait now"
    if current and words_of(given) == words_of(current):
        waits = "its content is another one now"
    told = f" {past}" if past else ""
    return f"the decision is about {words_of(given)}; {waits}.{told} Look at it and decide again."
