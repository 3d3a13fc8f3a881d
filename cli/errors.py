"""How failures reach the person: one line on stderr, one JSON object with ``--json``, a log for what is unexpected."""

from __future__ import annotations

import json
import signal
import sys
from typing import Any, ClassVar, TextIO

from cli.screen.text import one_line
from domain.errors import InvalidInput, PostHubError

_MOST = 800
"""Characters of a failure's line; providers sometimes answer with a whole page."""


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
    logs = _logs()
    secrets = logs.known_secrets()
    line = logs.redacted(one_line(error), secrets)
    _write(sys.stderr, f"posthub: {line if len(line) <= _MOST else line[:_MOST] + '…'}\n")
    if as_json:
        body = json.dumps({"error": error.as_json()}, ensure_ascii=False, indent=2, default=str)
        _write(sys.stdout, logs.redacted(body, secrets) + "\n")
    return status_of(error)


def unexpected(error: BaseException) -> PostHubError:
    """Keep the traceback in a log file and return a failure that names it."""
    what = f"Something unexpected happened: {type(error).__name__}"
    said = one_line(next(iter(str(error).splitlines()), ""))[:200].rstrip(".")
    log = _logs().keep_traceback(error)
    where = f"The traceback is in {log}." if log else "The traceback could not be kept."
    return PostHubError(f"{what}: {said}." if said else f"{what}.", next_step=where, log=str(log or ""))


def usage(error: Any) -> InvalidInput:
    """Turn a refusal of the command line's parser into one of ours."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "posthub"
    said = one_line(error.format_message()).rstrip(". ")
    return InvalidInput(said if said.endswith("?") else f"{said}.", next_step=f"See: {command} --help")


def _logs() -> Any:
    import runtime.logs as logs  # settings are read for a failure alone, never for help

    return logs


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
