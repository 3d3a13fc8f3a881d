"""``posthub prompts render``: the prompt as a model would get it, for nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.editors import Code, Language, with_library
from cli.options import Json
from cli.screen.output import print_json
from cli.screen.terminal import screen
from cli.screen.text import clean
from domain.errors import InvalidInput


def render(
    code: Code,
    example: Annotated[bool, typer.Option("--example", help="With the template's own examples.")] = False,
    company: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With what is known of a company, from its newest runs."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="N", help="A number or a label; without it the one in use.")
    ] = None,
    language: Language = "cs",
    json: Json = False,
) -> int:
    """Show a template filled in, as a model would get it; nothing is asked and nothing is spent.

    Examples:
      posthub prompts render BLOGPOST_GEN_V1 --example
      posthub prompts render BLOGPOST_GEN_V1 --company "Kavárna U Mlýna" --version 2
    """
    shown = screen(json=json)
    if example == (company is not None):
        raise InvalidInput("There is no data to render with.", next_step="Give --example or --company NAME.")
    found = with_library(lambda library: library.filled(code, language, version=version, company=company))
    if json:
        print_json(shown, found.as_json())
        return 0
    characters = len(found.system) + len(found.user)
    shown.say(
        f"{code} ({language}) version {found.version}, {characters} characters; nothing was spent", "bold"
    )
    if company and found.from_examples:
        examples = ", ".join(found.from_examples)
        shown.say(f"Not known of this company, so taken from the examples: {examples}", "yellow")
    for title, text in (("system", found.system), ("user", found.user)):
        shown.out.file.write(f"## {title}\n\n" + "\n".join(map(clean, text.split("\n"))) + "\n\n")
    return 0
