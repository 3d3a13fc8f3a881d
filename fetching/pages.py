"""Reading web pages: one page, or the most telling pages of a company's site."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from itertools import chain, islice
from urllib.parse import urldefrag, urljoin, urlsplit

from domain.content.damage import broken, restore_encoding
from domain.errors import FetchFailed, PostHubError, UnsafeUrl
from domain.tables import load
from fetching import failures
from fetching.charset import decode
from fetching.cookies import Cookies
from fetching.failures import shown
from fetching.fetcher import Fetched, SafeFetcher
from fetching.html import ReadHtml, read_html
from fetching.links import Link, Page, folder_of, same_site, telling_links
from fetching.robots import Robots

HTML_TYPES = ("text/html", "application/xhtml+xml")
_PARSE_SECONDS = 20.0
_PAGE_SECONDS = 40.0
_MAX_HOPS = 5
_NOTHING = ReadHtml("", "", "", "", ())


class _Reading:
    """One reading of one site: its cookies and its rules end with it."""

    def __init__(self, fetcher: SafeFetcher, own_sites: Collection[str]) -> None:
        self.cookies = Cookies()
        self.robots = Robots(fetcher, own_sites)


class PageReader:
    """Reads pages through a fetcher that reaches public addresses only.

    Args:
        fetcher: Fetches under its own caps of size and time.
        max_chars: Cap on a page's text, in characters.
        site_seconds: Deadline of `read_site` for the pages after the first.
        at_once: How many pages of a site are asked for at the same time.
        own_sites: Hosts whose robots.txt is not asked: they belong to whoever runs this.
    """

    def __init__(
        self,
        fetcher: SafeFetcher,
        *,
        max_chars: int = 12_000,
        site_seconds: float = 40.0,
        at_once: int = 3,
        own_sites: Collection[str] = (),
    ) -> None:
        self._fetcher = fetcher
        self._max_chars = max_chars
        self._site_seconds = site_seconds
        self._at_once = at_once
        self._own_sites = own_sites

    async def read(self, url: str, *, max_chars: int | None = None) -> Page:
        """Read one page. Where it is a refresh, frames or a script that moves on, the page behind it is read.

        Raises:
            UnsafeUrl: the address must not be fetched, or sends its readers to one that must not be.
            FetchFailed: it could not be read; ``reason`` is one of `SafeFetcher.get`, or ``robots``.
        """
        return await self._read(url, _Reading(self._fetcher, self._own_sites), max_chars)

    async def _read(self, url: str, reading: _Reading, max_chars: int | None = None) -> Page:
        try:
            async with asyncio.timeout(_PAGE_SECONDS):
                at, html = await self._follow(url, reading)
        except TimeoutError:
            raise failures.timed_out(url, _PAGE_SECONDS) from None
        return _page(at, html, self._max_chars if max_chars is None else max_chars)

    async def _follow(self, url: str, reading: _Reading) -> tuple[str, ReadHtml]:
        """Go where a page sends its readers, as often as a chain of redirects may."""
        seen: list[str] = []
        at, html = "", _NOTHING
        while url != at and url not in seen:
            if len(seen) > _MAX_HOPS:
                raise failures.too_many_redirects(seen[0], _MAX_HOPS)
            seen.append(url)
            at, html = await self._fetch(url, reading)
            url = self._onward(at, html)
        return at, html if _readable(html.text) else await self._with_frames(at, html, reading)

    def _onward(self, at: str, html: ReadHtml) -> str:
        """The address that a page sends on to; its own where it is the page to read."""
        if html.refresh:
            return self._fetcher.onward(at, _joined(at, html.base, html.refresh))
        moves = not _readable(html.text) and html.moves and _absolute(at, html.base, html.moves)
        return self._fetcher.onward(at, moves) if moves else at

    async def _with_frames(self, at: str, html: ReadHtml, reading: _Reading) -> ReadHtml:
        """Add what stands in a page's frames, and in those inside it that are of the same site."""
        framed, inlaid = (
            [to for source in sources if (to := _absolute(at, html.base, source))]
            for sources in (html.frames, html.inlays)
        )
        for address in dict.fromkeys([*framed, *(one for one in inlaid if same_site(one, at))]):
            try:
                inner_at, inner = await self._fetch(self._fetcher.onward(at, address), reading)
            except (FetchFailed, UnsafeUrl):
                continue  # the others may say enough
            links = tuple((urljoin(urljoin(inner_at, inner.base), href), text) for href, text in inner.links)
            html = replace(
                html,
                title=html.title or inner.title,
                text=f"{html.text}\n\n{inner.text}".strip(),
                language=html.language or inner.language,
                links=(*html.links, *links),
            )
        return html

    async def _fetch(self, url: str, reading: _Reading) -> tuple[str, ReadHtml]:
        await reading.robots.check(url, reading.cookies)
        fetched = await self._fetcher.get(url, media_types=HTML_TYPES, cookies=reading.cookies)
        try:
            async with asyncio.timeout(_PARSE_SECONDS):
                return fetched.final_url, await asyncio.to_thread(_parse, fetched)
        except TimeoutError:
            raise _unreadable(url) from None

    async def read_site(
        self, url: str, *, max_pages: int = 6, on_skip: Callable[[str], None] | None = None
    ) -> list[Page]:
        """Read the start page and the most telling pages that it links to on the same site.

        Where the start page lies in a folder, pages of that folder come first, and others only if it has none: a host
        may be shared. A page that shows a check of browsers instead of itself is left out, the start page too.

        Args:
            url: The start page.
            max_pages: How many pages at most, the start page included.
            on_skip: Told, in a sentence for people, of each page that was left out, and of what is damaged in others.

        Raises:
            UnsafeUrl, FetchFailed: the start page could not be read.
        """
        reading = _Reading(self._fetcher, self._own_sites)
        start = await self._read(url, reading)
        folder = folder_of(start.url) if folder_of(url) != "/" else "/"
        urls = telling_links(start, folder)[: max(0, max_pages - 1)]
        notes: list[str] = []
        pages = await self._read_all(urls, notes, reading)
        found = _distinct([start, *(page for page in pages if same_site(page.url, start.url))])
        for note in (*notes, *(note for page in found for note in page.notes)):
            (on_skip or _ignore)(note)
        return [page for page in found if not page.challenge]

    async def _read_all(self, urls: list[str], notes: list[str], reading: _Reading) -> list[Page]:
        turn = asyncio.Semaphore(self._at_once)
        tasks = [asyncio.create_task(self._read_or_note(url, turn, notes, reading)) for url in urls]
        if not tasks:
            return []
        try:
            _, late = await asyncio.wait(tasks, timeout=self._site_seconds)
            if late:
                notes.append(f"{len(late)} pages were left out: the site took over {self._site_seconds:g} s.")
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        for result in done:
            if isinstance(result, Exception):
                raise result
        return [result for result in done if isinstance(result, Page)]

    async def _read_or_note(
        self, url: str, turn: asyncio.Semaphore, notes: list[str], reading: _Reading
    ) -> Page | None:
        async with turn:
            try:
                return await self._read(url, reading)
            except PostHubError as error:
                notes.append(error.message)
                return None


