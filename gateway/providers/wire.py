"""HTTP to a provider: one client, one classification of everything that can go wrong on the way."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from domain.errors import PostHubError
from gateway.calls.attempt import current_attempt
from gateway.calls.failures import from_status, in_doubt, said, unreachable
from gateway.config import ProviderConfig
from gateway.ports import ATTEMPT_HEADER, Attempt
from gateway.providers.sending import watch

_CONNECT_SECONDS = 10.0
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.ProxyError,
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Return the certificate authorities; reading them takes 30 ms, so all clients of a process share them."""
    return httpx.create_ssl_context()


def is_on_this_machine(address: str) -> bool:
    """Whether an address is a loopback one."""
    return urlsplit(address).hostname in _LOOPBACK


class Wire:
    """JSON over HTTP to one provider.

    Args:
        config: The provider.
        headers: Sent with every request; the key is one of them.
        read_seconds: The longest silence; the total deadline is the caller's.
    """

    def __init__(self, config: ProviderConfig, headers: Mapping[str, str], *, read_seconds: float) -> None:
        self.provider = config.name
        self._secret = config.api_key
        self._client = httpx.AsyncClient(
            base_url=config.base_url,
            headers=dict(headers),
            timeout=httpx.Timeout(read_seconds, connect=_CONNECT_SECONDS, pool=_CONNECT_SECONDS),
            follow_redirects=False,
            verify=trusted_authorities(),
            event_hooks={"request": [watch]},
            # A proxy of the environment has no way to a stand-in on this machine.
            trust_env=not is_on_this_machine(config.base_url),
        )

    async def post(self, path: str, body: Mapping[str, Any], attempt: Attempt) -> dict[str, Any]:
        """Send a paid request; the hold is opened immediately before.

        Raises:
            ProviderError: As classified.
        """
        request = self._built("POST", path, json=body, headers={ATTEMPT_HEADER: attempt.id})
        await attempt.sending()
        return await self._ask(request)

    async def get(self, path: str) -> dict[str, Any]:
        """Send a request that costs nothing."""
        return await self._ask(self._built("GET", path))

    def _built(self, method: str, path: str, **options: Any) -> httpx.Request:
        try:
            return self._client.build_request(method, path, **options)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise unreachable(
                self.provider, f"the request cannot be built ({type(error).__name__})"
            ) from error

    async def _ask(self, request: httpx.Request) -> dict[str, Any]:
        try:
            response = await self._client.send(request)
        except Exception as error:
            raise classified(self.provider, error) from error
        return self._read(response)

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code >= 300:
            message, details = error_message(response.text)
            raise error_answer(
                self.provider,
                response.status_code,
                message,
                response.headers,
                details=details,
                secret=self._secret,
            )
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise in_doubt(self.provider, "the answer is no JSON") from error
        if not isinstance(answer, dict):
            raise in_doubt(self.provider, "the answer is no JSON object")
        return answer

    async def aclose(self) -> None:
        await self._client.aclose()


def error_answer(
    provider: str, status: int, message: str, headers: Mapping[str, str], *, details: str, secret: str | None
) -> PostHubError:
    """Classify an error that a provider answered with; one that came within a good answer leaves it in doubt."""
    attempt = current_attempt.get()
    if attempt is not None and attempt.taken:
        return in_doubt(provider, f"it broke off with an error{said(message, secret)}")
    return from_status(provider, status, message, headers, details=details, secret=secret)


def classified(provider: str, error: BaseException) -> PostHubError:
    """Say what a transport's failure means: an error of ours inside it, never sent, or in doubt."""
    for each in chain(error):
        if isinstance(each, PostHubError):
            return each
        if isinstance(each, _NEVER_SENT):
            return unreachable(provider, "no connection came about")
    timed_out = any("Timeout" in type(each).__name__ for each in chain(error))
    return in_doubt(provider, type(error).__name__, timed_out=timed_out)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an error through what it was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def error_message(body: str) -> tuple[str, str]:
    """Return what the provider says went wrong and its details; nothing where the body is of another shape."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    error = answer[0] if isinstance(answer, list) and answer else answer
    error = error.get("error", error) if isinstance(error, dict) else error
    if not isinstance(error, dict):
        return (error, "") if isinstance(error, str) else ("", "")
    return str(error.get("message") or error.get("status") or ""), json.dumps(error.get("details") or [])


def text_of(value: Any, name: str, provider: str) -> str:
    """Return a field that an accepted request must have answered with."""
    found = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(found, str) or not found:
        raise in_doubt(provider, f"the answer has no {name}")
    return found
