"""What a site lets robots read (RFC 9309), asked once in each reading of it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from protego import Protego

from domain.errors import FetchFailed, UnsafeUrl
from fetching import failures
from fetching.cookies import Cookies
from fetching.fetcher import SafeFetcher

AGENT = "PostHub"
_MOST_BYTES = 512_000
_SECONDS = 10.0


class Robots:
    """The rules of the hosts that one reading comes to.

    Args:
        fetcher: Fetches them, under the same checks as pages.
        own: Hosts that belong to whoever reads, and are not asked.
    """

    def __init__(self, fetcher: SafeFetcher, own: Collection[str] = ()) -> None:
        self._fetcher = fetcher
        self._own = frozenset(host.removeprefix("www.") for host in own)
        self._rules: dict[str, Protego] = {}

    async def check(self, url: str, cookies: Cookies) -> None:
        """See whether a page may be read.

        Raises:
            FetchFailed: It may not (``reason="robots"``), or the site cannot say at the moment.
        """
        parts = urlsplit(url)
        if (parts.hostname or "").removeprefix("www.") in self._own:
            return
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = Protego.parse(await self._text(origin, cookies))
        if not self._rules[origin].can_fetch(url, AGENT):
            raise failures.closed_to_robots(url)

    async def _text(self, origin: str, cookies: Cookies) -> str:
        """The rules as they stand; none where there are none, or where the page itself will say what is wrong."""
        url = f"{origin}/robots.txt"
        try:
            fetched = await self._fetcher.get(
                url, max_bytes=_MOST_BYTES, total_seconds=_SECONDS, cookies=cookies
            )
        except UnsafeUrl:
            return ""
        except FetchFailed as error:
            status = int(error.details.get("status", 0))
            if status == 429 or status >= 500:
                raise failures.robots_unknown(url, status) from None
            return ""
        return fetched.content.decode("utf-8-sig", "replace")
