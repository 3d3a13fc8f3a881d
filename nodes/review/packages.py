"""Review of finished packages: a post's social texts, pictures and clip together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.content.edits import Schema, schema_of
from domain.content.platforms import platform, platforms
from domain.content.social import SocialPost, social_findings
from domain.ids import content_hash
from domain.month import Card, CardStatus, Month, Part, cards_of
from domain.review import Decision
from domain.stages import NEXT_REVIEW, PACKAGES, POSTS, Kind, Stage
from nodes.made import DECIDED
from nodes.review.point import Next, Review, Ruling, findings_text
from nodes.review.question import Shown, now
from nodes.review.texts import PARTS, media
from nodes.social import social_content
from nodes.work import owner
from store.content.items import ItemRecord, ItemStatus


@dataclass(frozen=True)
class ReviewPackages(Review):
    stage: ClassVar[Stage] = PACKAGES
    parts: ClassVar[tuple[str, ...]] = PARTS

    def waiting(self, state: Month) -> list[str]:
        """A package that was sent back is whole again when this node runs: its makers were awaited."""
        cards = self.cards(state)
        return [
            item
            for item in sorted(cards)
            if cards[item]["status"] in {CardStatus.WAITING, CardStatus.WORKING}
        ]

    async def show(self, state: Month, item: str) -> Shown:
        social = await self._parts(state, Kind.SOCIAL, item)
        assets = await self._parts(state, Kind.ASSET, item)
        parts = self.cards(state)[item].get("parts", {})
        missing = [f"{name}: {part['problem']}" for name, part in sorted(parts.items()) if part["problem"]]
        findings = [f"{r.content['platform']}: {finding}" for r in social for finding in r.findings]
        text = findings_text([*findings, *missing]) + "\n\n".join(
            _lines(social, assets, self._address(state))
        )
        fields = {
            "title": state["packages"][item].get("title", ""),
            "social": {record.content["platform"]: _editable(record) for record in social},
            "assets": [record.content for record in assets],
        }
        hashes = [record.content_hash for record in (*social, *assets)]
        return Shown(fields, text, content_hash(hashes), max((r.edition for r in social), default=0))

    @property
    def editable(self) -> Schema:
        return {"properties": {"social": _texts_schema()}, "$defs": {}}

    async def edit(self, state: Month, item: str, edited: Mapping[str, Any], decided_by: str) -> Card | str:
        """Take changed social texts, ``{"social": {"twitter": {"textContent": "…"}}}``, within their limits."""
        records = {r.content["platform"]: r for r in await self._parts(state, Kind.SOCIAL, item)}
        edits = []
        for code, change in edited["social"].items():
            if code not in records:
                return f"there is no text for {code!r}; there are {', '.join(records)}"
            post = SocialPost.model_validate({**_editable(records[code]), **change})
            findings = social_findings(post, platform(code))
            if findings:
                return f"{code}: {' '.join(findings)}"
            edits.append((records[code], social_content(post, platform(code))))
        parts: dict[str, Part] = {}
        for old, content in edits:
            new = await self.ports.items.edit(
                owner(state), Kind.SOCIAL, old.item, old.version, content, author=decided_by
            )
            parts[new.item] = {"version": new.version}
        return {"parts": parts}

    def refuse(self, state: Month, ruling: Ruling, decision: Decision) -> str:
        unknown = set(decision.parts) - set(PARTS)
        if unknown:
            return f"unknown parts {', '.join(sorted(unknown))}; use {', '.join(PARTS)}."
        return super().refuse(state, ruling, decision)

    async def mark(self, state: Month, item: str, status: CardStatus) -> None:
        if status not in DECIDED:
            return
        for kind in (Kind.SOCIAL, Kind.ASSET):
            for record in await self._parts(state, kind, item):
                await self.ports.items.mark(owner(state), kind, record.item, record.version, DECIDED[status])
        packaged = ItemStatus.PACKAGED if status == CardStatus.APPROVED else DECIDED[status]
        post = cards_of(state, POSTS)[item]["version"]
        await self.ports.items.mark(owner(state), Kind.POST, item, post, packaged)

    def again(self, state: Month, ruling: Ruling) -> Next:
        return [
            send
            for decision in ruling.rework
            for send in media(
                state,
                decision.item,
                ruling.cards[decision.item]["revision"],
                decision.reason,
                decision.parts or PARTS,
            )
        ]

    def onward(self, state: Month) -> str:
        return NEXT_REVIEW

    def _address(self, state: Month) -> Callable[[str], str]:
        """Return what makes addresses of files: part of what is read, never of what is decided on."""
        whose, at = owner(state).organization_id, now()
        return lambda key: self.ports.links.address(whose, key, at) if key else ""

    async def _parts(self, state: Month, kind: Kind, item: str) -> list[ItemRecord]:
        parts = self.cards(state)[item].get("parts", {})
        versions = {
            name: part["version"]
            for name, part in parts.items()
            if part["kind"] == kind and "version" in part
        }
        return await self.ports.items.of(owner(state), kind, versions)


def _texts_schema() -> Schema:
    """A text for each platform, of which only what changes needs to be named."""
    text = {**schema_of(SocialPost), "required": [], "additionalProperties": False}
    return {
        "type": "object",
        "properties": {each.code: text for each in platforms()},
        "additionalProperties": False,
    }


def _editable(record: ItemRecord) -> dict[str, Any]:
    return {key: record.content[key] for key in ("textContent", "hashtags", "ctaText")}


def _lines(social: list[ItemRecord], assets: list[ItemRecord], address: Callable[[str], str]) -> list[str]:
    texts = [
        f"**{r.content['platform']}** ({r.content['length']} / {r.content['limit']})\n\n{r.content['caption']}"
        for r in social
    ]
    return [*texts, *(_file(record.content, address) for record in assets)]


def _file(content: Mapping[str, Any], address: Callable[[str], str]) -> str:
    """An asset in words, and as Markdown shows it: a picture, or a clip's poster that leads to the clip."""
    line = f"**{content['kind']}** {content['aspectRatio']}: {content['altText']}"
    url, poster = address(content["key"]), address(content.get("thumbnailKey") or "")
    if not url:
        return line
    name = re.sub(r"[\[\]\\<>`\s]+", " ", str(content["altText"])).strip()
    if content["kind"] == "image":
        return f"{line}\n\n![{name}]({url})"
    return f"{line}\n\n[{f'![{name}]({poster})' if poster else name}]({url})"
