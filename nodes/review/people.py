"""Review of the company DNA and of the personas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.content.dna import FACTS, CompanyDNA
from domain.content.edits import Schema, schema_of
from domain.content.persona import Persona, duplicates
from domain.month import Card, CardStatus, Month
from domain.review import Decision, DecisionType
from domain.stages import PERSONAS, RESEARCH, TOPICS, Stage
from domain.tiers import tier
from nodes.review.point import Next, Review, Ruling, findings_text, label, readable, rework
from nodes.review.question import Shown
from nodes.work import kept

FEWEST_PERSONAS = 3
"""The editor keeps 3 to 6, as the tier allows."""


@dataclass(frozen=True)
class ReviewDna(Review):
    stage: ClassVar[Stage] = RESEARCH
    allowed: ClassVar[tuple[DecisionType, ...]] = ("approve", "edit", "reject")

    async def show(self, state: Month, item: str) -> Shown:
        record = await self.record(state, item)
        facts = {name: record.content.get(name) for name in (*FACTS, "raw")}
        sources = [
            f"- {label(source['field'])}: {source['url']}" for source in record.content.get("sources", [])
        ]
        text = findings_text(record.findings) + readable(facts) + "\n\n" + "\n".join(sources)
        return Shown(record.content, text, record.content_hash, record.edition)

    @property
    def editable(self) -> Schema:
        return schema_of(CompanyDNA)

    async def edit(self, state: Month, item: str, edited: Mapping[str, Any], decided_by: str) -> Card | str:
        record = await self.record(state, item)
        base = {} if record.content.get("raw") else record.content
        dna = CompanyDNA.model_validate({**base, **edited})
        return await self.keep(state, item, state["company"], dna, decided_by)

    def again(self, state: Month, ruling: Ruling) -> Next:
        return [rework(state, RESEARCH.node, ruling)]

    def onward(self, state: Month) -> str:
        return PERSONAS.node


@dataclass(frozen=True)
class ReviewPersonas(Review):
    stage: ClassVar[Stage] = PERSONAS

    def automatic(self, state: Month, waiting: Sequence[str]) -> tuple[Decision, ...]:
        room = tier(state["tier"]).personas - _approved(state, None)
        return tuple(Decision(item, "approve") for item in waiting[:room])

    async def show(self, state: Month, item: str) -> Shown:
        record = await self.record(state, item)
        persona = Persona.model_validate(record.content).plain()  # in the order of its fields
        rest = {key: value for key, value in persona.items() if key != "characterName"}
        text = f"{findings_text(record.findings)}### {persona['characterName']}\n\n{readable(rest)}"
        return Shown(persona, text, record.content_hash, record.edition)

    def refuse(self, state: Month, ruling: Ruling, decision: Decision) -> str:
        most = tier(state["tier"]).personas
        if decision.type in {"approve", "edit"} and _approved(state, ruling) >= most:
            return f"the tier {state['tier']} keeps {most} personas; drop one to keep this one."
        left = [
            i
            for i, card in {**state["personas"], **ruling.cards}.items()
            if card["status"] != CardStatus.DROPPED
        ]
        if decision.type == "drop" and len(left) <= FEWEST_PERSONAS:
            return f"a month needs at least {FEWEST_PERSONAS} personas; reject it instead."
        return super().refuse(state, ruling, decision)

    @property
    def editable(self) -> Schema:
        return schema_of(Persona)

    async def edit(self, state: Month, item: str, edited: Mapping[str, Any], decided_by: str) -> Card | str:
        record = await self.record(state, item)
        persona = Persona.model_validate({**record.content, **edited})
        others = [
            Persona.model_validate(other.content)
            for other in await kept(self.ports, state, PERSONAS)
            if other.item != item
        ]
        if duplicates([*others, persona]):
            return "another persona has this archetype or MBTI type"
        return await self.keep(state, item, persona.character_name, persona, decided_by)

    def left_over(self, state: Month, ruling: Ruling, waiting: Sequence[str]) -> tuple[Decision, ...]:
        """Once the tier's number is kept, the rest of the proposal is left out."""
        if _approved(state, ruling) < tier(state["tier"]).personas:
            return ()
        reason = "The tier's number of personas is reached."
        return tuple(Decision(item, "drop", reason) for item in waiting if item not in ruling.cards)

    def again(self, state: Month, ruling: Ruling) -> Next:
        return [rework(state, PERSONAS.node, ruling)]

    def onward(self, state: Month) -> str:
        return TOPICS.node


def _approved(state: Month, ruling: Ruling | None) -> int:
    cards = {**state["personas"], **(ruling.cards if ruling else {})}
    return sum(card["status"] == CardStatus.APPROVED for card in cards.values())
