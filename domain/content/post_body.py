"""An article's sections as one Markdown text, and such a text as sections again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from markdown_it import MarkdownIt

from domain.content.post import Section
from domain.errors import InvalidInput
from domain.text import key

_LEVELS = range(2, 5)


def body_of(sections: Sequence[Section]) -> str:
    """Put sections together: headings with their marks, and the texts."""
    return "\n\n".join(piece for section in sections for piece in _pieces(section))


def sections_of(body: str, before: Sequence[Section]) -> list[Section]:
    """Read a text that a person changed.

    A section keeps what its text does not say (its type, whether it has a picture) by its heading, or by its place.

    Args:
        body: Markdown; headings of the levels 2 to 4 begin sections.
        before: The sections of which the text was made.

    Raises:
        InvalidInput: The text is empty, or has a heading of another level.
    """
    texts = list(_split(body))
    if not texts:
        raise InvalidInput("body: the article's text is empty.")
    made_of = _matched([heading for heading, _, _ in texts], before)
    return [
        origin.model_copy(update={"heading": heading, "heading_level": level, "content": content})
        for (heading, level, content), origin in zip(texts, made_of, strict=True)
    ]


def _pieces(section: Section) -> Iterator[str]:
    if section.heading:
        yield f"{'#' * section.heading_level} {section.heading}"
    if section.content:
        yield section.content


def _split(body: str) -> Iterator[tuple[str, int, str]]:
    """Yield (heading, level, content) of each section; a text before the first heading has none."""
    lines = body.splitlines()
    heading, level, start = "", _LEVELS.start, 0
    for title, depth, (first, last) in _headings(body):
        if depth not in _LEVELS:
            raise InvalidInput(
                f"body: the heading “{title[:80]}” is of level {depth}.",
                next_step="Write ## to ####; the article's title is a field of its own.",
            )
        content = "\n".join(lines[start:first]).strip()
        if heading or content:
            yield heading, level, content
        heading, level, start = title, depth, last
    content = "\n".join(lines[start:]).strip()
    if heading or content:
        yield heading, level, content


def _headings(body: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    tokens = MarkdownIt("commonmark").parse(body)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield inline.content, int(token.tag[1:]), (token.map[0], token.map[1])


def _matched(headings: Sequence[str], before: Sequence[Section]) -> Iterator[Section]:
    """Say of each section which one it was; one that was none is a plain part of the body."""
    named = {key(section.heading): section for section in before}
    left = [section for section in before if key(section.heading) not in set(map(key, headings))]
    renamed = sum(key(heading) not in named for heading in headings) == len(left)
    for index, heading in enumerate(headings):
        known = named.get(key(heading))
        is_last = index == len(headings) - 1
        if known is None and left and (renamed or (is_last and left[-1] is before[-1])):
            known = left.pop(0 if renamed else -1)
        yield known or Section(content="")
