"""A blog post: its parts, how its words are counted, and what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, computed_field, field_validator, model_validator
from slugify import slugify

from domain.content.damage import unreadable
from domain.content.topic import Topic
from domain.content.written import Content
from domain.tables import load
from domain.text import contains, key, leaks
from domain.text import count_words as words_of

SectionType = Literal["intro", "body", "conclusion", "faq", "cta"]

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s", re.MULTILINE)


class Section(Content):
    """One part of a post. ``content`` is Markdown without headings; an intro has no heading."""

    section_type: SectionType = "body"
    heading: str = ""
    heading_level: int = Field(default=2, ge=2, le=4)
    content: str
    has_image: bool = False
    has_cta: bool = False


class Faq(Content):
    question: str
    answer: str


class BlogPost(Content):
    """A whole post.

    Reads both the stored shape (``sections``) and the model's (``intro``, ``body``, ``conclusion``), which
    becomes sections here. ``word_count`` is always counted; one that is given is not believed.
    """

    title: str = Field(min_length=1)
    slug: str = ""
    meta_title: str = ""
    meta_description: str = ""
    sections: tuple[Section, ...] = Field(min_length=1)
    faqs: tuple[Faq, ...] = ()
    key_takeaways: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _sections(cls, value: Any) -> Any:
        if isinstance(value, dict) and "sections" not in value and "body" in value:
            return {**value, "sections": list(_as_sections(value))}
        return value

    @field_validator("key_takeaways", mode="before")
    @classmethod
    def _lines(cls, value: Any) -> Any:
        """Forms send lists back as lines."""
        return [line for line in value.splitlines() if line.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _slug(self) -> BlogPost:
        longest = _rule("slug_max")
        slug = slugify(self.slug or self.title, max_length=longest, word_boundary=True)
        object.__setattr__(self, "slug", slug or "clanek")
        return self

    @computed_field(alias="wordCount")  # type: ignore[prop-decorator]
    @property
    def word_count(self) -> int:
        """Words of the sections, headings, questions with answers, and takeaways."""
        return count_words(self)


def count_words(post: BlogPost) -> int:
    """Count a post's words: section headings and contents, FAQ and takeaways; the title is none of them."""
    return sum(map(words_of, _pieces(post)))


