"""Decisions become rows before anything is done for them, and who decided what before is told to who comes later."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from domain.review import Decision, Waiting, named_by, parse_answer, stale
from domain.stages import Stage, at_point
from nodes.review.question import Brought, Question, Shown, now
from store.content.decisions import Decided, Decisions, DecisionState
from store.content.items import Owner

AUTOMATIC = "policy:auto"
_DONE = {"approve": "approved", "edit": "changed and approved", "reject": "sent back", "drop": "dropped"}


async def record(
    decisions: Decisions,
    owner: Owner,
    stage: Stage,
    given: Iterable[Decision],
    *,
    by: str,
    request: str = "",
    standing: Iterable[Decided] = (),
) -> list[str]:
    """Record decisions and return, in words, which of them come after another one about the same.

    Args:
        decisions: Where they are kept.
        owner: Whose run.
        stage: Whose items wait.
        given: By ids and tokens of what waits. What is left for later is no decision.
        by: Who decides.
        request: The server's run that brings them.
        standing: Decisions that were accepted, of items that still wait in the thread.
    """
    rows = [_row(stage, each, by, request) for each in given if each.type != "later"]
    first = {each.token: each for each in standing}
    new = [row for row in rows if row.token not in first]
    first |= {row.token: row for row in await decisions.record(owner, new)}
    late = [(stage.asked_as(row.item), _clash(stage, row, first[row.token])) for row in rows]
    return [f"{id_}: {words}" for id_, words in late if words]


def said(stage: Stage, row: Decided) -> str:
    """Say who decided what, and when."""
    what = f"{stage.asked_as(row.item)} was {_DONE.get(row.decision, row.decision)} by {row.decided_by}"
    why = f": “{row.reason}”" if row.reason else ""
    return f"{what} at {row.decided_at:%Y-%m-%d %H:%M} UTC{why}."


def past(history: Iterable[Decided]) -> Mapping[str, str]:
    """Say of each item of the month, by its id, who decided what of it last."""
    standing = [row for row in history if row.state in {DecisionState.RECORDED, DecisionState.ACCEPTED}]
    return {at_point(row.point).asked_as(row.item): said(at_point(row.point), row) for row in standing}


@dataclass
class Hearing:
    """One run of a review node: what waits, what was answered, and what of it is carried out.

    Args:
        decisions: Where decisions are kept.
        owner: Whose run.
        stage: Whose items wait.
        question: What is asked.
        brought: Who answers, and what is known of how.
    """

    decisions: Decisions
    owner: Owner
    stage: Stage
    question: Question
    brought: Brought
    problems: list[str] = field(default_factory=list)
    """What could not be taken, in words for a person."""

    async def standing(self) -> list[Decided]:
        """Decisions that are recorded, or that a process accepted which died before the graph moved on."""
        rows = await self.decisions.to_carry_out(self.owner, self.question.point, self.brought.checkpoint)
        return [each for each in rows if each.state == DecisionState.RECORDED or not self.brought.on_a_branch]

    async def by_policy(self, given: Iterable[Decision]) -> None:
        """Record what a policy decides of what nobody has decided yet."""
        tokens, decided = self.question.tokens, {each.item for each in await self.standing()}
        named = [
            replace(each, item=id_, token=tokens[id_])
            for each in given
            if each.item not in decided and (id_ := self.stage.asked_as(each.item))
        ]
        request = self.brought.request
        await record(self.decisions, self.owner, self.stage, named, by=AUTOMATIC, request=request)

    async def hear(self, answer: object, standing: Sequence[Decided]) -> None:
        """Record what a person's answer decides.

        Args:
            answer: Whatever the person's tool sent.
            standing: Decisions that are carried out in any case.
        """
        history = await self.decisions.all(self.owner)
        doubts = self._doubts(history)
        waiting = Waiting(self.question.tokens, self.question.doubt(self.brought), doubts, past(history))
        reply = parse_answer(answer, waiting)
        by, request = self.brought.by, self.brought.request
        late = await record(
            *(self.decisions, self.owner, self.stage, reply.decisions),
            by=by,
            request=request,
            standing=standing,
        )
        # that they were told is what makes their next answer certain
        told = [
            (_row(self.stage, each, by, request), waiting.doubt_about(each.item)) for each in reply.doubtful
        ]
        await self.decisions.record(self.owner, [self._refused(*each) for each in told])
        self.problems += [*reply.problems, *late]

    async def first_of_each(self) -> list[Decided]:
        """Return the first decision of each item that waits; what is about anything else is refused in words."""
        first: dict[str, Decided] = {}
        told = past(await self.decisions.accepted(self.owner))
        for row in await self.standing():
            id_ = self.stage.asked_as(row.item)
            current = self.question.tokens.get(id_, "")
            if row.state == DecisionState.RECORDED and row.token != current:
                await self.refuse(row, stale(row.token, current, told.get(id_, "")))
            elif row.item in first:
                await self.refuse(row, _clash(self.stage, row, first[row.item]))
            else:
                first[row.item] = row
        return list(first.values())

    async def refuse(self, row: Decided, problem: str) -> None:
        """Note that a decision changes nothing, and why; empty where the same was decided already."""
        await self.decisions.refuse(self.owner, row.id, problem, now())
        self.problems += [f"{self.stage.asked_as(row.item)}: {problem}"] if problem else []

    async def accept(self, row: Decided, shown: Shown | None) -> None:
        """Note that a decision is about what waits, and which content exactly that is; None for what failed."""
        await self.decisions.accept(
            self.owner,
            row.id,
            edition=shown.edition if shown else 0,
            content_hash=shown.content_hash if shown else "",
            checkpoint=self.brought.checkpoint,
            at=now(),
        )

    def _doubts(self, history: Sequence[Decided]) -> Mapping[str, str]:
        """Say of what was made again that somebody who did not send it back may have seen what was before."""
        found = {}
        for each in self.question.items:
            back = [row for row in history if _sent_back(row, self.question.point, each.item)]
            if (
                each.revision
                and back
                and back[-1].decided_by != self.brought.by
                and not self._told(history, each.token)
            ):
                found[each.id] = (
                    f"{said(self.stage, back[-1])} What waits now is its rewrite: look at it and decide again."
                )
        return found

    def _told(self, history: Sequence[Decided], token: str) -> bool:
        """Whether this person was told of this version before the request was made."""
        started = self.brought.started
        return any(
            row.settled_at and started and row.settled_at < started
            for row in history
            if (row.token, row.decided_by, row.state) == (token, self.brought.by, DecisionState.REFUSED)
        )

    def _refused(self, row: Decided, problem: str) -> Decided:
        return replace(row, state=DecisionState.REFUSED, problem=problem, settled_at=self.brought.at)


def _sent_back(row: Decided, point: str, item: str) -> bool:
    return (row.point, row.item, row.decision, row.state) == (point, item, "reject", DecisionState.ACCEPTED)


def _clash(stage: Stage, late: Decided, first: Decided) -> str:
    """Say that something was decided already; empty where that was the same decision."""
    if all(getattr(late, name) == getattr(first, name) for name in ("decision", "reason", "edited", "parts")):
        return ""
    return f"it is decided already. {said(stage, first)}"


def _row(stage: Stage, given: Decision, by: str, request: str) -> Decided:
    assert stage.point is not None
    named = named_by(given.token)
    return Decided(
        id=str(uuid.uuid4()),
        point=stage.point,
        item=stage.item_of(given.item),
        revision=named.revision if named else 0,
        edition=named.edition if named else 0,
        content_hash=named.content_hash if named else "",
        token=given.token,
        decision=given.type,
        decided_by=by,
        reason=given.reason,
        policy=by == AUTOMATIC,
        edited=dict(given.edited),
        parts=given.parts,
        request=request,
    )
