"""schema.org data of a post: BlogPosting with its fictional author, and FAQPage.

Source: Google Search Central, "Article" and "FAQPage" structured data. FAQ rich results are shown for
government and health sites only since 2023; the data still serves other machines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from exports.package.layout import Layout
from exports.package.model import CompanyPackage, MonthPackage, PersonaPackage, PostPackage
from exports.package.names import iso_day
from exports.sanitize import one_line, safe_url, visible

_GENERATED = "https://schema.org/TrainedAlgorithmicMediaDigitalSource"


def graph(package: MonthPackage, post: PostPackage, layout: Layout) -> dict[str, Any]:
    """Return one JSON-LD document with ``@graph``: the BlogPosting, then the FAQPage if there are questions."""
    nodes = [_posting(package, post, layout)]
    faqs = [faq for faq in post.post.get("faqs") or [] if isinstance(faq, Mapping)]
    if faqs:
        nodes.append({"@type": "FAQPage", "mainEntity": [_question(faq) for faq in faqs]})
    return {"@context": "https://schema.org", "@graph": nodes}


def script_safe(value: Any) -> str:
    """Serialise JSON so that it can stand inside ``<script>`` without ending it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _posting(package: MonthPackage, post: PostPackage, layout: Layout) -> dict[str, Any]:
    content, topic = post.post, post.topic.content
    node: dict[str, Any] = {
        "@type": "BlogPosting",
        "headline": one_line(content.get("title")),
        "description": one_line(content.get("metaDescription")),
        "inLanguage": package.language,
        "datePublished": _moment(topic.get("plannedDate"), package.company.time_zone),
        "dateModified": _moment(topic.get("plannedDate"), package.company.time_zone),
        "wordCount": content.get("wordCount"),
        "keywords": [one_line(word) for word in topic.get("keywords") or []],
        "author": _author(package.persona(post.persona_item), package.company),
        "publisher": _publisher(package.company),
        "image": _images(post, layout),
        "video": _videos(post, layout, one_line(content.get("title"))),
    }
    return {name: value for name, value in node.items() if value}


def _author(persona: PersonaPackage | None, company: CompanyPackage) -> dict[str, Any]:
    if persona is None:
        return _publisher(company)
    author = {
        "@type": "Person",
        "name": one_line(persona.content.get("characterName")),
        "jobTitle": one_line(persona.content.get("roleInCompany")),
        "worksFor": _publisher(company),
        "url": safe_url(company.website),
    }
    return {name: value for name, value in author.items() if value}


def _publisher(company: CompanyPackage) -> dict[str, Any]:
    publisher = {"@type": "Organization", "name": one_line(company.name), "url": safe_url(company.website)}
    return {name: value for name, value in publisher.items() if value}


def _images(post: PostPackage, layout: Layout) -> list[dict[str, Any]]:
    return [
        {
            "@type": "ImageObject",
            "contentUrl": layout.image(post.item, image.item).inside_post,
            "caption": one_line(image.alt_text),
            "digitalSourceType": _GENERATED,
        }
        for image in post.images
    ]


def _videos(post: PostPackage, layout: Layout, title: str) -> list[dict[str, Any]]:
    stored = layout.video(post)
    if post.video is None or stored is None:
        return []
    thumbnail = layout.thumbnails.get(post.item)
    video = {
        "@type": "VideoObject",
        "name": title,
        "contentUrl": stored.inside_post,
        "thumbnailUrl": thumbnail.inside_post if thumbnail else "",
        "duration": f"PT{round(post.video.seconds)}S",
        "digitalSourceType": _GENERATED,
    }
    return [{name: value for name, value in video.items() if value}]


def _question(faq: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"@type": "Answer", "text": visible(faq.get("answer"))}
    return {"@type": "Question", "name": one_line(faq.get("question")), "acceptedAnswer": answer}


def _moment(day: object, zone: str) -> str:
    """Start of the planned day with the company's offset; the day alone where the zone is unknown."""
    text = iso_day(day)
    if text == "undated":
        return ""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except (KeyError, ValueError, OSError):
        return text
