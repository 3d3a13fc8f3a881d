"""Bytes to text in the HTML standard's order: byte order mark, transport, what the page says of itself, its bytes.

What is declared is believed unless the bytes say otherwise: a page that comes out with characters that are none, or
with letters of a wrong charset, is read as the next charset that does without.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from domain.content.damage import broken
from domain.tables import load

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_:-]{1,40})", re.I)
_XML = re.compile(rb"\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([a-zA-Z0-9_:-]{1,40})", re.I)
_CHARSETS = re.compile(
    r"utf-?(?:8|16|32).*|iso8859-.*|cp\d+|ascii|koi8.*|mac.*|gb.*|big5.*|shift_jis.*|euc.*|tis-620"
)
_HEAD_BYTES = 4096
_JUDGED_CHARS = 50_000


def decode(content: bytes, charset: str | None) -> str:
    """Turn a page's bytes to text.

    Args:
        content: The bytes.
        charset: What the server calls their charset, None where it says nothing.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace")
    best, fewest = "", -1
    for name in dict.fromkeys(_candidates(content, charset)):
        text = content.decode(name, "replace")
        flaws = _flaws(text)
        if not flaws:
            return text
        if fewest < 0 or flaws < fewest:
            best, fewest = text, flaws
    return best


def _candidates(content: bytes, charset: str | None) -> Iterator[str]:
    for label in (charset or "", _declared(content)):
        if name := _known(label):
            yield name
    yield "utf-8"
    yield "cp1250"


def _declared(content: bytes) -> str:
    head = _COMMENT.sub(b"", content[:_HEAD_BYTES])
    found = _XML.search(head) or _META.search(head)
    label = found[1].decode("ascii") if found else ""
    # By the standard: what could be read as ASCII to get here is no UTF-16.
    return "utf-8" if label.lower().startswith("utf-16") else label


def _known(label: str) -> str | None:
    """A codec by the name that pages give it; None for all that is no charset of text."""
    label = load("fetching", "charsets")["labels"].get(label.strip().lower(), label.strip())
    # Python has codecs such as idna and punycode that take time by the square of what a stranger sends.
    try:
        name = codecs.lookup(label).name if label else ""
    except (LookupError, ValueError):
        return None
    return name if _CHARSETS.fullmatch(name) else None


def _flaws(text: str) -> int:
    """How much of a text cannot be meant: 0 where nothing is."""
    none = text.count("\ufffd")
    judged = _prose(text[:_JUDGED_CHARS])
    if any(broken(judged)):
        return 1 + 2 * none
    letters = sum(not char.isascii() for char in judged)
    return 0 if 10 * none <= letters else 2 * none  # a few bad bytes in a page that is otherwise right


def _prose(text: str) -> str:
    """Without what pages hold beside text: icons have characters of their own."""
    return re.sub("[\x00-\x08\x0b-\x1f\ue000-\uf8ff\ufffc\ufffd]", "", text)
