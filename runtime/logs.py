"""Logs in the data folder: on the terminal they would tear the live view apart. No key is written anywhere."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import traceback
from collections.abc import Collection
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import urlsplit

from domain.errors import PostHubError
from runtime.settings import default_home, load
from store.folders import private_folder

_SHORTEST_SECRET = 6
"""Hiding shorter ones would tear holes into ordinary words."""
_BYTES, _FILES = 1_000_000, 3
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class RedactingFormatter(logging.Formatter):
    """Writes no key, whoever logged it."""

    def __init__(self, secrets: list[str]) -> None:
        super().__init__(_FORMAT)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record), self._secrets)


def log_to_file() -> None:
    """Send warnings and worse of every library to ``logs/posthub.log``; a second call changes nothing."""
    root = logging.getLogger()
    if any(isinstance(handler, RotatingFileHandler) for handler in root.handlers):
        return
    with contextlib.suppress(OSError):  # a command is worth more than its log
        handler = RotatingFileHandler(
            logs_folder() / "posthub.log", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8", delay=True
        )
        handler.setFormatter(RedactingFormatter(known_secrets()))
        handler.setLevel(logging.WARNING)
        root.addHandler(handler)
        root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def known_secrets() -> list[str]:
    """The keys and passwords of the environment's settings, which must be written nowhere."""
    try:
        settings = load()
    except PostHubError:
        return []
    keys = [secret for provider in settings.providers.values() for secret in provider.secrets]
    addresses = [urlsplit(uri or "") for uri in (settings.database_uri, settings.redis_uri)]
    found = [settings.link_secret, *keys, *(address.password for address in addresses)]
    return [secret for secret in found if secret and len(secret) >= _SHORTEST_SECRET]


def redacted(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def logs_folder() -> Path:
    """The folder of log files; made if missing, the system's temporary one where it cannot be."""
    try:
        home = load().home
    except PostHubError:
        home = default_home()
    try:
        return private_folder(home / "logs")
    except PostHubError:
        return Path(tempfile.gettempdir())


def keep_traceback(error: BaseException) -> Path | None:
    """Write a traceback into a file of its own; None where nothing can be written."""
    text = redacted("".join(traceback.format_exception(error)), known_secrets())
    path = logs_folder() / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError:
        return None
    return path
