"""The pages that may ask the server from a browser, as the settings have them."""

from __future__ import annotations

from urllib.parse import urlsplit

from domain.errors import InvalidInput


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
                f"POSTHUB_CORS_ORIGINS has the entry {origin!r}.",
                next_step="Write scheme, host and port, separated by commas, such as https://desk.example.",
            )
    return origins
