"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from domain.worlds import World

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; progress goes to stderr.")
]
Thread = Annotated[str, typer.Argument(metavar="THREAD", help="The run's thread id; see `posthub runs`.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the package goes; without it, into the data folder (POSTHUB_HOME)."
    ),
]
Template = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE=VERSION", help="Use this version (or label) of a prompt template, once per template."
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]

Of = Annotated[
    World | None,
    typer.Option(
        "--world",
        help="Of real providers or of the sandbox; without it, of real ones where they are, or were, in use.",
    ),
]


class Approve(StrEnum):
    """Who approves what was made."""

    ASK = "ask"
    AUTO = "auto"
    NONE = "none"


Approval = Annotated[
    Approve,
    typer.Option(help="ask you in the terminal, auto by policy, or none: stop at the first review."),
]
Ceiling = Annotated[
    str | None, typer.Option(metavar="USD", help="The most that this run may spend; see also budget.")
]
