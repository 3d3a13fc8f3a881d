"""Media: pictures in every aspect that the month's platforms need, and a short clip for chosen posts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from domain.calls import MediaResult, TemplateRef
from domain.content.platforms import platform
from domain.content.visual import VisualBrief, VisualPrompt, image_prompt, video_prompt, visual_schema
from domain.errors import FeatureNotAvailable
from domain.ids import aspect_of, whole_of
from domain.month import Month, Update, Work
from domain.stages import IMAGES, POSTS, RESEARCH, VIDEO, VISUALS, Kind
from domain.tiers import cheapest_with, tier
from nodes.work import Ports, Task, ask, company, guarded, meant, owner, part_of_package, topic_of
from store.content.items import ItemRecord
from tools.calling import use
from tools.image import generate_image_tool
from tools.media import MAX_ALT_TEXT
from tools.video import generate_video_tool

VIDEO_ASPECT = "9:16"
VIDEO_SECONDS = 8


@dataclass(frozen=True)
class Images:
    ports: Ports

    async def __call__(self, state: Work) -> Update:
        """``item`` is a picture's, such as ``t01.image.16x9``."""
        item, topic = state["item"], whole_of(state["item"])
        task = Task(IMAGES, item, state["revision"])

        async def work() -> ItemRecord:
            return await self._make(state, task, topic, aspect_of(item))

        return part_of_package(task, await guarded(self.ports, state["month"], task, work))

    async def _make(self, state: Work, task: Task, topic: str, aspect: str) -> ItemRecord:
        month = state["month"]
        if not tier(month["tier"]).images:
            raise _not_in_tier(month, "images")
        self.ports.gateway.need("image")
        brief, persona, asked_with, said = await visual_brief(self.ports, state, topic)
        prompt = image_prompt(brief, persona, aspect, await industry(self.ports, month))
        tool = generate_image_tool(self.ports.gateway, task.call(month, "image", asked_with), once=True)
        made: MediaResult = await use(tool, **asdict(prompt), alt_text=brief.alt_text[:MAX_ALT_TEXT])
        content = {
            "kind": "image",
            "post": topic,
            "key": made.key,
            "mediaType": made.media_type,
            "aspectRatio": aspect,
            "altText": brief.alt_text,
            "prompt": made.prompt,
            "negativePrompt": prompt.negative_prompt,
            "provider": made.served.provider,
            "model": made.served.model,
            "platforms": [code for code in month["platforms"] if platform(code).aspect_ratio == aspect],
        }
        return await self.ports.items.save(
            owner(month),
            Kind.ASSET,
            task.item,
            task.revision,
            content,
            findings=said,
            template=asked_with,
            model=made.served.model,
        )


@dataclass(frozen=True)
class Video:
    ports: Ports

    async def __call__(self, state: Work) -> Update:
        """``item`` is a clip's, such as ``t01.video``."""
        item, topic = state["item"], whole_of(state["item"])
        task = Task(VIDEO, item, state["revision"])

        async def work() -> ItemRecord:
            return await self._make(state, task, topic)

        return part_of_package(task, await guarded(self.ports, state["month"], task, work))

    async def _make(self, state: Work, task: Task, topic: str) -> ItemRecord:
        month = state["month"]
        if not tier(month["tier"]).video:
            raise _not_in_tier(month, "video")
        self.ports.gateway.need("video")
        brief, persona, asked_with, said = await visual_brief(self.ports, state, topic)
        prompt: VisualPrompt = video_prompt(brief, persona, VIDEO_ASPECT, await industry(self.ports, month))
        tool = generate_video_tool(self.ports.gateway, task.call(month, "video", asked_with), once=True)
        made: MediaResult = await use(
            tool, **asdict(prompt), alt_text=brief.alt_text[:MAX_ALT_TEXT], duration_seconds=VIDEO_SECONDS
        )
        content = {
            "kind": "video",
            "post": topic,
            "key": made.key,
            "thumbnailKey": made.thumbnail_key,
            "mediaType": made.media_type,
            "seconds": made.seconds,
            "aspectRatio": prompt.aspect_ratio,
            "altText": brief.alt_text,
            "prompt": made.prompt,
            "provider": made.served.provider,
            "model": made.served.model,
        }
        return await self.ports.items.save(
            owner(month),
            Kind.ASSET,
            task.item,
            task.revision,
            content,
            findings=said,
            template=asked_with,
            model=made.served.model,
        )


async def visual_brief(
    ports: Ports, state: Work, topic: str
) -> tuple[VisualBrief, dict[str, Any], TemplateRef, Sequence[str]]:
    """What the post's pictures and clip show, in whose style, which template version asked, and what was unusual.

    Asked once per post and revision, answered by the journal after.
    """
    month = state["month"]
    planned, persona = await topic_of(ports, month, topic)
    article = (await meant(ports, month, POSTS, topic)).content
    variables = {
        "company": await company(ports, month),
        "persona": persona.content,
        "topic": planned.content,
        "blogpost": {"title": article["title"], "summary": article["metaDescription"]},
        "reason": state["reason"],
    }
    task = Task(VISUALS, topic, state["revision"])
    answer, rendered = await ask(
        ports, month, task, "VISUAL_GEN_V1", variables, visual_schema(), VisualBrief.model_validate
    )
    return answer.value, persona.content, rendered.ref, answer.warnings


async def industry(ports: Ports, month: Month) -> str:
    """Words that tell the company's line of business, for the authenticity rule."""
    dna = await meant(ports, month, RESEARCH, "dna")
    words = (month.get("business_field"), dna.content.get("industry"), month.get("product_type"))
    return " ".join(word for word in words if word)


def aspects(platforms: list[str]) -> dict[str, list[str]]:
    """Aspect ratio → the platforms that show it; one picture serves all of them."""
    needed: defaultdict[str, list[str]] = defaultdict(list)
    for code in platforms:
        needed[platform(code).aspect_ratio].append(code)
    return dict(needed)


def _not_in_tier(month: Month, feature: str) -> FeatureNotAvailable:
    has = cheapest_with("images" if feature == "images" else "video")
    return FeatureNotAvailable(
        f"The tier {month['tier']} has no {feature}.", next_step=f"The tier {has} has it.", tier=has
    )
