"""The ``posthub`` command: its parts, and how it ends."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Annotated, Any

import typer

try:
    from cli.errors import Interrupted, report, unexpected, usage
    from cli.lazy import help_without_command, lazy_group, shipped_entries
    from cli.screen.streams import silence_broken_pipe, survive_odd_terminals
    from cli.screen.text import keep_examples
    from domain.errors import PostHubError
    from runtime.installation import check_packages
except ImportError as error:  # a stranger's package of the same name, before anything can be said nicely
    raise SystemExit(f"PostHub's own packages cannot be imported ({error}); install it by itself.") from error

ABOUT = """PostHub turns a company into a month of approved, on-brand content.

Try it without any key, on stand-in providers:
  posthub demo
A month of your own:
  posthub doctor
  posthub run --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01

Data is kept in POSTHUB_HOME. Every command explains itself with --help.
"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"posthub {version_of('posthub')}")
        raise typer.Exit


def _posthub(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    help_without_command(context)


_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Libraries make hundreds of thousands of objects that stay; Python looks through them after every 700."""

app = lazy_group("posthub", keep_examples(ABOUT), shipped_entries(), _posthub)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    0 done, 1 failed, 2 bad input, 3 waits for review, 130 interrupted. Failures are one line on stderr, and with
    ``--json`` one JSON object on stdout as well. Without arguments it is the program, and takes the process's own.
    """
    if arguments is not None:
        return _run(list(arguments))
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        return _run(sys.argv[1:])
    finally:
        gc.freeze()  # the process ends: nothing is searched for garbage once more


def _run(given: list[str]) -> int:
    survive_odd_terminals()
    try:
        check_packages()
        status: Any = app(given, prog_name="posthub", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_broken_pipe()
        return 1
    except (Exception, KeyboardInterrupt) as error:
        return _fail(error, as_json="--json" in given)
    return status if isinstance(status, int) else 0


def _fail(error: BaseException, *, as_json: bool) -> int:
    if isinstance(error, PostHubError):
        return report(error, as_json=as_json)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return report(Interrupted(signal.SIGINT), as_json=as_json)
    if hasattr(error, "format_message"):  # what the parser of the command line refuses
        return report(usage(error), as_json=as_json)
    return report(unexpected(error), as_json=as_json)
