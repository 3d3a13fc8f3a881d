"""``posthub prompts render``: the prompt as a model would get it, for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.editors import Code, Language, opened_desk
from cli.options import Json

if TYPE_CHECKING:
    from cli.editors import Desk
    from prompts.versions import Version


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
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.screen.text import clean
    from cli.session import read_settings, run_async
    from domain.errors import InvalidInput

    shown, settings = screen(json=json), read_settings()
    if example == (company is not None):
        raise InvalidInput("There is no data to render with.", next_step="Give --example or --company NAME.")

    async def work() -> tuple[Version, tuple[str, str], list[str]]:
        async with opened_desk(settings) as desk:
            found = await desk.version(code, language, version)
            variables, examples = await _variables(desk, found, company)
            organization = settings.organization
            return found, await desk.prompts.try_out(found, variables, organization=organization), examples

    found, (system, user), examples = run_async(work())
    if json:
        names = {"code": code, "language": language, "version": found.number, "from_examples": examples}
        print_json(shown, {**names, "system": system, "user": user})
        return 0
    shown.say(
        f"{code} ({language}) version {found.number}, {_tokens(system, user)}; nothing was spent", "bold"
    )
    if company and examples:
        shown.say(f"Not known of this company, so taken from the examples: {', '.join(examples)}", "yellow")
    for title, text in (("system", system), ("user", user)):
        shown.out.file.write(f"## {title}\n\n" + "\n".join(map(clean, text.split("\n"))) + "\n\n")
    return 0


async def _variables(desk: Desk, found: Version, company: str | None) -> tuple[dict[str, Any], list[str]]:
    from app.traces import company_variables

    if company is None:
        return found.template.examples, sorted(found.template.variables)
    return await company_variables(desk.database, await desk.company(company), found.template)


def _tokens(*texts: str) -> str:
    characters = sum(map(len, texts))
    return f"{characters} characters"
