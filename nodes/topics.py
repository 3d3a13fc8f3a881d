"""Topics: exactly N for the month, spread evenly over personas and days, none a repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain import steps
from domain.content.topic import Slot, Topic, parse_topics, plan_slots, topic_problems, topics_schema
from domain.month import Again, Cards, Month, Update, new_card
from domain.stages import PERSONAS, TOPICS, Kind
from nodes.work import (
    USELESS,
    Ports,
    Task,
    announce,
    ask,
    company,
    kept,
    owner,
    progress,
    record_done,
    template_ref,
)
from store.content.items import ItemRecord
from store.content.reviews import OutcomeStatus

_BATCH = 6
"""Topics of one call: more would not fit into the template's token limit."""
_ROUNDS = 2
_TEMPLATE = "TOPIC_GEN_V1"

Taken = list[dict[str, str]]


@dataclass(frozen=True)
class Topics:
    ports: Ports

    async def __call__(self, state: Again) -> Update:
        rework = {entry["item"]: entry for entry in state.get("rework") or []}
        personas = await self._personas(state)
        slots = self._slots(state, personas)
        announce(TOPICS, list(rework) or [slot.item for slot in slots])
        taken = await self._taken(state, set(rework) or {slot.item for slot in slots})
        cards: Cards = {}
        for batch in _batches([slot for slot in slots if not rework or slot.item in rework], bool(rework)):
            entry = rework.get(batch[0].item, {"item": f"batch.{batch[0].item}", "revision": 0, "reason": ""})
            task = Task(TOPICS, entry["item"], entry["revision"])
            said: list[str] = []
            made = await self._batch(state, task, batch, personas, taken, entry["reason"], said)
            for topic, findings in made:
                saved = await self._save(state, topic, task.revision, (*said, *findings))
                cards[topic.item] = new_card(topic.title, task.revision, version=saved.version)
                taken.append({"title": topic.title, "focusKeyword": topic.focus_keyword})
        return {"topics": cards}

    async def _personas(self, state: Month) -> list[ItemRecord]:
        return await kept(self.ports, state, PERSONAS, approved=True)

    def _slots(self, state: Month, personas: Sequence[ItemRecord]) -> list[Slot]:
        """A function of the state alone: a topic that is made again keeps its day and its persona."""
        not_before = date.fromisoformat(state["not_before"]) if state.get("not_before") else None
        return plan_slots(state["month"], state["posts"], [p.item for p in personas], not_before=not_before)

    async def _taken(self, state: Month, without: set[str]) -> Taken:
        mine = owner(state)
        earlier = await self.ports.items.earlier_topics(mine, company_id=state["company_id"])
        now = await kept(self.ports, state, TOPICS)
        return [
            *({"title": topic.title, "focusKeyword": topic.focus_keyword} for topic in earlier),
            *(
                {"title": record.content["title"], "focusKeyword": record.content["focusKeyword"]}
                for record in now
                if record.item not in without
            ),
        ]

    async def _batch(
        self,
        state: Month,
        task: Task,
        slots: Sequence[Slot],
        personas: Sequence[ItemRecord],
        taken: Taken,
        reason: str,
        said: list[str],
    ) -> list[tuple[Topic, Sequence[str]]]:
        first = await self._ask(state, task, slots, personas, taken, reason, said)
        topics = {topic.item: topic for topic in first}
        problems: Mapping[str, Sequence[str]] = {}
        for round_number in range(1, _ROUNDS + 2):
            problems = topic_problems(list(topics.values()), taken)
            if not problems or round_number > _ROUNDS:
                break
            again = [slot for slot in slots if slot.item in problems]
            rest = [t for t in topics.values() if t.item not in problems]
            known = [*taken, *({"title": t.title, "focusKeyword": t.focus_keyword} for t in rest)]
            why = " ".join(line for lines in problems.values() for line in lines)
            for topic in await self._ask(
                state, task, again, personas, known, why, said, steps.ask_anew(round_number)
            ):
                topics[topic.item] = topic
        return [(topics[slot.item], problems.get(slot.item, ())) for slot in slots]

    async def _ask(
        self,
        state: Month,
        task: Task,
        slots: Sequence[Slot],
        personas: Sequence[ItemRecord],
        taken: Taken,
        reason: str,
        said: list[str],
        step: str = steps.DRAFT,
    ) -> list[Topic]:
        cast = {record.item: record.content for record in personas}
        year, month = state["month"].split("-")
        variables: dict[str, Any] = {
            "company": await company(self.ports, state),
            "personas": list(cast.values()),
            "month": int(month),
            "year": int(year),
            "posts_count": len(slots),
            "slots": [
                {"item": slot.item, "date": slot.date.isoformat(), "persona": cast[slot.persona]}
                for slot in slots
            ],
            "taken": taken,
            "reason": reason,
        }
        answer, _ = await ask(
            self.ports,
            state,
            task,
            _TEMPLATE,
            variables,
            topics_schema(slots),
            lambda value: parse_topics(value, slots),
            step=step,
            resumable=USELESS,
        )
        said += answer.warnings
        return answer.value

    async def _save(self, state: Month, topic: Topic, revision: int, findings: Sequence[str]) -> ItemRecord:
        saved = await self.ports.items.save(
            owner(state),
            Kind.TOPIC,
            topic.item,
            revision,
            topic.model_dump(mode="json", by_alias=True),
            findings=findings,
            template=await template_ref(self.ports, state, _TEMPLATE),
        )
        await record_done(self.ports, state, Task(TOPICS, topic.item, revision))
        progress(TOPICS, topic.item, OutcomeStatus.DONE, topic.title)
        return saved


def _batches(slots: Sequence[Slot], one_by_one: bool) -> list[list[Slot]]:
    size = 1 if one_by_one else _BATCH
    return [list(slots[start : start + size]) for start in range(0, len(slots), size)]
