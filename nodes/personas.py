"""Personas: six fictional authors, no Jung archetype and no MBTI type twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain import steps
from domain.content.persona import (
    ARCHETYPES,
    MBTI_TYPES,
    Persona,
    duplicates,
    parse_personas,
    personas_schema,
)
from domain.month import Again, Cards, Month, Rework, Update, new_card
from domain.stages import PERSONAS, Kind
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
from store.content.reviews import OutcomeStatus

PROPOSED = 6
_TEMPLATE = "PERSONA_GEN_V1"
_ROUNDS = 2
"""How often offending personas are asked for again before the free values are given by code."""

Cast = dict[str, Persona]


@dataclass(frozen=True)
class Personas:
    ports: Ports

    async def __call__(self, state: Again) -> Update:
        rework = state.get("rework") or []
        announce(PERSONAS, [entry["item"] for entry in rework] or _items())
        said: list[str] = []
        cast, notes = await (self._again(state, rework, said) if rework else self._all(state, said))
        revisions = {entry["item"]: entry["revision"] for entry in rework}
        asked_with = await template_ref(self.ports, state, _TEMPLATE)
        cards: Cards = {}
        for item, persona in cast.items():
            revision = revisions.get(item, 0)
            saved = await self.ports.items.save(
                owner(state),
                Kind.PERSONA,
                item,
                revision,
                persona.model_dump(mode="json", by_alias=True),
                findings=(*said, *notes.get(item, ())),
                template=asked_with,
            )
            cards[item] = new_card(persona.character_name, revision, version=saved.version)
            await record_done(self.ports, state, Task(PERSONAS, item, revision))
            progress(PERSONAS, item, OutcomeStatus.DONE, persona.character_name)
        return {"personas": cards}

    async def _all(self, state: Month, said: list[str]) -> tuple[Cast, dict[str, list[str]]]:
        task = Task(PERSONAS, "all")
        proposed = await self._ask(state, task, PROPOSED, {}, "", steps.DRAFT, said)
        return await self._unique(state, task, dict(zip(_items(), proposed, strict=True)), {}, said)

    async def _again(
        self, state: Month, rework: Sequence[Rework], said: list[str]
    ) -> tuple[Cast, dict[str, list[str]]]:
        others = await self._others(state, {entry["item"] for entry in rework})
        made: Cast = {}
        notes: dict[str, list[str]] = {}
        for entry in rework:
            task = Task(PERSONAS, entry["item"], entry["revision"])
            proposed = await self._ask(state, task, 1, {**others, **made}, entry["reason"], steps.DRAFT, said)
            unique, note = await self._unique(
                state, task, {entry["item"]: proposed[0]}, {**others, **made}, said
            )
            made |= unique
            notes |= note
        return made, notes

    async def _others(self, state: Month, without: set[str]) -> Cast:
        records = await kept(self.ports, state, PERSONAS)
        return {
            record.item: Persona.model_validate(record.content)
            for record in records
            if record.item not in without
        }

    async def _unique(
        self, state: Month, task: Task, cast: Cast, kept: Cast, said: list[str]
    ) -> tuple[Cast, dict[str, list[str]]]:
        """Ask again for the personas that repeat an archetype or type; at last give them a free one."""
        for round_number in range(1, _ROUNDS + 1):
            offending = _offending(kept, cast)
            if not offending:
                return cast, {}
            rest = {item: persona for item, persona in cast.items() if item not in offending}
            step = steps.ask_anew(round_number)
            proposed = await self._ask(state, task, len(offending), {**kept, **rest}, "", step, said)
            cast = {**cast, **dict(zip(offending, proposed, strict=True))}
        return _assign_free(kept, cast)

    async def _ask(
        self, state: Month, task: Task, count: int, taken: Cast, reason: str, step: str, said: list[str]
    ) -> list[Persona]:
        variables: dict[str, Any] = {
            "company": await company(self.ports, state),
            "count": count,
            "taken": [
                {
                    "characterName": persona.character_name,
                    "jungArchetype": persona.jung_archetype,
                    "mbtiType": persona.mbti_type,
                }
                for persona in taken.values()
            ],
            "reason": reason,
        }
        archetypes, types = _free(taken)
        schema = personas_schema(count, archetypes, types)
        answer, _ = await ask(
            self.ports,
            state,
            task,
            _TEMPLATE,
            variables,
            schema,
            lambda value: parse_personas(value, count),
            step=step,
            resumable=USELESS,
        )
        said += answer.warnings
        return answer.value


def _items() -> list[str]:
    return [f"p{number}" for number in range(1, PROPOSED + 1)]


def _free(taken: Cast) -> tuple[list[str], list[str]]:
    archetypes = {persona.jung_archetype for persona in taken.values()}
    types = {persona.mbti_type for persona in taken.values()}
    return [a for a in ARCHETYPES if a not in archetypes], [t for t in MBTI_TYPES if t not in types]


def _offending(kept: Cast, cast: Cast) -> list[str]:
    items = [*kept, *cast]
    again = duplicates([*kept.values(), *cast.values()])
    return [items[index] for index in again if items[index] in cast]


def _assign_free(kept: Cast, cast: Cast) -> tuple[Cast, dict[str, list[str]]]:
    """Give offending personas a free archetype and type; what else repeats (name, role) is left to the editor."""
    notes: dict[str, list[str]] = {}
    for item in _offending(kept, cast):
        rest = {**kept, **{other: persona for other, persona in cast.items() if other != item}}
        archetypes, types = _free(rest)
        mine = cast[item]
        change = {
            "jung_archetype": mine.jung_archetype if mine.jung_archetype in archetypes else archetypes[0],
            "mbti_type": mine.mbti_type if mine.mbti_type in types else types[0],
        }
        cast = {**cast, item: mine.model_copy(update=change)}
        notes[item] = ["It repeats another persona's archetype, type, name or role; please check or edit it."]
    return cast, notes
