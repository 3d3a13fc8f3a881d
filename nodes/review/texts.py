"""Review of topics and of blog posts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from langgraph.types import Send

from domain.content.edits import Schema, schema_of
from domain.content.post import BlogPost, post_findings, post_markdown
from domain.content.post_body import body_of, sections_of
from domain.content.topic import Topic, topic_problems
from domain.ids import image_id, part_id, video_id
from domain.month import Card, CardStatus, Month, new_card
from domain.stages import IMAGES, NEXT_REVIEW, PACKAGES, PERSONAS, POSTS, SOCIAL, TOPICS, VIDEO, Stage
from domain.text import normal_json
from nodes.media import aspects
from nodes.review.point import Next, Review, Ruling, findings_text, rework, work
from nodes.review.question import Shown
from nodes.work import announce, kept, meant


@dataclass(frozen=True)
class ReviewTopics(Review):
    stage: ClassVar[Stage] = TOPICS

    async def show(self, state: Month, item: str) -> Shown:
        record = await self.record(state, item)
        topic = record.content
        persona = await meant(self.ports, state, PERSONAS, topic["personaId"])
        text = (
            f"{findings_text(record.findings)}### {topic['title']}\n{topic['subtitle']}\n\n{topic['description']}\n\n"
            f"{topic['plannedDate']} · {persona.content['characterName']} · {topic['focusKeyword']} · "
            f"{topic['searchIntent']}"
        )
        return Shown(topic, text, record.content_hash, record.edition)

    @property
    def editable(self) -> Schema:
        return schema_of(Topic)

    async def edit(self, state: Month, item: str, edited: Mapping[str, Any], decided_by: str) -> Card | str:
        record = await self.record(state, item)
        topic = Topic.model_validate({**record.content, **edited, "item": item})
        if f"{topic.planned_date:%Y-%m}" != state["month"]:
            return f"plannedDate is not in {state['month']}"
        if state["personas"].get(topic.persona_id, {}).get("status") != CardStatus.APPROVED:
            return f"personaId {topic.persona_id!r} is no kept persona"
        problems = topic_problems([topic], await self._others(state, item)).get(item)
        if problems:
            return " ".join(problems)
        return await self.keep(state, item, topic.title, topic, decided_by)

    async def _others(self, state: Month, item: str) -> list[dict[str, str]]:
        records = await kept(self.ports, state, TOPICS)
        return [
            {"title": record.content["title"], "focusKeyword": record.content["focusKeyword"]}
            for record in records
            if record.item != item
        ]

    def again(self, state: Month, ruling: Ruling) -> Next:
        return [rework(state, TOPICS.node, ruling)]

    def produce(self, state: Month, ruling: Ruling, update: dict[str, Any]) -> Next:
        if ruling.approved:
            announce(POSTS, ruling.approved)
        return [work(state, POSTS.node, item, 0) for item in ruling.approved]

    def onward(self, state: Month) -> str:
        return NEXT_REVIEW


_SHOWN = ("title", "slug", "metaTitle", "metaDescription", "keyTakeaways", "faqs", "wordCount")


@dataclass(frozen=True)
class ReviewPosts(Review):
    stage: ClassVar[Stage] = POSTS

    async def show(self, state: Month, item: str) -> Shown:
        record = await self.record(state, item)
        post = BlogPost.model_validate(record.content)
        fields = {key: value for key, value in post.plain().items() if key in _SHOWN}
        fields |= {"body": body_of(post.sections), "findings": list(record.findings)}
        text = findings_text(record.findings) + post_markdown(post)
        return Shown(fields, text, record.content_hash, record.edition)

    @property
    def editable(self) -> Schema:
        return {
            **schema_of(BlogPost),
            "properties": {**schema_of(BlogPost)["properties"], "body": {"type": "string"}},
        }

    async def edit(self, state: Month, item: str, edited: Mapping[str, Any], decided_by: str) -> Card | str:
        record = await self.record(state, item)
        if {"body", "sections"} <= set(edited):
            return "body and sections are the same text; change one of them."
        post = _edited(BlogPost.model_validate(record.content), edited)
        topic = await meant(self.ports, state, TOPICS, item)
        findings = post_findings(post, topic.content["focusKeyword"])
        return await self.keep(state, item, post.title, post, decided_by, findings)

    def again(self, state: Month, ruling: Ruling) -> Next:
        announce(POSTS, [decision.item for decision in ruling.rework])
        return [
            work(state, POSTS.node, d.item, ruling.cards[d.item]["revision"], d.reason) for d in ruling.rework
        ]

    def produce(self, state: Month, ruling: Ruling, update: dict[str, Any]) -> Next:
        update[PACKAGES.key] = {item: new_card(self.cards(state)[item]["title"]) for item in ruling.approved}
        return [send for item in ruling.approved for send in media(state, item, 0)]

    def onward(self, state: Month) -> str:
        return NEXT_REVIEW


def _edited(post: BlogPost, edited: Mapping[str, Any]) -> BlogPost:
    """The article as a person changed it; the text is its sections, put together."""
    fields = {key: value for key, value in edited.items() if key != "body"}
    if "body" in edited:
        fields["sections"] = sections_of(normal_json(edited["body"]), post.sections)
    return BlogPost.model_validate({**post.plain(), **fields})


PARTS = ("social", "images", "video")


def media(
    state: Month, topic: str, revision: int, reason: str = "", parts: tuple[str, ...] = PARTS
) -> list[Send]:
    """Everything that is made from one approved post: a text per platform, a picture per aspect, a clip."""
    sends = []
    if "social" in parts:
        items = [part_id(topic, code) for code in state["platforms"]]
        announce(SOCIAL, items)
        sends += [work(state, SOCIAL.node, item, revision, reason) for item in items]
    if "images" in parts and state["images"]:
        items = [image_id(topic, aspect) for aspect in aspects(state["platforms"])]
        announce(IMAGES, items)
        sends += [work(state, IMAGES.node, item, revision, reason) for item in items]
    if "video" in parts and state["video"] and topic in _with_video(state):
        announce(VIDEO, [video_id(topic)])
        sends.append(work(state, VIDEO.node, video_id(topic), revision, reason))
    return sends


def _with_video(state: Month) -> list[str]:
    """The first posts of the month, as many as were asked for: topics are named in the order of their dates."""
    kept = [item for item, card in sorted(state["topics"].items()) if card["status"] == CardStatus.APPROVED]
    return kept[: state["videos"]]
