"""What all review points share.

A review node asks with one `interrupt` for everything that waits, so that Studio, agent-chat-ui, Agent Inbox, the
command line and our pages can all answer. Before the interrupt it only reads, and notes that the run waits: on
every answer LangGraph runs the node from its start. An answer becomes rows first (`nodes.review.recording`), and only
rows are carried out, whoever made them: the command line makes them before it starts the graph. What is decided goes
on, what is not is asked again, what does not fit is asked again with what is wrong.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphInterrupt
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel, ValidationError

from domain.content.edits import FIXED, Schema, changes
from domain.errors import InvalidInput
from domain.ids import content_hash, whole_of
from domain.month import (
    Card,
    Cards,
    CardStatus,
    Month,
    Work,
    cards_of,
    merge_card,
    with_cards,
)
from domain.review import Decision, DecisionType, Point, token_of
from domain.stages import PACKAGES, POSTS, TOPICS, Kind, Stage
from domain.tiers import tier
from nodes.made import DECIDED
from nodes.review.answer_schema import answer_schema
from nodes.review.question import Asked, Question, Shown, brought, now
from nodes.review.recording import Hearing
from nodes.work import Ports, meant, owner, progress
from store.content.decisions import Decided
from store.content.items import ItemRecord
from store.content.run_record import RunStatus

Next = list[Send | str]


@dataclass
class Ruling:
    """What one answer changes; filled decision by decision."""

    cards: Cards
    rework: list[Decision]
    approved: list[str]


@dataclass(frozen=True)
class Review(ABC):
    """One review point; subclasses say what is shown, how an edit is checked and who works next."""

    ports: Ports

    stage: ClassVar[Stage]
    allowed: ClassVar[tuple[DecisionType, ...]] = ("approve", "edit", "reject", "drop")
    parts: ClassVar[tuple[str, ...]] = ()
    """What of a rejected item can be made again alone."""

    @property
    def point(self) -> Point:
        """How the stage's review point is called."""
        assert self.stage.point is not None
        return self.stage.point

    @property
    def kind(self) -> Kind:
        """What is decided here."""
        assert self.stage.kind is not None
        return self.stage.kind

    async def __call__(self, state: Month, config: RunnableConfig) -> Command[Any]:
        waiting = self.waiting(state)
        if not waiting:
            return Command(goto=self.onward(state))
        question = await self._question(state, waiting)
        hearing = Hearing(self.ports.decisions, owner(state), self.stage, question, brought(config))
        if state["approve"].get(self.point) == "auto":
            await hearing.by_policy(self.automatic(state, waiting))
        else:
            await self._ask(state, hearing)
        return await self._decide(state, waiting, hearing)

    async def _ask(self, state: Month, hearing: Hearing) -> None:
        """Record what is answered. Where something is decided already that was not carried out, no answer is needed."""
        standing = await hearing.standing()
        if not standing:
            await self._note(state, RunStatus.WAITING, self.point)
        problems = [each for told in state.get("problems", {}).values() for each in told]
        request = hearing.question.request(self.stage.review_node, problems)
        try:
            answer = interrupt(request, response_schema=answer_schema(hearing.question.items, self.parts))
        except GraphInterrupt:
            if not standing:
                raise
        else:
            await hearing.hear(answer, standing)
        await self._note(state, RunStatus.RUNNING)

    async def _note(self, state: Month, status: RunStatus, waiting_at: str | None = None) -> None:
        mine = owner(state)
        await self.ports.runs.set_status(mine.organization_id, mine.run_id, status, waiting_at=waiting_at)

    def waiting(self, state: Month) -> list[str]:
        cards = self.cards(state)
        return [
            item for item in sorted(cards) if cards[item]["status"] in {CardStatus.WAITING, CardStatus.FAILED}
        ]

    def cards(self, state: Month) -> Cards:
        return cards_of(state, self.stage)

    def automatic(self, state: Month, waiting: Sequence[str]) -> tuple[Decision, ...]:
        """What the policy decides: everything that was made is approved, what failed is dropped."""
        cards = self.cards(state)
        return tuple(
            Decision(item, "drop", cards[item].get("problem", ""))
            if cards[item]["status"] == CardStatus.FAILED
            else Decision(item, "approve")
            for item in waiting
        )

    async def _question(self, state: Month, waiting: Sequence[str]) -> Question:
        asks = Question(
            state["run_id"], self.point, [await self._asked(state, item) for item in waiting], now()
        )
        # what is written before the interrupt is written again on every answer, and is the same then
        asked_at = await self.ports.decisions.asked(owner(state), self.point, asks.id, asks.asked_at)
        return replace(asks, asked_at=asked_at)

    async def _asked(self, state: Month, item: str) -> Asked:
        card = self.cards(state)[item]
        failed = card["status"] == CardStatus.FAILED
        shown = _failure(card) if failed else await self.show(state, item)
        id_, revision = self.stage.asked_as(item), card.get("revision", 0)
        token = token_of(id_, revision, shown.edition, shown.content_hash)
        return Asked(id_, item, revision, token, shown, ("reject", "drop") if failed else self.allowed)

    async def _decide(self, state: Month, waiting: Sequence[str], hearing: Hearing) -> Command[Any]:
        """Carry out what is recorded; nothing is done for a decision that is no row."""
        ruling = Ruling({}, [], [])
        state = await self._carry_out(state, ruling, hearing)
        left_over = self.left_over(state, ruling, waiting)
        if left_over:
            await hearing.by_policy(left_over)
            state = await self._carry_out(state, ruling, hearing)
        # what could not be taken is told with the next question, whichever point asks it
        problems = {**{point: [] for point in state.get("problems", {})}, self.point: hearing.problems}
        update: dict[str, Any] = {self.stage.key: ruling.cards, "problems": problems}
        works = [*(self.again(state, ruling) if ruling.rework else []), *self.produce(state, ruling, update)]
        return Command(update=update, goto=works or self._stay_or_leave(state, ruling, waiting))

    async def _carry_out(self, state: Month, ruling: Ruling, hearing: Hearing) -> Month:
        """Do what was decided, again where a process died in between, and return the month as it is then."""
        for row in await hearing.first_of_each():
            problem = "" if row.item in ruling.cards else await self._one(state, ruling, row, hearing)
            if problem:
                await hearing.refuse(row, problem)
            state = with_cards(state, self.stage, ruling.cards)
        return state

    async def _one(self, state: Month, ruling: Ruling, row: Decided, hearing: Hearing) -> str:
        """Do what one decision says, or return what is wrong with it."""
        decision = Decision(row.item, row.decision, row.reason, row.edited, row.parts)
        problem = self.refuse(state, ruling, decision)
        if problem:
            return problem
        card = self.cards(state)[row.item]
        failed = card["status"] == CardStatus.FAILED
        await hearing.accept(row, None if failed else await self.show(state, row.item))
        if decision.type == "edit":
            edited = await self._edit(state, decision, row.decided_by)
            if isinstance(edited, str):
                return edited
            card = merge_card(card, edited)
            state = with_cards(state, self.stage, {row.item: card})
            await hearing.accept(row, await self.show(state, row.item))
        await self._apply(state, ruling, decision, {**card})
        return ""

    def refuse(self, state: Month, ruling: Ruling, decision: Decision) -> str:
        """Say why a decision cannot be taken, or return an empty string."""
        card = self.cards(state)[decision.item]
        if decision.type not in (*self.allowed, "later"):
            return f"{decision.type} is not possible here; use {', '.join(self.allowed)}."
        if card["status"] == CardStatus.FAILED and decision.type in {"approve", "edit"}:
            return "it failed: reject it to have it made again, or drop it."
        limit = tier(state["tier"]).regenerations
        if decision.type == "reject" and card.get("revision", 0) >= limit:
            return (
                f"LIMIT_EXCEEDED, the tier {state['tier']} makes an item again {limit} times at "
                "most; approve, edit or drop it."
            )
        return ""

    async def _apply(self, state: Month, ruling: Ruling, decision: Decision, card: Card) -> None:
        if decision.type in {"approve", "edit"}:
            card["status"] = CardStatus.APPROVED.value
            ruling.approved.append(decision.item)
        elif decision.type == "drop":
            card["status"] = CardStatus.DROPPED.value
        else:
            card |= {"status": CardStatus.WORKING.value, "revision": card.get("revision", 0) + 1}
            ruling.rework.append(decision)
            progress(self.stage, decision.item, "again", decision.reason)
        ruling.cards[decision.item] = card
        await self.mark(state, decision.item, CardStatus(card["status"]))

    async def _edit(self, state: Month, decision: Decision, decided_by: str) -> Card | str:
        try:
            shown = await self.show(state, decision.item)
            edited = changes(decision.edited, shown.fields, self.editable, FIXED[self.point])
            return await self.edit(state, decision.item, edited, decided_by)
        except ValidationError as error:
            return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        except InvalidInput as error:
            return str(error)

    def _stay_or_leave(self, state: Month, ruling: Ruling, waiting: Sequence[str]) -> str:
        open_items = [item for item in waiting if item not in ruling.cards]
        return self.stage.review_node if open_items else self.onward(state)

    # what a review point says of itself

    @abstractmethod
    async def show(self, state: Month, item: str) -> Shown:
        """Return the item as a person sees it."""

    @property
    @abstractmethod
    def editable(self) -> Schema:
        """What can be edited, as JSON Schema; of what is shown, `domain.content.edits.FIXED` cannot."""

    @abstractmethod
    async def edit(self, state: Month, item: str, edited: Mapping[str, Any], decided_by: str) -> Card | str:
        """Check and keep the fields that a person changed; return what the card says, or what is wrong with them."""

    @abstractmethod
    def again(self, state: Month, ruling: Ruling) -> Next:
        """Who makes the rejected items again."""

    @abstractmethod
    def onward(self, state: Month) -> str:
        """Which node follows when nothing waits any more."""

    def produce(self, state: Month, ruling: Ruling, update: dict[str, Any]) -> Next:
        """Who works on what was approved just now, while the rest may still wait."""
        return []

    def left_over(self, state: Month, ruling: Ruling, waiting: Sequence[str]) -> tuple[Decision, ...]:
        """What follows from the other decisions, such as who is left out."""
        return ()

    async def mark(self, state: Month, item: str, status: CardStatus) -> None:
        """Note with the item what was decided; what failed has none, and what is made again keeps its status."""
        if status in DECIDED and self.cards(state)[item]["status"] != CardStatus.FAILED:
            version = self.cards(state)[item]["version"]
            await self.ports.items.mark(owner(state), self.kind, item, version, DECIDED[status])

    async def record(self, state: Month, item: str) -> ItemRecord:
        return await meant(self.ports, state, self.stage, item)

    async def keep(
        self,
        state: Month,
        item: str,
        title: str,
        content: BaseModel,
        decided_by: str,
        findings: Sequence[str] = (),
    ) -> Card:
        """Keep what a person made of an item, and return what its card says of it."""
        record = await self.ports.items.edit(
            owner(state),
            self.kind,
            item,
            self.cards(state)[item]["version"],
            content.model_dump(mode="json", by_alias=True),
            author=decided_by,
            findings=findings,
        )
        return {"title": title, "version": record.version}


