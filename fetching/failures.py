"""The errors of fetching an address, each with what to do next and without what an address may hide."""

from __future__ import annotations

import re
from collections.abc import Collection

from domain.errors import FetchFailed, UnsafeUrl

_USERINFO = re.compile(r"//[^/?#]*@")


def shown(url: str) -> str:
    """The address as a message may name it: no credentials, no query, no control characters, short."""
    bare = _USERINFO.sub("//…@", url.split("#")[0].split("?")[0])
    text = "".join(char if char.isprintable() else "�" for char in bare)
    return text if len(text) <= 100 else text[:99] + "…"


def refused(url: str, why: str, reason: str) -> UnsafeUrl:
    return UnsafeUrl(
        f"The address {shown(url)} cannot be fetched: {why}.",
        next_step="Give a public web address such as https://www.example.cz/.",
        reason=reason,
        url=shown(url),
    )


def inward(url: str, to: str) -> UnsafeUrl:
    return UnsafeUrl(
        f"The address {shown(url)} redirects to {shown(to)}, which is not a public web address.",
        next_step="Give the address of a public page that does not redirect there.",
        reason="redirect_inward",
        url=shown(url),
    )


def downgraded(url: str) -> UnsafeUrl:
    return UnsafeUrl(
        f"The address {shown(url)} redirects from https to unencrypted http.",
        next_step="Give the https:// address of the page itself.",
        reason="redirect_downgrade",
        url=shown(url),
    )


def _failed(url: str, why: str, next_step: str, reason: str) -> FetchFailed:
    return FetchFailed(
        f"The address {shown(url)} could not be read: {why}.",
        next_step=next_step,
        reason=reason,
        url=shown(url),
    )


def does_not_resolve(url: str, host: str) -> FetchFailed:
    return _failed(
        url,
        f"the host {host} does not resolve",
        "Check the spelling of the address and that this machine reaches a name server.",
        "dns",
    )


def unreachable(url: str, authority: str, problem: str) -> FetchFailed:
    if "SSL" in problem or "CERTIFICATE" in problem.upper():
        return _failed(
            url,
            f"{authority} has no certificate that this machine trusts",
            "Have the certificate of the site mended, or give another address.",
            "tls",
        )
    return _failed(
        url,
        f"{authority} does not accept a connection",
        "Check that the address is right and the server is up, then try again.",
        "unreachable",
    )


def timed_out(url: str, seconds: float) -> FetchFailed:
    return _failed(
        url,
        f"it did not answer in full within {seconds:g} s",
        "Try again later, or give an address that answers faster.",
        "timeout",
    )


def too_many_redirects(url: str, allowed: int) -> FetchFailed:
    return _failed(
        url, f"it redirects more than {allowed} times", "Give the address it finally leads to.", "redirects"
    )


def bad_status(url: str, status: int) -> FetchFailed:
    error = _failed(
        url,
        f"the server answered with status {status}",
        "Open the address in a browser to see whether it is public, then give one that is.",
        "status",
    )
    error.details["status"] = status
    return error


def too_large(url: str, max_bytes: int) -> FetchFailed:
    return _failed(
        url,
        f"it is larger than {max_bytes / 1_000_000:g} MB",
        "Give the address of a smaller page or file.",
        "too_large",
    )


def undecodable(url: str, why: str) -> FetchFailed:
    return _failed(url, why, "Give another address.", "encoding")


def broken(url: str, error: Exception) -> FetchFailed:
    return _failed(
        url,
        f"the answer broke off or is no HTTP ({type(error).__name__})",
        "Try again later, or open the address in a browser to see what it serves.",
        "protocol",
    )


def wrong_type(url: str, got: str, wanted: Collection[str]) -> FetchFailed:
    html = "text/html" in wanted
    asked = "an HTML page" if html else " or ".join(sorted(wanted))
    return _failed(
        url,
        f"it is {shown(got) or 'of unknown type'}, not {asked}",
        "Give the address of a web page." if html else "Give the address of such a file.",
        "not_html" if html else "wrong_type",
    )


def closed_to_robots(url: str) -> FetchFailed:
    return _failed(
        url,
        "its site's robots.txt does not let programs read it",
        "Give a page that may be read; if the site is your own, name its host in POSTHUB_OWN_SITES.",
        "robots",
    )


def robots_unknown(url: str, status: int) -> FetchFailed:
    error = _failed(
        url,
        f"the server answered with status {status}, so what programs may read of the site is not known",
        "Try again later; if the site is your own, name its host in POSTHUB_OWN_SITES.",
        "robots",
    )
    error.details["status"] = status
    return error
