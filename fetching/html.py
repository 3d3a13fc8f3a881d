"""An HTML page as a person sees it: title, language, text as Markdown, links. Bounded work on any input."""

from __future__ import annotations

import codecs
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
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_-]{1,40})", re.I)
_CHARSETS = re.compile(
    r"utf-?(?:8|16|32).*|iso8859-.*|cp\d+|ascii|koi8.*|mac.*|gb.*|big5.*|shift_jis.*|euc.*"
)
_HIDDEN = (
    "//*[not(self::html or self::body or self::main)]["
    "@hidden or self::template or contains(translate(@style, ' ', ''), 'display:none')"
    " or contains(concat(translate(@style, ' ', ''), ';'), 'font-size:0;')"
    " or contains(translate(@style, ' ', ''), 'font-size:0px')]"
)
_LOWER = "translate(@{}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"
_DESCRIPTION = f"string(//meta[{_LOWER.format('name')}='description']/@content)"

logging.getLogger("trafilatura").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class ReadHtml:
    """``links`` are (address as written, link text) pairs in the page's order; ``base`` is its <base>."""

    title: str
    text: str
    language: str
    base: str
    links: tuple[tuple[str, str], ...]


def decode(content: bytes, charset: str | None) -> str:
    """Turn bytes to text by the server's charset, else the page's own, else UTF-8, else Windows-1250."""
    found = _META_CHARSET.search(content[:4096])
    named = [charset or "", found[1].decode("ascii") if found else ""]
    for name in filter(_is_charset, named):
        return content.decode(name, "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1250", "replace")


def _is_charset(name: str) -> bool:
    # Python has codecs such as idna and punycode that take time by the square of what a stranger sends.
    try:
        return bool(name and _CHARSETS.fullmatch(codecs.lookup(name).name))
    except (LookupError, ValueError):
        return False


def read_html(source: str) -> ReadHtml:
    """Extract what a page says; an empty or broken page gives empty fields, never an error."""
    tree: Any = _trafilatura().load_html(_bounded(source.replace("\x00", "")))
    if tree is None:
        return ReadHtml("", "", "", "", ())
    for hidden in tree.xpath(_HIDDEN):
        hidden.drop_tree()
    links = _links(tree)
    text = _markdown(tree)
    if len(text) < _SHORT_TEXT:
        everything = visible(_trafilatura().html2txt(tree)[:_MAX_TEXT]).strip()
        text = everything if len(text) < _POOR_SHARE * len(everything) else text
    return ReadHtml(_title(tree), _with_description(tree, text), _language(tree), _base(tree), links)


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


def _links(tree: Any) -> tuple[tuple[str, str], ...]:
    anchors = tree.xpath(f"(//a[@href])[position() <= {_MAX_LINKS}]")
    return tuple((str(anchor.get("href")).strip(), line(anchor.text_content(), 100)) for anchor in anchors)
