"""Groups of commands that are imported when they are called: help shows their lines without it."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from cli.screen.text import keep_examples
from domain.tables import load


@dataclass(frozen=True)
class Entry:
    """A command: its name, the first line of its help, and its ``module:function``.

    A group has entries; without a command it calls its function, if it has one.
    """

    name: str
    line: str
    where: str = ""
    entries: Sequence[Entry] = ()

    def load(self) -> TyperCommand | TyperGroup:
        if not self.where:
            return lazy_group(self.name, self.line, self.entries)
        module, _, name = self.where.partition(":")
        function = getattr(import_module(f"cli.commands.{module}"), name)
        if self.entries:
            return lazy_group(self.name, keep_examples(function.__doc__), self.entries, function)
        return command(self.name, function)


def shipped_entries() -> tuple[Entry, ...]:
    """Return PostHub's commands, from `data/commands.json`."""
    return _entries(load("cli", "commands")["commands"])


def _entries(rows: Sequence[Mapping[str, Any]]) -> tuple[Entry, ...]:
    return tuple(
        Entry(row["name"], row["line"], row.get("run", ""), _entries(row.get("commands", ()))) for row in rows
    )


class LazyCommands(UserDict[str, Any]):
    """The commands of a group by name, each imported when it is asked for."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.data = {entry.name: entry for entry in entries}

    def __getitem__(self, name: str) -> Any:
        return self.data[name].load()


class _LightOption(TyperOption):
    """An option that takes what needs no conversion as it stands: for any other, typer loads pydantic."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        fits = value is None or type(value) is self.type_descriptor.annotation
        if not fits or self.required or self.multiple or self.nargs != 1:
            return super().process_value(ctx, value)
        return self.callback(ctx, self, value) if self.callback else value


def _light(params: list[Any]) -> list[Any]:
    for each in params:
        if isinstance(each, TyperOption):
            each.__class__ = _LightOption
    return params


class _LightCommand(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _light(super().get_params(ctx))


class LazyGroup(TyperGroup):
    """A group whose help is drawn from the lines of its entries."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _light(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        entries = cast(LazyCommands, self.commands).data.values()
        room = formatter.width - 6 - max(len(entry.name) for entry in entries)
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (entry.name, TyperCommand(entry.name, help=entry.line).get_short_help_str(room))
                    for entry in entries
                ]
            )


def command(name: str, function: Callable[..., int]) -> TyperCommand:
    """Return a function as a command; its docstring is the help, printed as it stands."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name=name, cls=_LightCommand, help=keep_examples(function.__doc__))(function)
    return cast(TyperCommand, typer.main.get_command(alone))


def lazy_group(
    name: str, about: str, entries: Sequence[Entry], callback: Callable[..., int | None] | None = None
) -> LazyGroup:
    """Return a group; without a command it prints its help."""
    # Plain help: it answers in half the time of Rich's, and its examples can be copied from the terminal.
    made = typer.Typer(
        name=name,
        help=about,
        cls=LazyGroup,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(invoke_without_command=True)(callback or help_without_command)
    group = cast(LazyGroup, typer.main.get_command(made))
    group.commands = LazyCommands(entries)
    return group


def help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
