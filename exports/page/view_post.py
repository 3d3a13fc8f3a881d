"""What one post shows on the month's page: the article, its social previews, its pictures and film."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from markupsafe import Markup, escape
from slugify import slugify

from domain.content.platforms import aspect_ratio, platform
from domain.errors import InvalidInput
from exports.formats.article import faqs, hero, lead, sections, takeaways
from exports.package.layout import Layout
from exports.package.model import MonthPackage, PostPackage, SocialPackage
from exports.package.names import iso_day
from exports.sanitize import one_line, visible, visible_all

_WORDS_A_MINUTE = 200
_HASHTAG = re.compile(r"(?<![\w&#/])#\w+|(?<![\w@/.])@[\w.]+\w|https?://[^\s<]+")


def ratio_class(ratio: str) -> str:
    """Name the style class of an aspect ratio such as ``16:9``; anything else is a square."""
    return "r-" + "x".join(map(str, ratio_of(ratio)))


def ratio_of(ratio: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,3}):([1-9]\d{0,3})", ratio)
    return (int(match[1]), int(match[2])) if match else (1, 1)


def post_view(
    post: PostPackage, package: MonthPackage, layout: Layout, persona: Mapping[str, Any] | None
) -> dict[str, Any]:
    content, topic = visible_all(dict(post.post)), visible_all(dict(post.topic.content))
    words = int(content.get("wordCount") or 0)
    head = hero(post)
    day = iso_day(topic.get("plannedDate"))
    return {
        "item": post.item,
        "anchor": f"post-{slugify(post.item) or 'x'}",
        "folder": layout.folders[post.item],
        "day": day,
        "day_number": str(int(day[8:])) if day != "undated" else "–",
        "weekday": date.fromisoformat(day).weekday() if day != "undated" else None,
        "title": one_line(content.get("title")),
        "subtitle": one_line(topic.get("subtitle")),
        "persona": persona,
        "topic": topic,
        "content": content,
        "lead": lead(content),
        "sections": sections(content),
        "faqs": faqs(content),
        "takeaways": takeaways(content),
        "words": words,
        "minutes": max(1, round(words / _WORDS_A_MINUTE)),
        "hero": next((image for image in _images(post, layout) if image["item"] == head), None),
        "images": _images(post, layout),
        "video": _video(post, layout),
        "social": [_social(social, post, layout) for social in sorted(post.social, key=_place)],
        "findings": [
            *post.provenance.findings,
            *(f for social in post.social for f in social.provenance.findings),
        ],
        "approvals": [
            visible_all(asdict(approval))
            for approval in package.approvals
            if approval.item == post.item and approval.point in ("posts", "packages")
        ],
    }


def _images(post: PostPackage, layout: Layout) -> list[dict[str, Any]]:
    return [
        {
            "item": image.item,
            "src": layout.image(post.item, image.item).path,
            "alt": one_line(image.alt_text),
            "ratio": image.aspect_ratio,
            "class": ratio_class(image.aspect_ratio),
            "prompt": visible(image.prompt),
            "made_by": one_line(f"{image.provider} · {image.model}"),
            "platforms": [platform_name(code) for code in image.platforms],
            "codes": list(image.platforms),
        }
        for image in post.images
    ]


def _video(post: PostPackage, layout: Layout) -> dict[str, Any] | None:
    stored = layout.video(post)
    if post.video is None or stored is None:
        return None
    thumbnail = layout.thumbnails.get(post.item)
    return {
        "src": stored.path,
        "type": stored.media_type,
        "poster": thumbnail.path if thumbnail else "",
        "seconds": post.video.seconds,
        "ratio": post.video.aspect_ratio,
        "class": ratio_class(post.video.aspect_ratio),
        "alt": one_line(post.video.alt_text or post.post.get("title")),
        "prompt": visible(post.video.prompt),
        "made_by": one_line(f"{post.video.provider} · {post.video.model}"),
    }


# tall and short cards alternate so that three columns come out about equally long
_WALL = ("instagram", "facebook", "pinterest", "linkedin", "tiktok", "twitter")


def _place(social: SocialPackage) -> tuple[int, str]:
    return (_WALL.index(social.platform) if social.platform in _WALL else len(_WALL), social.platform)


def _social(social: SocialPackage, post: PostPackage, layout: Layout) -> dict[str, Any]:
    images = _images(post, layout)
    wanted = feed_ratio(social.platform)
    meant = [image for image in images if social.platform in image["codes"]]
    fitting = [image for image in meant or images if image["ratio"] == wanted]
    return {
        "platform": social.platform,
        "name": platform_name(social.platform),
        "caption": caption_html(social.caption),
        "title": one_line(post.post.get("title")),
        "image": next(iter([*fitting, *meant, *images]), None),
        "class": ratio_class(wanted),
        "length": social.length,
        "limit": social.limit,
        "over": social.length > social.limit,
        "share": min(100, round(100 * social.length / social.limit)) if social.limit > 0 else 0,
        "findings": [one_line(finding) for finding in social.provenance.findings],
    }


def feed_ratio(code: str) -> str:
    try:
        return platform(code).aspect_ratio
    except InvalidInput:
        return aspect_ratio(code)


def platform_name(code: str) -> str:
    try:
        return platform(code).name
    except InvalidInput:
        return one_line(code)


def caption_html(caption: str) -> Markup:
    """Escape a caption and mark its hashtags, mentions and addresses; line breaks stay."""
    text, parts, position = visible(caption), [], 0
    for match in _HASHTAG.finditer(text):
        parts += [escape(text[position : match.start()]), Markup("<b>{}</b>").format(match[0])]
        position = match.end()
    return Markup("").join([*parts, escape(text[position:])])
