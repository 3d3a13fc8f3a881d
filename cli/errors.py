"""How failures reach the person: one line on stderr, one JSON object with ``--json``, a log for what is unexpected."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TextIO
from urllib.parse import urlsplit

from cli.screen.text import one_line
from domain.errors import InvalidInput, PostHubError

_MOST = 800
"""Characters of a failure's line; providers sometimes answer with a whole page."""
_SHORTEST_SECRET = 6
"""Hiding shorter ones would tear holes into ordinary words."""


class Interrupted(PostHubError):
    """A signal ended the command."""

    code: ClassVar[str] = "INTERRUPTED"

    def __init__(self, number: int, thread_id: str | None = None) -> None:
        self.number = number
        how = "Interrupted" if number == signal.SIGINT else f"Ended by {signal.Signals(number).name}"
        if thread_id is None:
            super().__init__(f"{how}.")
        else:
            super().__init__(
                f"{how}; nothing is lost.",
                next_step=f"Go on with: posthub resume {thread_id}",
                thread_id=thread_id,
            )


def status_of(error: PostHubError) -> int:
    """The exit status: 128 + n for signal n, as shells have it."""
    return 128 + error.number if isinstance(error, Interrupted) else error.exit_status


def report(error: PostHubError, *, as_json: bool) -> int:
    """Say what failed, why and what to do, in one line; returns the exit status."""
    secrets = known_secrets()
    line = redacted(one_line(error), secrets)
    _write(sys.stderr, f"posthub: {line if len(line) <= _MOST else line[:_MOST] + '…'}\n")
    if as_json:
        body = redacted(
            json.dumps({"error": error.as_json()}, ensure_ascii=False, indent=2, default=str), secrets
        )
        _write(sys.stdout, body + "\n")
    return status_of(error)


def unexpected(error: BaseException) -> PostHubError:
    """Keep the traceback in a log file and return a failure that names it."""
    what = f"Something unexpected happened: {type(error).__name__}"
    said = one_line(next(iter(str(error).splitlines()), ""))[:200].rstrip(".")
    log = _keep_traceback(error)
    where = f"The traceback is in {log}." if log else "The traceback could not be kept."
    return PostHubError(f"{what}: {said}." if said else f"{what}.", next_step=where, log=str(log or ""))


def usage(error: Any) -> InvalidInput:
    """Turn a refusal of the command line's parser into one of ours."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "posthub"
    said = one_line(error.format_message()).rstrip(". ")
    return InvalidInput(said if said.endswith("?") else f"{said}.", next_step=f"See: {command} --help")


def known_secrets() -> list[str]:
    """The keys and passwords of the environment's settings, which must be written nowhere."""
    from runtime.settings import load

    try:
        settings = load()
    except PostHubError:
        return []
    keys = [secret for provider in settings.providers.values() for secret in provider.secrets]
    addresses = [urlsplit(uri or "") for uri in (settings.database_uri, settings.redis_uri)]
    found = [*keys, *(address.password for address in addresses)]
    return [secret for secret in found if secret and len(secret) >= _SHORTEST_SECRET]


def redacted(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def logs_folder() -> Path:
    """The folder of log files; made if missing, the system's temporary one where it cannot be."""
    from runtime.settings import default_home, load

    try:
        home = load().home
    except PostHubError:
        home = default_home()
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir())
    return home / "logs"


def _keep_traceback(error: BaseException) -> Path | None:
    text = redacted("".join(traceback.format_exception(error)), known_secrets())
    path = logs_folder() / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError:
        return None
    return path


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
