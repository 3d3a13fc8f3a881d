"""``posthub prompts edit``: a template in the person's editor, kept as a new version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.editors import Code, Language, Reason, opened_prompts, print_diff, with_library
from cli.screen.terminal import Screen, TerminalKeyboard, screen
from cli.session import read_settings, run_async
from domain.errors import InvalidInput, PostHubError
from prompts.actor import reason_given

if TYPE_CHECKING:
    from app.prompts.library import Library, ShownTemplate
    from prompts.files import TemplateFile
    from runtime.settings import Settings


def edit(
    code: Code,
    version: Annotated[
        str | None, typer.Option(metavar="N", help="Start from this version; without it from the one in use.")
    ] = None,
    reason: Reason = "",
    language: Language = "cs",
) -> int:
    """Change a template in your editor (EDITOR) and keep it as a new version.

    It is checked and rendered with its examples before it is kept. Runs go on with what is in production, until
    you label the new version.

    Examples:
      posthub prompts edit BLOGPOST_GEN_V1
      EDITOR=nano posthub prompts edit BLOGPOST_GEN_V1 --version 2 --reason "warmer tone"
    """
    shown, settings = screen(), read_settings()
    if not shown.interactive:
        reason_given(reason)  # nobody can be asked later
    before = with_library(lambda library: library.shown(code, language, version=version))
    text = _edited(shown, before.text, f"{code}-{language}")
    if text == before.text:
        shown.out.print("Nothing was changed.")
        return 0
    return run_async(_keep(shown, settings, before, text, reason))


async def _keep(shown: Screen, settings: Settings, before: ShownTemplate, text: str, reason: str) -> int:
    code, language = before.version.key
    async with opened_prompts(settings) as prompts:
        try:
            template = await _checked(shown, prompts.library, before, text)
            print_diff(shown, before.changed(template))
            said = reason or _asked_reason(shown)
            made = await prompts.library.editor.save(template, parent=before.version.number, reason=said)
        except PostHubError as error:
            error.next_step = f"{error.next_step} {_draft_kept(settings.home, code, language, text)}".strip()
            raise
    shown.out.print(f"{code} ({language}) version {made.number} is kept; production has not changed.")
    shown.say(f"Try it: posthub prompts render {code} --example --version {made.number}{_lang(language)}")
    shown.say(f"Use it: posthub prompts label {code} {made.number} production{_lang(language)}")
    return 0


async def _checked(shown: Screen, library: Library, before: ShownTemplate, text: str) -> TemplateFile:
    """Check what was written; on a terminal the person may go on editing until it holds."""
    while True:
        try:
            return await library.checked(before.version, text)
        except InvalidInput as error:
            if not shown.interactive:
                raise
            shown.say(str(error), "bold yellow")
            if TerminalKeyboard().line("Edit again? [Y/n] ").lower().startswith("n"):
                raise
            text = _edited(shown, text, "-".join(before.version.key))


def _edited(shown: Screen, text: str, name: str) -> str:
    return TerminalKeyboard().edit(text, f"-{name}.md")


def _asked_reason(shown: Screen) -> str:
    return TerminalKeyboard().line("Why? (for the history) ") if shown.interactive else ""


def _draft_kept(home: Path, code: str, language: str, text: str) -> str:
    """Keep what a person wrote although it cannot be used: it may have been an hour's work."""
    path = home / "drafts" / f"{code}-{language}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f"What you wrote is in {path}."


def _lang(language: str) -> str:
    return "" if language == "cs" else f" --language {language}"
