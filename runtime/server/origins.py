"""The pages that may ask the server from a browser, and its own address there, as the settings have them."""

from __future__ import annotations

from urllib.parse import urlsplit

from domain.errors import InvalidInput

CORS_ORIGINS = "POSTHUB_CORS_ORIGINS"
PUBLIC_URL = "POSTHUB_PUBLIC_URL"
_SHORTEST_SECRET = 32


def read_origins(value: str) -> tuple[str, ...]:
    """Read ``https://desk.example,http://localhost:3000``.

    Raises:
        InvalidInput: An entry is more or less than scheme, host and port, or stands for every page.
    """
    origins = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    for origin in origins:
        parts = urlsplit(origin)
        whole = origin == f"{parts.scheme}://{parts.netloc}" and "*" not in origin
        if parts.scheme not in {"http", "https"} or not whole:
            raise InvalidInput(
                f"{CORS_ORIGINS} has the entry {origin!r}.",
                next_step="Write scheme, host and port, separated by commas, such as https://desk.example.",
            )
    return origins


def read_public_url(value: str) -> str:
    """Read the server's address as its users write it; empty where none is given.

    Raises:
        InvalidInput: It is no whole address of HTTP.
    """
    parts = urlsplit(value)
    whole = parts.scheme in {"http", "https"} and parts.hostname and not parts.query and not parts.fragment
    if value and not whole:
        raise InvalidInput(
            f"{PUBLIC_URL} is {value!r}.",
            next_step="Give the server's address, such as https://desk.example.",
        )
    return value.rstrip("/")


def read_link_secret(value: str) -> str:
    """Read what addresses of files are signed with; empty where none is given.

    Raises:
        InvalidInput: It is too short to be a secret.
    """
    if value and len(value) < _SHORTEST_SECRET:
        raise InvalidInput(
            f"POSTHUB_LINK_SECRET has {len(value)} characters.",
            next_step=f"Give at least {_SHORTEST_SECRET} that nobody can guess, the same on every host.",
        )
    return value
