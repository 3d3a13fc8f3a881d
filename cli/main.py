"""The ``posthub`` command: its parts, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from cli.commands import (
    budget,
    costs,
    doctor,
    experiments,
    ops,
    prices,
    prompts,
    prompts_change,
    prompts_render,
    quote,
    reconcile,
    review,
    run,
    show,
)
from cli.screen.text import keep_examples

ABOUT = """PostHub turns a company into a month of approved, on-brand content.

Try it without any key, on stand-in providers:
  posthub demo
A month of your own:
  posthub doctor
  posthub run --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01

Data is kept in POSTHUB_HOME. Every command explains itself with --help.
"""

# Plain help: it answers in half the time of Rich's, and its examples can be copied from the terminal.
app = typer.Typer(
    name="posthub",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: tuple[Callable[..., int], ...] = (
    run.demo,
    quote.quote,
    run.run,
    review.review,
    run.resume,
    show.runs,
    show.show,
    costs.costs,
    reconcile.reconcile,
    show.export,
    doctor.doctor,
    ops.sandbox,
    ops.serve,
)
for each in COMMANDS:
    app.command(help=keep_examples(each.__doc__))(each)


def _help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


def _group(name: str, about: str, *commands: Callable[..., int], **named: Callable[..., int]) -> None:
    """Add commands that belong together; names that Python keeps for itself end with an underscore."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=False)
    group.callback(invoke_without_command=True)(_help_without_command)
    for called, command in {**{each.__name__.rstrip("_"): each for each in commands}, **named}.items():
        group.command(name=called, help=keep_examples(command.__doc__))(command)
    app.add_typer(group, name=name, help=about)


_group(
    "prompts",
    "The prompt templates, their versions and labels.",
    prompts.list_,
    prompts.show,
    prompts.diff,
    prompts_change.edit,
    prompts_render.render,
    prompts_change.label,
    prompts_change.unlabel,
    prompts_change.rollback,
    prompts.history,
    prompts.trace,
    prompts_change.import_,
    prompts_change.export,
)
_group(
    "experiments",
    "Which version of a prompt works better.",
    experiments.start,
    experiments.status,
    experiments.stop,
    experiments.promote,
)
_group("budget", "What an organization may spend in a month.", budget.show, set=budget.put)
_group(
    "prices",
    "What providers charge, as dated rows.",
    list=prices.show,
    **{"import": prices.load},
    add=prices.add,
    diff=prices.diff,
)
_group("db", "The database's schema.", ops.upgrade)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"posthub {version('posthub')}")
        raise typer.Exit


@app.callback(invoke_without_command=True, help=keep_examples(ABOUT))
def _posthub(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    _help_without_command(context)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    0 done, 1 failed, 2 bad input, 3 waits for review, 130 interrupted. Failures are one line on stderr, and with
    ``--json`` one JSON object on stdout as well.
    """
    try:
        from cli.screen.terminal import silence_broken_pipe, survive_odd_terminals
        from runtime.installation import check_packages
    except ImportError as error:  # a stranger's package of the same name, before anything can be said nicely
        sys.stderr.write(f"PostHub's own packages cannot be imported ({error}); install it by itself.\n")
        return 1

    survive_odd_terminals()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        check_packages()
        status: Any = app(args=given, prog_name="posthub", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_broken_pipe()
        return 1
    except (Exception, KeyboardInterrupt) as error:
        return _fail(error, as_json="--json" in given)
    return status if isinstance(status, int) else 0


def _fail(error: BaseException, *, as_json: bool) -> int:
    import signal

    from cli.errors import Interrupted, report, unexpected, usage
    from domain.errors import PostHubError

    if isinstance(error, PostHubError):
        return report(error, as_json=as_json)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return report(Interrupted(signal.SIGINT), as_json=as_json)
    if hasattr(error, "format_message"):  # what the parser of the command line refuses
        return report(usage(error), as_json=as_json)
    return report(unexpected(error), as_json=as_json)