def _ignore(note: str) -> None:
    """Where nobody asks, a skipped page is no news."""


def _parse(fetched: Fetched) -> ReadHtml:
    return read_html(decode(fetched.content, fetched.charset))


def _unreadable(url: str) -> FetchFailed:
    return FetchFailed(
        f"The page {url.split('?')[0][:100]} is built so that its text cannot be taken out in time.",
        next_step="Give the address of a simpler page.",
        reason="timeout",
    )


def _page(url: str, html: ReadHtml, max_chars: int) -> Page:
    text, restored = restore_encoding(html.text)
    title, _ = restore_encoding(html.title)
    notes = [f"{shown(url)}: {note}" for note in (*restored, *islice(broken(text), 1))]
    if challenge := _challenge(title, text):
        notes = [
            f"{shown(url)} was left out: it shows a check of its visitors instead of the page (“{challenge}”)."
        ]
    truncated = len(text) > max_chars
    if truncated:
        text = text[:max_chars].rsplit(" ", 1)[0].rstrip()
    links = _same_site_links(url, html)
    return Page(url, title, text, html.language, links, truncated, challenge, tuple(notes))


def readable_chars(texts: Iterable[str]) -> int:
    """How many letters and digits there are to read in some texts."""
    return sum(map(str.isalnum, chain.from_iterable(texts)))


def least_readable_chars() -> int:
    """With fewer letters and digits than this a site says nothing."""
    return int(load("fetching", "readable")["least_chars"])


def _readable(text: str) -> bool:
    return readable_chars([text]) >= least_readable_chars()


def _challenge(title: str, text: str) -> str:
    """What a protection service shows in place of a page; a long text that speaks of such things is a page."""
    table = load("fetching", "readable")
    if len(text) > table["challenge_chars"]:
        return ""
    found = (re.search(pattern, f"{title}\n{text}", re.I | re.S) for pattern in table["challenges"])
    return next((" ".join(match[0].split())[:60] for match in found if match), "")


def _same_site_links(url: str, html: ReadHtml) -> tuple[Link, ...]:
    found: dict[str, Link] = {}
    for href, text in html.links:
        address = _absolute(url, html.base, href)
        if address and same_site(address, url) and _bare(address) != _bare(url):
            first = found.setdefault(_bare(address), Link(address, text))
            if not first.text and text:
                found[_bare(address)] = Link(first.url, text)
    return tuple(found.values())


def _joined(url: str, base: str, href: str) -> str:
    return urldefrag(urljoin(urljoin(url, base), href)).url


def _absolute(url: str, base: str, href: str) -> str | None:
    try:
        address = _joined(url, base, href)
        return address if urlsplit(address).scheme in {"http", "https"} else None
    except ValueError:
        return None


def _bare(url: str) -> str:
    return url.split("://", 1)[-1].removeprefix("www.").rstrip("/")


def _distinct(pages: Iterable[Page]) -> list[Page]:
    found: dict[str, Page] = {}
    for page in pages:
        found.setdefault(_bare(page.url), page)
    return list(found.values())
