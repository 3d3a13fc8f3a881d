"""An HTML page as a person sees it: title, language, text as Markdown, links. Bounded work on any input."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.content.fencing import line, visible

# Parsers and extractors take time by the square of tags and of a tag's attributes (150,000 attributes in one
# tag: minutes), so both are bounded before anything parses. Company pages have some hundreds to a few thousand.
_MAX_TAGS = 20_000
_MAX_TAG_LENGTH = 1_000
_MAX_LINKS = 300
_MAX_TEXT = 200_000
_SHORT_TEXT = 1_000
_POOR_SHARE = 0.3
"""Below this share of a page's words the extractor has taken content for navigation, as on small start pages."""

# Possessive throughout: one pass over the text, whatever stands in it.
_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*+)(?:[^<>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+|[\"'])*+>?")
_HREF = re.compile(r"\bhref\s*=\s*(\"[^\"]*+\"|'[^']*+')", re.I)
_HIDDEN = (
    "//*[not(self::html or self::body or self::main)]["
    "@hidden or self::template or contains(translate(@style, ' ', ''), 'display:none')"
    " or contains(concat(translate(@style, ' ', ''), ';'), 'font-size:0;')"
    " or contains(translate(@style, ' ', ''), 'font-size:0px')]"
)
_REFRESH = re.compile(
    r"(?P<seconds>\d{0,6})[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?(?P<quote>[\"']?)(?P<to>.*?)(?P=quote)\s*\Z",
    re.I | re.S,
)
_MOVES = re.compile(
    r"(?:^|[;{}\s])(?:(?:window|document|self|top|parent)\.)*location(?:\.href)?\s*"
    r"(?:=|\.(?:replace|assign)\()\s*([\"'])([^\"'\s<>]{1,500})\1"
)
_AT_ONCE_SECONDS = 15
_MAX_SCRIPT = 4_000
_MAX_FRAMES = 4
_LOWER = "translate(@{}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"
_DESCRIPTION = f"string(//meta[{_LOWER.format('name')}='description']/@content)"

logging.getLogger("trafilatura").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class ReadHtml:
    """``links`` are (address as written, link text) pairs in the page's order; ``base`` is its <base>.

    ``refresh`` is where it sends its readers by itself, ``moves`` where its script does; ``frames`` are the pages that
    it is made of, ``inlays`` those that stand in it. All as written.
    """

    title: str
    text: str
    language: str
    base: str
    links: tuple[tuple[str, str], ...]
    refresh: str = ""
    moves: str = ""
    frames: tuple[str, ...] = ()
    inlays: tuple[str, ...] = ()


def read_html(source: str) -> ReadHtml:
    """Extract what a page says; an empty or broken page gives empty fields, never an error."""
    source = _bounded(source.replace("\x00", ""))
    tree: Any = _trafilatura().load_html(source)
    if tree is None and _TAG.search(source):
        # it does not take a piece without <html>, which many start pages are that only send on
        tree = _trafilatura().load_html(f"<html><body>{source}</body></html>")
    if tree is None:
        return ReadHtml("", "", "", "", ())
    for hidden in tree.xpath(_HIDDEN):
        hidden.drop_tree()
    links = _links(tree)
    ways = (_refresh(tree), _moves(tree), _sources(tree, "frame"), _sources(tree, "iframe"))
    text = _markdown(tree)
    if len(text) < _SHORT_TEXT:
        everything = visible(_trafilatura().html2txt(tree)[:_MAX_TEXT]).strip()
        text = everything if len(text) < _POOR_SHARE * len(everything) else text
    whole = _with_description(tree, text)
    return ReadHtml(_title(tree), whole, _language(tree), _base(tree), links, *ways)


def _bounded(source: str) -> str:
    """Cut a page after its first tags and take the attributes off oversized ones (inline images, mostly)."""
    pieces: list[str] = []
    done = 0
    for count, tag in enumerate(_TAG.finditer(source)):
        if count == _MAX_TAGS:
            return "".join([*pieces, source[done : tag.start()]])
        if len(tag[0]) > _MAX_TAG_LENGTH:
            pieces += [source[done : tag.start()], _bare(tag)]
            done = tag.end()
    return "".join([*pieces, source[done:]])


def _bare(tag: re.Match[str]) -> str:
    href = _HREF.search(tag[0][:_MAX_TAG_LENGTH]) if tag[1].lower() == "a" else None
    return f"<{tag[1]} href={href[1]}>" if href else f"<{tag[1]}>"


def _markdown(tree: Any) -> str:
    try:
        text = _trafilatura().extract(
            tree, output_format="markdown", favor_recall=True, include_comments=False, config=_settings()
        )
    except RecursionError:
        text = None
    return visible((text or "")[:_MAX_TEXT]).strip()


@cache
def _trafilatura() -> Any:
    import trafilatura  # when the first page is read: the import takes a third of a second

    return trafilatura


@cache
def _settings() -> Any:
    settings = _trafilatura().settings.use_config()
    # Below its size, 250 characters by default, headings and lists are given up for plain lines.
    settings["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "50"
    return settings


def _title(tree: Any) -> str:
    return line(tree.xpath("string(//head/title)") or tree.xpath("string(//h1)"), 300)


def _with_description(tree: Any, text: str) -> str:
    description = line(tree.xpath(_DESCRIPTION))
    return text if not description or description in text else f"{description}\n\n{text}".rstrip()


def _language(tree: Any) -> str:
    declared = str(
        tree.xpath("string(/html/@lang)") or tree.xpath("string(//meta[@property='og:locale']/@content)")
    )
    code = re.split("[-_]", declared.strip().lower())[0]
    return code if re.fullmatch("[a-z]{2,3}", code) else ""


def _base(tree: Any) -> str:
    return str(tree.xpath("string(//base/@href)"))


def _refresh(tree: Any) -> str:
    for content in tree.xpath(f"//meta[{_LOWER.format('http-equiv')}='refresh']/@content"):
        found = _REFRESH.match(str(content).strip())
        if found and int(found["seconds"] or 0) <= _AT_ONCE_SECONDS and (to := found["to"].strip()):
            return to
    return ""


def _moves(tree: Any) -> str:
    scripts = (str(script)[:_MAX_SCRIPT] for script in tree.xpath("//script[not(@src)]/text()"))
    return next((found[2] for script in scripts if (found := _MOVES.search(script))), "")


def _sources(tree: Any, tag: str) -> tuple[str, ...]:
    return tuple(str(source).strip() for source in tree.xpath(f"//{tag}/@src")[:_MAX_FRAMES])


def _links(tree: Any) -> tuple[tuple[str, str], ...]:
    anchors = tree.xpath(f"(//a[@href])[position() <= {_MAX_LINKS}]")
    return tuple((str(anchor.get("href")).strip(), line(anchor.text_content(), 100)) for anchor in anchors)