def work(state: Month, node: str, item: str, revision: int, reason: str = "") -> Send:
    """Send one item to a fan-out node, with only what the node needs of the month."""
    payload: Work = {
        "month": _brief(state, whole_of(item)),
        "item": item,
        "revision": revision,
        "reason": reason,
    }
    return Send(node, payload)


def rework(state: Month, node: str, ruling: Ruling) -> Send:
    """Send the rejected items together to the node that makes their kind, so that none repeats another."""
    again = [
        {"item": d.item, "revision": ruling.cards[d.item]["revision"], "reason": d.reason}
        for d in ruling.rework
    ]
    return Send(node, {**state, "rework": again})


def label(key: str) -> str:
    """Turn a field's name into words: ``target_audience`` and ``artStyleName`` read as people write."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).replace("_", " ")
    return words[:1].upper() + words[1:].lower()


def readable(fields: Mapping[str, Any]) -> str:
    """Render fields as Markdown, one a paragraph; what is missing is left out."""
    lines = []
    for key, value in fields.items():
        text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else value
        if text not in (None, ""):
            lines.append(f"**{label(key)}**: {text}")
    return "\n\n".join(lines)


def findings_text(findings: Sequence[str]) -> str:
    return "".join(f"> ⚠ {finding}\n" for finding in findings) + ("\n" if findings else "")


def _failure(card: Card) -> Shown:
    problem = card.get("problem", "")
    return Shown({"problem": problem}, f"**Failed.** {problem}", content_hash(problem), 0)


def _brief(state: Month, topic: str) -> Month:
    aside = {"problems", PACKAGES.key}
    brief: Any = {key: value for key, value in state.items() if key not in aside}
    for stage in (TOPICS, POSTS):
        brief[stage.key] = {item: card for item, card in cards_of(state, stage).items() if item == topic}
    return brief  # type: ignore[no-any-return]
