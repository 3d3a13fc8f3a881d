"""One post as Markdown with front matter, and its parts as sanitised HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from markupsafe import Markup

from exports.package.layout import Layout
from exports.package.model import MonthPackage, PostPackage
from exports.package.names import iso_day
from exports.sanitize import article_html, inert_markdown, one_line, safe_url, visible

Labels = Mapping[str, Any]


def sections(post: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the post's sections with ``type``, ``heading``, ``level`` (2-4) and sanitised ``html``.

    FAQ and takeaways have fields of their own; a section that only announces them would stand there twice.
    """
    found = []
    for section in _mappings(post.get("sections")):
        kind = one_line(section.get("sectionType"))
        if kind == "faq" and post.get("faqs"):
            continue
        found.append(
            {
                "type": kind,
                "heading": one_line(section.get("heading")),
                "level": _level(section.get("headingLevel")),
                "html": Markup(article_html(section.get("content"))),
            }
        )
    return found


def faqs(post: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return questions as text and answers as sanitised HTML."""
    return [
        {"question": one_line(faq.get("question")), "html": Markup(article_html(faq.get("answer")))}
        for faq in _mappings(post.get("faqs"))
    ]


def takeaways(post: Mapping[str, Any]) -> list[str]:
    """Return the key takeaways, each in one line."""
    return [line for takeaway in post.get("keyTakeaways") or [] if (line := one_line(takeaway))]


def lead(post: Mapping[str, Any], characters: int = 420) -> str:
    """Return the beginning of the first section as plain text, cut at a word."""
    first = next(iter(_mappings(post.get("sections"))), {})
    broken = re.sub(r"</(p|li|h\d|td|th)>|<br>", " ", article_html(first.get("content")))
    text = " ".join(re.sub(r"<[^>]*>", "", broken).split())
    text = one_line(Markup(text).unescape())
    return text if len(text) <= characters else text[:characters].rsplit(" ", 1)[0] + " …"


def body_html(post: Mapping[str, Any], labels: Labels) -> str:
    """Return the whole article as one sanitised HTML fragment, for systems that import it."""
    return "\n".join(_fragments(post, labels))


def _fragments(post: Mapping[str, Any], labels: Labels) -> Iterator[str]:
    for section in sections(post):
        if section["heading"]:
            level = section["level"]
            yield str(Markup("<h{0}>{1}</h{0}>").format(level, section["heading"]))
        yield str(section["html"])
    if points := takeaways(post):
        items = Markup("").join(Markup("<li>{}</li>").format(point) for point in points)
        yield str(Markup("<h2>{}</h2>\n<ul>{}</ul>").format(labels["article"]["takeaways"], items))
    if questions := faqs(post):
        yield str(Markup("<h2>{}</h2>").format(labels["article"]["faq"]))
        for faq in questions:
            yield str(Markup("<h3>{}</h3>\n{}").format(faq["question"], faq["html"]))


def markdown(package: MonthPackage, post: PostPackage, layout: Layout, labels: Labels) -> str:
    """Return ``post.md``: YAML front matter and the article, inert in every Markdown renderer."""
    front = yaml.safe_dump(
        _front_matter(package, post, layout),
        sort_keys=False,
        allow_unicode=True,
        width=1000,
        default_flow_style=False,
    )
    return f"---\n{front}---\n\n" + "\n\n".join(_blocks(post, layout, labels)) + "\n"


def _front_matter(package: MonthPackage, post: PostPackage, layout: Layout) -> dict[str, Any]:
    content, topic, persona = post.post, post.topic.content, package.persona(post.persona_item)
    front: dict[str, Any] = {
        "title": one_line(content.get("title")),
        "slug": one_line(content.get("slug")),
        "date": iso_day(topic.get("plannedDate")),
        "author": one_line(persona.content.get("characterName"))
        if persona
        else one_line(package.company.name),
        "authorRole": one_line(persona.content.get("roleInCompany")) if persona else "",
        "company": one_line(package.company.name),
        "website": safe_url(package.company.website),
        "language": package.language,
        "metaTitle": one_line(content.get("metaTitle")),
        "description": one_line(content.get("metaDescription")),
        "focusKeyword": one_line(topic.get("focusKeyword")),
        "keywords": [one_line(word) for word in topic.get("keywords") or []],
        "searchIntent": one_line(topic.get("searchIntent")),
        "wordCount": content.get("wordCount"),
        "image": _hero_path(post, layout),
        "sandbox": package.sandbox or None,
        "id": post.item,
        "run": package.run_id,
    }
    return {name: value for name, value in front.items() if value not in (None, "", [])}


def hero(post: PostPackage) -> str | None:
    """Return the item of the image that heads the article: the first wide one, else the first."""
    wide = [image.item for image in post.images if image.aspect_ratio == "16:9"]
    return next(iter([*wide, *(image.item for image in post.images)]), None)


def _hero_path(post: PostPackage, layout: Layout) -> str | None:
    item = hero(post)
    return layout.image(post.item, item).inside_post if item else None


def _blocks(post: PostPackage, layout: Layout, labels: Labels) -> Iterator[str]:
    content = post.post
    yield f"# {_heading(content.get('title'))}"
    if item := hero(post):
        alt = next(image.alt_text for image in post.images if image.item == item)
        yield f"![{_heading(alt)}]({layout.image(post.item, item).inside_post})"
    for section in _mappings(content.get("sections")):
        if section.get("sectionType") == "faq" and content.get("faqs"):
            continue
        if section.get("heading"):
            yield f"{'#' * _level(section.get('headingLevel'))} {_heading(section.get('heading'))}"
        yield inert_markdown(section.get("content")).strip()
    if points := takeaways(content):
        yield f"## {labels['article']['takeaways']}"
        yield "\n".join(f"- {_heading(point)}" for point in points)
    if questions := list(_mappings(content.get("faqs"))):
        yield f"## {labels['article']['faq']}"
        for faq in questions:
            yield f"### {_heading(faq.get('question'))}"
            yield inert_markdown(faq.get("answer")).strip()


def _heading(value: object) -> str:
    """One line of Markdown without links, images or HTML."""
    return re.sub(r"([\\`*_\[\]])", r"\\\1", one_line(value)).replace("<", "&lt;")


def _level(value: object) -> int:
    digits = re.search(r"[1-6]", str(visible(value)))
    return min(4, max(2, int(digits[0]))) if digits else 2


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list | tuple) else []
