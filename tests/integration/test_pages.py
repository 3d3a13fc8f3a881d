"""Reading pages and sites from a real server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from domain.errors import FetchFailed, UnsafeUrl
from fetching.fetcher import SafeFetcher
from fetching.pages import PageReader
from tools.page import read_page_tool

LONG = "Pražíme výběrovou kávu v malých dávkách a posíláme ji po celé zemi. " * 20


@dataclass
class Site:
    """Serves pages by path: HTML, an address to redirect to, a status, or None to never answer."""

    pages: dict[str, str | int | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
        self.asked.append(path)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.02)
        try:
            await self._answer(self.pages.get(path, 404), reader, writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(
        self, page: str | int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if page is None:
            await reader.read()
            return
        redirect = str(page).startswith("http://")
        status = page if isinstance(page, int) else 302 if redirect else 200
        body = page.encode() if isinstance(page, str) and not redirect else b""
        head = f"HTTP/1.1 {status} S\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}"
        location = f"\r\nLocation: {page}" if redirect else ""
        writer.write(f"{head}{location}\r\n\r\n".encode() + body)
        await writer.drain()


def html(title: str, *hrefs: str, text: str = LONG) -> str:
    links = " ".join(f'<a href="{href}">{href.strip("/")}</a>' for href in hrefs)
    return f'<html lang="cs"><head><title>{title}</title></head><body>{links}<p>{text}</p></body></html>'


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    started = Site()
    server = await asyncio.start_server(started.serve, "127.0.0.1", 0)
    started.port = server.sockets[0].getsockname()[1]
    yield started
    server.close()


@pytest.fixture
def reader(site: Site) -> PageReader:
    return PageReader(SafeFetcher(allowed_private=[("127.0.0.1", site.port)], total_seconds=10))


async def test_a_page_is_read_with_title_text_language_and_links(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html(
        "Kavárna", "/o-nas", "/o-nas/", "#kotva", "/", "mailto:a@b.cz", "https://jinde.cz/", "//["
    )
    page = await reader.read(site.url())
    assert (page.url, page.title, page.language) == (site.url(), "Kavárna", "cs")
    assert "Pražíme výběrovou kávu" in page.text
    assert [link.url for link in page.links] == [site.url("/o-nas")]
    assert not page.truncated


async def test_a_long_text_is_cut_between_words(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html("Kavárna")
    page = await reader.read(site.url(), max_chars=100)
    assert page.truncated
    assert len(page.text) <= 100
    assert LONG.startswith(page.text)
    assert LONG[len(page.text)] == " "


async def test_the_address_after_a_redirect_is_the_pages_address(site: Site, reader: PageReader) -> None:
    site.pages |= {"/": site.url("/o-nas"), "/o-nas": html("O nás")}
    assert (await reader.read(site.url())).url == site.url("/o-nas")


async def test_a_site_is_its_start_page_and_its_most_telling_pages(site: Site, reader: PageReader) -> None:
    paths = ["/kariera", "/blog", "/kontakt", "/sluzby", "/reference", "/o-nas", "/kosik"]
    site.pages["/"] = html("Úvod", *paths)
    site.pages |= {path: html(path) for path in paths}
    pages = await reader.read_site(site.url(), max_pages=4)
    assert [page.title for page in pages] == ["Úvod", "/o-nas", "/sluzby", "/reference"]
    assert len(site.asked) == 4


async def test_at_most_three_pages_are_asked_for_at_once(site: Site, reader: PageReader) -> None:
    paths = [f"/strana-{count}" for count in range(10)]
    site.pages["/"] = html("Úvod", *paths)
    site.pages |= {path: html(path) for path in paths}
    assert len(await reader.read_site(site.url(), max_pages=11)) == 11
    assert site.most_at_once == 3


async def test_a_page_that_fails_is_left_out_with_a_note(site: Site, reader: PageReader) -> None:
    site.pages |= {
        "/": html("Úvod", "/o-nas", "/sluzby", "/kontakt"),
        "/o-nas": 500,
        "/sluzby": html("Služby"),
    }
    notes: list[str] = []
    pages = await reader.read_site(site.url(), on_skip=notes.append)
    assert [page.title for page in pages] == ["Úvod", "Služby"]
    assert sorted(note.rsplit(" ", 1)[1] for note in notes) == ["404.", "500."]
    assert [page.title for page in await reader.read_site(site.url())] == ["Úvod", "Služby"]


async def test_a_start_page_that_fails_is_an_error(site: Site, reader: PageReader) -> None:
    with pytest.raises(FetchFailed) as caught:
        await reader.read_site(site.url("/nic"))
    assert caught.value.details["reason"] == "status"


async def test_a_private_start_page_is_refused(site: Site) -> None:
    with pytest.raises(UnsafeUrl):
        await PageReader(SafeFetcher()).read_site(site.url())
    assert site.asked == []


async def test_a_slow_page_does_not_hold_up_the_site(site: Site) -> None:
    fetcher = SafeFetcher(allowed_private=[("127.0.0.1", site.port)], total_seconds=30)
    site.pages |= {"/": html("Úvod", "/o-nas", "/sluzby"), "/o-nas": None, "/sluzby": html("Služby")}
    notes: list[str] = []
    pages = await PageReader(fetcher, site_seconds=1.0).read_site(site.url(), on_skip=notes.append)
    assert [page.title for page in pages] == ["Úvod", "Služby"]
    assert notes == ["1 pages were left out: the site took over 1 s."]


async def test_a_page_that_leads_to_another_is_taken_once(site: Site, reader: PageReader) -> None:
    site.pages |= {
        "/": html("Úvod", "/o-nas", "/sluzby"),
        "/o-nas": html("O nás"),
        "/sluzby": site.url("/o-nas"),
    }
    assert [page.title for page in await reader.read_site(site.url())] == ["Úvod", "O nás"]


async def test_a_page_that_leads_off_the_site_is_not_part_of_it(site: Site) -> None:
    other = Site()
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.port = server.sockets[0].getsockname()[1]
    other.pages["/o-nas"] = html("Jiná firma")
    allowed = [("127.0.0.1", site.port), ("127.0.0.1", other.port)]
    site.pages |= {"/": html("Úvod", "/ven"), "/ven": other.url("/o-nas")}
    async with server:
        pages = await PageReader(SafeFetcher(allowed_private=allowed)).read_site(site.url())
    assert [page.title for page in pages] == ["Úvod"]
    assert other.asked == ["/o-nas"]


async def test_the_page_tool_answers_with_plain_json(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html("Kavárna", "/o-nas")
    answer = await read_page_tool(reader).ainvoke({"url": site.url()})
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["title"], answer["language"], answer["truncated"]) == ("Kavárna", "cs", False)
    assert answer["links"] == [{"url": site.url("/o-nas"), "text": "o-nas"}]
