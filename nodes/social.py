"""Social: one text for one platform, measured as that platform measures, assembled as it will be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.content.platforms import Platform, platform
from domain.content.social import SocialPost, assemble_caption, measure, social_findings, social_schema
from domain.ids import part_name, whole_of
from domain.month import Update, Work
from domain.stages import POSTS, SOCIAL, Kind
from nodes.drafting import Text, best_draft
from nodes.work import Ports, Task, company, guarded, meant, owner, part_of_package, topic_of
from store.content.items import ItemRecord


@dataclass(frozen=True)
class Social:
    ports: Ports

    async def __call__(self, state: Work) -> Update:
        """``item`` is ``<topic>.<platform>``, such as ``t01.instagram``."""
        topic, code = whole_of(state["item"]), part_name(state["item"])
        task = Task(SOCIAL, state["item"], state["revision"])

        async def work() -> ItemRecord:
            return await self._make(state, task, topic, platform(code))

        return part_of_package(task, await guarded(self.ports, state["month"], task, work))

    async def _make(self, state: Work, task: Task, topic: str, where: Platform) -> ItemRecord:
        draft = await best_draft(
            self.ports,
            state["month"],
            task,
            Text(
                "SOCIAL_POST_GEN_V1",
                social_schema(where),
                SocialPost.model_validate,
                findings_of=lambda post: social_findings(post, where),
            ),
            await _variables(self.ports, state, topic, where),
        )
        return await self.ports.items.save(
            owner(state["month"]),
            Kind.SOCIAL,
            task.item,
            task.revision,
            social_content(draft.value, where),
            findings=(*draft.warnings, *draft.findings),
            template=draft.template,
            model=draft.model,
        )


def social_content(post: SocialPost, where: Platform) -> dict[str, Any]:
    """What is stored: the parts, the caption exactly as it will be sent, and its length as the platform counts."""
    caption = assemble_caption(post, where)
    return {
        "platform": where.code,
        **post.model_dump(mode="json", by_alias=True),
        "caption": caption,
        "length": measure(caption, where),
        "limit": where.max_length,
    }


async def _variables(ports: Ports, state: Work, topic: str, where: Platform) -> dict[str, Any]:
    month = state["month"]
    planned, persona = await topic_of(ports, month, topic)
    article = (await meant(ports, month, POSTS, topic)).content
    return {
        "company": await company(ports, month),
        "persona": persona.content,
        "topic": planned.content,
        "blogpost": {
            "title": article["title"],
            "summary": article["metaDescription"],
            "keyTakeaways": article["keyTakeaways"],
        },
        "platform": where.as_variables(),
        "reason": state["reason"],
        "findings": [],
    }
