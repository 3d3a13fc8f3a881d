"""The machine-readable side of the package: manifest.json, post.json and social/<platform>.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from domain.ids import is_part_of
from domain.money import to_usd
from exports.formats.article import Labels, body_html
from exports.formats.jsonld import graph
from exports.package.layout import Layout, PackagedFile
from exports.package.model import CostLine, MonthPackage, PostPackage, SocialPackage
from exports.package.names import iso_day
from exports.package.stage import FORMAT

FORMAT_VERSION = 1


def as_bytes(value: Any) -> bytes:
    """Serialise plain JSON in one way only: sorted keys, two spaces, UTF-8, a newline at the end."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "replace")


def manifest(package: MonthPackage, layout: Layout, files: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    """Return the manifest.

    Args:
        package: The month.
        layout: Where its files lie.
        files: Every other file of the package: relative path → (SHA-256 in hex, size in bytes).
    """
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "run_id": package.run_id,
        "organization": package.organization,
        "company": asdict(package.company),
        "month": package.month,
        "tier": package.tier,
        "language": package.language,
        "platforms": list(package.platforms),
        "sandbox": package.sandbox,
        "graph_version": package.graph_version,
        "created_at": package.created_at,
        "counts": counts(package),
        "dna": asdict(package.dna) if package.dna else None,
        "personas": [asdict(persona) for persona in package.personas],
        "topics": [asdict(topic) for topic in package.topics],
        "posts": [_entry(post, layout) for post in package.posts],
        "approvals": [asdict(approval) for approval in package.approvals],
        "outcomes": [asdict(outcome) for outcome in package.outcomes],
        "prompts": [asdict(prompt) for prompt in package.prompts],
        "models": models(package),
        "costs": {
            "currency": "USD",
            "total_micro": package.costs.total_micro,
            "total_usd": str(to_usd(package.costs.total_micro)),
            "by_provider": [_cost(line) for line in package.costs.by_provider],
            "by_kind": [_cost(line) for line in package.costs.by_kind],
        },
        "files": {path: {"sha256": digest, "bytes": size} for path, (digest, size) in files.items()},
    }


def post_json(package: MonthPackage, post: PostPackage, layout: Layout, labels: Labels) -> dict[str, Any]:
    """Return ``post.json``: the post with its author, social texts, media and approvals, ready to import."""
    persona = package.persona(post.persona_item)
    return {
        **_entry(post, layout),
        "run_id": package.run_id,
        "organization": package.organization,
        "company_id": package.company.company_id,
        "language": package.language,
        "sandbox": package.sandbox,
        "topic": dict(post.topic.content),
        "author": dict(persona.content) if persona else None,
        "content": dict(post.post),
        "content_html": body_html(post.post, labels),
        "json_ld": graph(package, post, layout),
        "approvals": [asdict(approval) for approval in package.approvals if _about(approval.item, post.item)],
    }


def social_json(
    package: MonthPackage, post: PostPackage, social: SocialPackage, layout: Layout
) -> dict[str, Any]:
    """Return ``social/<platform>.json``: the caption as sent, its parts, and the media meant for it."""
    images = [
        {
            "path": layout.image_for(social.platform, post.item, image.item).inside_post,
            "alt_text": image.alt_text,
        }
        for image in post.images
        if social.platform in image.platforms
    ]
    video = layout.video(post)
    return {
        **asdict(social),
        "post": post.item,
        "planned_date": iso_day(post.topic.content.get("plannedDate")),
        "images": images,
        "video": video.inside_post if video else None,
        "ai_generated": True,
        "language": package.language,
        "sandbox": package.sandbox,
    }


def counts(package: MonthPackage) -> dict[str, int]:
    """Count what the package holds, in the words of the product."""
    return {
        "personas": len(package.personas),
        "topics": len(package.topics),
        "posts": len(package.posts),
        "words": sum(int(post.post.get("wordCount") or 0) for post in package.posts),
        "social_posts": sum(len(post.social) for post in package.posts),
        "images": sum(len(post.images) for post in package.posts),
        "videos": sum(post.video is not None for post in package.posts),
        "approvals": len(package.approvals),
        "outcomes": len(package.outcomes),
    }


def models(package: MonthPackage) -> list[str]:
    """Return the models that made the content, as ``provider/model`` where the provider is known."""
    origins = [package.dna.provenance] if package.dna else []
    for entries in (package.personas, package.topics, package.posts):
        origins += [entry.provenance for entry in entries]
    origins += [social.provenance for post in package.posts for social in post.social]
    used = {origin.model for origin in origins if origin.model}
    media = [medium for post in package.posts for medium in (*post.images, post.video) if medium]
    return sorted(used | {f"{medium.provider}/{medium.model}" for medium in media})


def _entry(post: PostPackage, layout: Layout) -> dict[str, Any]:
    return {
        "item": post.item,
        "folder": layout.folders[post.item],
        "title": post.post.get("title"),
        "slug": post.post.get("slug"),
        "planned_date": iso_day(post.topic.content.get("plannedDate")),
        "persona": post.persona_item,
        "word_count": post.post.get("wordCount"),
        "provenance": asdict(post.provenance),
        "social": [asdict(social) for social in post.social],
        "images": [
            {
                **asdict(image),
                "file": _file(layout.media.get((post.item, image.item))),
                "jpeg": _file(layout.jpegs.get((post.item, image.item))),
            }
            for image in post.images
        ],
        "video": _video(post, layout),
    }


def _video(post: PostPackage, layout: Layout) -> dict[str, Any] | None:
    if post.video is None:
        return None
    return {
        **asdict(post.video),
        "file": _file(layout.video(post)),
        "thumbnail": _file(layout.thumbnails.get(post.item)),
    }


def _file(stored: PackagedFile | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    return {
        "path": stored.path,
        "sha256": stored.sha256,
        "bytes": stored.size,
        "media_type": stored.media_type,
    }


def _cost(line: CostLine) -> dict[str, Any]:
    return {**asdict(line), "cost_usd": str(to_usd(line.cost_micro))}


def _about(item: str, post: str) -> bool:
    return item == post or is_part_of(item, post)