def post_schema(topic: Topic | Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of a post on a topic (plain or not).

    The parts are named one by one, so that none can be missing; a text at every minimum and one at every
    maximum both have a length that `post_findings` accepts.
    """
    keyword = topic.focus_keyword if isinstance(topic, Topic) else topic["focusKeyword"]
    asked, wanted = load("domain", "post")["asked"], f"must contain „{keyword}“"
    properties: dict[str, Any] = {
        "title": _text(asked["title"], f"The headline; {wanted}, exactly so."),
        "metaTitle": _text(
            asked["meta_title"], f"For search results; {wanted}, at the beginning if it can be."
        ),
        "metaDescription": _text(asked["meta_description"], f"For search results; {wanted}."),
        "intro": _object(
            content=_text(
                asked["intro"],
                f"Opening, Markdown without headings: why it matters; its first paragraph {wanted}.",
            )
        ),
        "body": _list(asked["body_sections"], _section(asked["body"], "One step of the argument")),
        "conclusion": _section(
            asked["conclusion"], "Summary and next step, closing with the author's signature"
        ),
        "faqs": _list(
            asked["faqs"],
            _object(
                question=_text(asked["question"], "As a reader would ask it; ends with a question mark."),
                answer=_text(asked["answer"], "A complete answer that stands alone."),
            ),
        ),
        "keyTakeaways": _list(
            asked["takeaways"], _text(asked["takeaway"], "One thing to remember or to do.")
        ),
    }
    return _object(**properties)


def post_findings(post: BlogPost, focus_keyword: str) -> list[str]:
    """Say what a post lacks, in sentences that its writer can act on; empty when it is whole."""
    return [
        *_length_findings(post),
        *_part_findings(post),
        *_search_findings(post, focus_keyword),
        *_text_findings(post),
    ]


def post_markdown(post: BlogPost, language: str = "cs") -> str:
    """Render a post as Markdown for reading: title, sections, takeaways, questions."""
    labels = load("domain", "post")["labels"]
    label = labels.get(language, labels["en"])
    lines = [f"# {post.title}"]
    for section in post.sections:
        if section.heading:
            lines.append(f"{'#' * section.heading_level} {section.heading}")
        lines.append(section.content)
    if post.key_takeaways:
        lines += [f"## {label['takeaways']}", "\n".join(f"- {one}" for one in post.key_takeaways)]
    if post.faqs:
        lines.append(f"## {label['faq']}")
        lines += [line for faq in post.faqs for line in (f"### {faq.question}", faq.answer)]
    return "\n\n".join(lines) + "\n"


def draft_text(draft: Mapping[str, Any]) -> str:
    """Read an article that is still being written, in either shape, as far as it goes."""
    intro, body = draft.get("intro"), draft.get("body") or draft.get("sections") or []
    parts = [part for part in (intro, *_listed(body), draft.get("conclusion")) if isinstance(part, Mapping)]
    lines = [f"# {draft.get('title', '')}"]
    for part in parts:
        lines += [f"## {part['heading']}"] if part.get("heading") else []
        lines.append(str(part.get("content", "")))
    return "\n\n".join(lines).rstrip()


def _as_sections(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Turn the model's named parts into sections; anything that is no part fails validation later."""
    parts = [("intro", value.get("intro")), *(("body", one) for one in _listed(value["body"]))]
    for kind, part in (*parts, ("conclusion", value.get("conclusion"))):
        if part is None:
            continue
        fields = part if isinstance(part, dict) else {"content": part}
        yield {**fields, "sectionType": kind, "headingLevel": 2}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pieces(post: BlogPost) -> Iterator[str]:
    for section in post.sections:
        yield from (section.heading, section.content)
    for faq in post.faqs:
        yield from (faq.question, faq.answer)
    yield from post.key_takeaways


def _rule(name: str) -> Any:
    return load("domain", "post")["rules"][name]["value"]


def _length_findings(post: BlogPost) -> list[str]:
    fewest, most = _rule("words")
    count = count_words(post)
    bodies = [section for section in post.sections if section.section_type == "body"] or list(post.sections)
    if count < fewest:
        thin = min(bodies, key=lambda section: words_of(section.content))
        return [
            f"The article has {count} words and needs {fewest} to {most}: add at least {fewest - count}. "
            f"The thinnest section is {_named(thin)} with {words_of(thin.content)} words."
        ]
    if count > most:
        thick = max(bodies, key=lambda section: words_of(section.content))
        return [
            f"The article has {count} words and may have {fewest} to {most}: cut at least {count - most}. "
            f"The longest section is {_named(thick)} with {words_of(thick.content)} words."
        ]
    return []


def _part_findings(post: BlogPost) -> list[str]:
    kinds = [section.section_type for section in post.sections]
    bodies = sum(
        one.section_type == "body" and one.heading_level == 2 and bool(one.heading) for one in post.sections
    )
    found = []
    if kinds[0] != "intro":
        found.append("The introduction is missing: open the article with one.")
    if bodies < _rule("body_sections_min"):
        wanted = _rule("body_sections_min")
        found.append(f"The body has {bodies} sections under second-level headings and needs {wanted}.")
    if "conclusion" not in kinds:
        found.append("The conclusion is missing: sum up and say what the reader does next.")
    found += _count_finding(len(post.faqs), _rule("faqs"), "questions with answers (FAQ)")
    found += _count_finding(len(post.key_takeaways), _rule("takeaways"), "key takeaways")
    return found


def _count_finding(count: int, bounds: list[int], what: str) -> list[str]:
    fewest, most = bounds
    return [] if fewest <= count <= most else [f"There are {count} {what}; write {fewest} to {most}."]


def _search_findings(post: BlogPost, focus_keyword: str) -> list[str]:
    found = []
    if not contains(post.title, focus_keyword):
        found.append(f"The title has to contain the focus keyword exactly as it stands: „{focus_keyword}“.")
    if not 0 < len(post.meta_title) <= _rule("meta_title_max"):
        found.append(
            f"The meta title has {len(post.meta_title)} characters; write 1 to {_rule('meta_title_max')}."
        )
    shortest, longest = _rule("meta_description")
    if not shortest <= len(post.meta_description) <= longest:
        found.append(
            f"The meta description has {len(post.meta_description)} characters; "
            f"write {shortest} to {longest}."
        )
    return found


def _text_findings(post: BlogPost) -> list[str]:
    found = [
        f"{_named(section)} is empty: write its text."
        for section in post.sections
        if not words_of(section.content)
    ]
    found += [
        f"{_named(section)} has headings inside its text: make them bold words or sections of their own."
        for section in post.sections
        if _HEADING.search(section.content)
    ]
    headings = [key(section.heading) for section in post.sections if section.heading]
    if len(set(headings)) < len(headings):
        found.append("Two sections have the same heading: no heading may repeat.")
    if any(not words_of(text) for faq in post.faqs for text in (faq.question, faq.answer)):
        found.append("A question or an answer of the FAQ is empty: write both.")
    pieces = (post.title, post.meta_title, post.meta_description, *_pieces(post))
    everything = "\n".join(pieces)
    return [*found, *(one for piece in pieces for one in unreadable(piece))] + [
        f"“{piece}” must not be published: put the article's own words in its place."
        for piece in leaks(everything)
    ]


def _named(section: Section) -> str:
    return f"“{section.heading}”" if section.heading else f"The {section.section_type}"


def _section(bounds: list[int], description: str) -> dict[str, Any]:
    return _object(
        heading=_text(load("domain", "post")["asked"]["heading"], "Heading without marks; no two alike."),
        content=_text(bounds, f"{description}; Markdown paragraphs and lists without headings."),
        hasImage={"type": "boolean", "description": "Whether a picture helps here."},
        hasCta={"type": "boolean", "description": "Whether it invites to act."},
    )


def _text(bounds: list[int], description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": bounds[0], "maxLength": bounds[1], "description": description}


def _list(count: int, items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": count, "maxItems": count, "items": items}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
