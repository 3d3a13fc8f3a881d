"""Which cookies one reading of a site keeps, and when a site has taken one back."""

from __future__ import annotations

import pytest

from fetching.addresses import parse
from fetching.cookies import Cookies

SITE = parse("https://firma.cz/o-nas", frozenset())


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ("", True),
        ("; Max-Age=60", True),
        ("; Max-Age=0", False),
        ("; Max-Age=-1", False),
        ("; Max-Age=soon", True),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("; Expires=Fri, 01 Jan 2021 00:00:00 GMT", False),
        ("; Expires=Mon, 01 Jan 2199 00:00:00 GMT", True),
        ("; Expires=Mon, 01 Jan 2199 00:00:00 GMT; Max-Age=0", False),
        ("; Expires=Fri, 01 Jan 2021 00:00:00 GMT; Max-Age=60", True),
        ("; Expires=yesterday", True),
    ],
)
def test_a_cookie_is_taken_back_by_an_age_or_a_date_that_is_over(attributes: str, kept: bool) -> None:
    cookies = Cookies()
    cookies.take(SITE, ["seen=1"])
    cookies.take(SITE, [f"seen=2{attributes}"])
    assert cookies.header(SITE) == ({"Cookie": "seen=2"} if kept else {})
