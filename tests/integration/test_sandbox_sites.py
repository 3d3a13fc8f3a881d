from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import trafilatura

PAGES = ["", "o-nas", "produkty", "kontakt", "blog"]


def test_there_are_three_companies_of_different_trades(sandbox: Any) -> None:
    assert len(sandbox.sites) == 3
    assert len({site["business_field"] for site in sandbox.ready["sites"]}) == 3
    assert all(url.startswith(sandbox.base_url) for url in sandbox.sites.values())


def test_every_page_is_readable_czech_with_navigation_and_footer(sandbox: Any) -> None:
    for name, site in sandbox.sites.items():
        for page in PAGES:
            response = httpx.get(site + page)
            assert response.status_code == 200
            assert re.search(r"[ěščřžýůťďň]", response.text)
            assert name in response.text
            for tag in ("<nav", "<main", "<footer", "<h1"):
                assert tag in response.text


def test_every_link_of_a_site_leads_somewhere(sandbox: Any) -> None:
    for site in sandbox.sites.values():
        for page in PAGES:
            for path in set(re.findall(r'href="(/sites/[^"]+)"', httpx.get(site + page).text)):
                assert httpx.get(sandbox.base_url + path).status_code == 200, path


def test_the_about_page_tells_the_facts_to_a_text_extractor(sandbox: Any) -> None:
    for site in sandbox.sites.values():
        text = trafilatura.extract(httpx.get(site + "o-nas").text) or ""
        assert "Naším posláním je" in text
        assert "Naší vizí je" in text
        assert len(text) > 900


def test_a_blog_post_is_an_article_and_the_same_each_time(sandbox: Any) -> None:
    site = next(iter(sandbox.sites.values()))
    (path, *_) = re.findall(r'href="(/sites/[^"]+/blog/[^"]+)"', httpx.get(site + "blog").text)
    one, other = (httpx.get(sandbox.base_url + path).text for _ in range(2))
    assert one == other
    assert len((trafilatura.extract(one) or "").split()) > 200


def test_any_page_of_the_media_answers(sandbox: Any) -> None:
    assert httpx.get(f"{sandbox.base_url}/sites/media/regionalni-denik/cokoli").status_code == 200


def test_an_unknown_page_is_not_found(sandbox: Any) -> None:
    assert httpx.get(f"{sandbox.base_url}/sites/nobody/").status_code == 404
    assert httpx.get(next(iter(sandbox.sites.values())) + "nic").status_code == 404


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("metadata", "http://169.254.169.254/latest/meta-data/"),
        ("private", "http://10.0.0.1/"),
        ("file", "file:///etc/passwd"),
        ("loop", "/sites/trap/loop"),
    ],
)
def test_a_trap_redirects_where_nobody_should_go(sandbox: Any, kind: str, target: str) -> None:
    response = httpx.get(f"{sandbox.base_url}/sites/trap/{kind}", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, target)


def test_a_chain_ends_at_a_page_after_its_redirects(sandbox: Any) -> None:
    response = httpx.get(f"{sandbox.base_url}/sites/trap/chain/3", follow_redirects=True)
    assert response.status_code == 200
    assert len(response.history) == 4


def test_a_huge_page_does_not_end_soon(sandbox: Any) -> None:
    size = 0
    with httpx.stream("GET", f"{sandbox.base_url}/sites/trap/huge") as response:
        for piece in response.iter_raw():
            size += len(piece)
            if size > 5_000_000:
                break
    assert size > 5_000_000


@pytest.mark.parametrize(("kind", "media_type"), [("image", "image/png"), ("pdf", "application/pdf")])
def test_a_page_may_be_something_else(sandbox: Any, kind: str, media_type: str) -> None:
    assert httpx.get(f"{sandbox.base_url}/sites/trap/{kind}").headers["content-type"] == media_type


def test_an_old_page_says_its_charset(sandbox: Any) -> None:
    response = httpx.get(f"{sandbox.base_url}/sites/trap/windows-1250")
    assert "Příliš žluťoučký kůň" in response.content.decode("cp1250")
