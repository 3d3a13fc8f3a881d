"""Log records go to a file in the data folder: on the terminal they would tear the live view apart."""

from __future__ import annotations

import contextlib
import logging
from logging.handlers import RotatingFileHandler

from cli.errors import known_secrets, logs_folder, redacted

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
