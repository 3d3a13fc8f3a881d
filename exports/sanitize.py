"""Makes generated text inert before it is shown or exported.

Order of defence: invisible characters out, length cap, Markdown without HTML and without images, nesting
cap (nh3 is quadratic in depth: 200,000 nested elements take minutes), then nh3 with a small allow-list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_CHARACTERS = 200_000
MAX_NESTING = 100
MAX_URL = 2_000

_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "h3", "h4", "h5", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = {"https", "http", "mailto"}
_VOID = frozenset(
    {"br", "hr", "img", "input", "meta", "link", "wbr", "source", "col", "area", "base", "embed"}
)

# Tag block (smuggled instructions), bidi overrides, C0/C1 controls, zero-width and other unseen characters.
# ZWJ and the emoji variation selector stay: emoji and some scripts need them.
_HIDDEN = re.compile(
    "[\U000e0000-\U000e0fff\u202a-\u202e\u2066-\u2069\u200b\u200c\u200e\u200f\u2060-\u2064\ufeff\u00ad"
    "\ufe00-\ufe0e\ufff9-\ufffb\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_TAG_OPEN = re.compile(r"<(?=[A-Za-z/!?])")


def visible(value: object) -> str:
    """Return text without characters that a reader cannot see, with line feeds only, None as empty."""
    text = "" if value is None else str(value)
    return _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def visible_all(value: Any) -> Any:
    """Apply `visible` to every string of plain JSON, keys included."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): visible_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [visible_all(item) for item in value]
    return value


def one_line(value: object) -> str:
    """Return visible text in one line, for titles and attributes."""
    return " ".join(visible(value).split())


def safe_url(value: object) -> str:
    """Return an absolute http(s) URL, or an empty string where it is anything else."""
    text = one_line(value)
    if len(text) > MAX_URL or not re.match(r"https?://[^\s/\\]", text, re.IGNORECASE):
        return ""
    return text


def article_html(markdown: object) -> str:
    """Render generated Markdown as HTML of an allow-listed handful of elements.

    Headings start at ``h3``, so that they stay below the section's own ``h2``. Images become their alt text;
    links keep only http, https and mailto and are marked ``noopener nofollow ugc``.
    """
    text = visible(markdown)[:MAX_CHARACTERS]
    return clean_html(str(_renderer().render(text)))


def clean_html(html: str) -> str:
    """Sanitise HTML. What is too long or nested too deeply is shown as text instead."""
    if len(html) > 4 * MAX_CHARACTERS or nesting(html) > MAX_NESTING:
        return f"<p>{escape(_TAG.sub(' ', html[:MAX_CHARACTERS]))}</p>"
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_keep_attribute,
        link_rel="noopener noreferrer nofollow ugc",
        url_schemes=_SCHEMES,
    )


_TAG = re.compile(r"<[^<>]{0,2000}>")


def nesting(html: str) -> int:
    """Return the greatest depth of open elements, counted without recursion and without building a tree."""
    depth = deepest = 0
    for match in re.finditer(r"<(/?)([a-zA-Z][^\s/>]*)", html):
        if match[2].lower() in _VOID:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute != "href":
        return value
    if value.startswith("//"):
        value = f"https:{value}"
    return value if re.match(r"(https?://|mailto:)[^\s]", value, re.IGNORECASE) else None


@cache
def _renderer() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    # a preview must not call home: the picture's address could carry data out
    md.add_render_rule("image", _image_as_text)
    md.core.ruler.push("headings_below_the_section", _lower_headings)
    return md


def _image_as_text(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return escape(tokens[index].content)


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(5, max(3, int(token.tag[1:]) + 1))}"


def inert_markdown(markdown: object) -> str:
    """Return Markdown that stays text in every renderer, also in one that lets HTML through.

    Raw HTML is escaped. Where the text holds an image or a link to anything but http, https or mailto, its
    brackets are all written as entities, which no renderer takes for a link.
    """
    text = _TAG_OPEN.sub("&lt;", visible(markdown)[:MAX_CHARACTERS])
    if _all_links_harmless(text):
        return text
    return text.replace("[", "&#91;").replace("]", "&#93;")


@cache
def _suspicious() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": True, "maxNesting": 20}).enable(["table"])
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    return md


def _all_links_harmless(text: str) -> bool:
    return all(
        _harmless(token) for block in _suspicious().parse(text) for token in (block, *(block.children or ()))
    )


def _harmless(token: Token) -> bool:
    if token.type in {"image", "html_block", "html_inline"}:
        return False
    address = str(token.attrs.get("href", "https://"))
    return re.match(r"(https?://|mailto:)", address, re.IGNORECASE) is not None
