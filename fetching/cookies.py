"""Cookies of one reading of one site: sent back to the host that set them, gone with the reading."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, SimpleCookie

from fetching.addresses import Target

_MOST = 50
_MOST_LENGTH = 4096
_PLAIN = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
"""RFC 6265's cookie octets: nothing in them can begin another header."""


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    path: str
    secure: bool


class Cookies:
    """What the hosts of one reading have set, each for itself; ``www.`` and without are one host."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Cookie] = {}

    def take(self, target: Target, lines: Iterable[str]) -> None:
        """Keep what an answer sets; what it takes back, and what is malformed or too much, is not kept."""
        for line in lines:
            parsed: SimpleCookie = SimpleCookie()
            try:
                parsed.load(line[:_MOST_LENGTH])
            except CookieError:
                continue
            for name, morsel in parsed.items():
                self._take(target, name, morsel.coded_value, morsel)

    def _take(self, target: Target, name: str, value: str, attributes: dict[str, str]) -> None:
        key = (_host(target), name)
        self._kept.pop(key, None)
        fits = _PLAIN.fullmatch(value.strip('"')) and _PLAIN.fullmatch(name) and len(self._kept) < _MOST
        if fits and not _is_over(attributes["max-age"].strip(), attributes["expires"]):
            path = attributes["path"] if attributes["path"].startswith("/") else "/"
            self._kept[key] = _Cookie(value, path, bool(attributes["secure"]))

    def header(self, target: Target) -> dict[str, str]:
        """The header by which a request to this address brings its host's cookies; empty where it has none."""
        mine = [
            f"{name}={cookie.value}"
            for (host, name), cookie in self._kept.items()
            if host == _host(target)
            and _within(target.path.partition("?")[0], cookie.path)
            and (target.scheme == "https" or not cookie.secure)
        ]
        return {"Cookie": "; ".join(mine)} if mine else {}


def _is_over(max_age: str, expires: str) -> bool:
    """Whether a cookie is taken back: its age counts before its date (RFC 6265, 5.3)."""
    if re.fullmatch(r"-?\d+", max_age):
        return int(max_age) <= 0
    try:
        return bool(expires) and parsedate_to_datetime(expires).timestamp() <= time.time()
    except (ValueError, OverflowError):
        return False


def _host(target: Target) -> str:
    return target.host.removeprefix("www.")


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")
