"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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


class Approve(StrEnum):
    """Who approves what was made."""

    ASK = "ask"
    AUTO = "auto"
    NONE = "none"


Company = Annotated[str, typer.Option(metavar="NAME", help="The company's name.")]
Website = Annotated[str, typer.Option(metavar="URL", help="Its public website.")]
Month = Annotated[str, typer.Option(metavar="YYYY-MM", help="The month to plan, this one or a later one.")]
Posts = Annotated[int, typer.Option(help="How many blog posts.")]
Platforms = Annotated[
    str, typer.Option(help="Of instagram, linkedin, twitter, facebook, tiktok, pinterest; with commas.")
]
Tier = Annotated[str, typer.Option(help="basic, pro (with images) or ultimate (with video).")]
ContentLanguage = Annotated[str, typer.Option(help="Language of the content, ISO 639-1.")]
Approval = Annotated[
    Approve,
    typer.Option(help="ask you in the terminal, auto by policy, or none: stop at the first review."),
]
Images = Annotated[bool, typer.Option("--images/--no-images", help="Make images, where the tier has them.")]
Video = Annotated[bool, typer.Option("--video/--no-video", help="Make video, where the tier has it.")]
Videos = Annotated[int, typer.Option(help="For how many posts a clip is made.")]
BusinessField = Annotated[str, typer.Option(help="The company's field, if research should not guess.")]
ProductType = Annotated[str, typer.Option(help="What it sells, if research should not guess.")]
TimeZone = Annotated[str, typer.Option(help="IANA time zone of the planned dates.")]
Ceiling = Annotated[
    str | None, typer.Option(metavar="USD", help="The most that this run may spend; see also budget.")
]
