"""Where in a template's text something stands: Jinja2 tells the line alone, an editor needs the column too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream, newline_re
from jinja2.parser import Parser


@dataclass(frozen=True, slots=True)
class Position:
    """Counted from 1."""

    line: int
    column: int


class _Placed(Token):
    """A token that knows where in the text it begins."""

    offset: int


class _Tokens:
    """The lexer's tokens with their offsets."""

    def __init__(self, environment: Environment, source: str) -> None:
        self.source = newline_re.sub("\n", source)
        self.end = 0
        self.broken = False
        self._begin = 0
        self._lexer = environment.lexer
        self.stream = TokenStream(self._placed(), None, None)

    def where(self) -> int:
        """Return the offset of what is being read: the token that the parser looks at, or what is no token."""
        if self.broken:
            rest = self.source[self.end :]
            return self.end + len(rest) - len(rest.lstrip())
        return getattr(self.stream.current, "offset", len(self.source.rstrip()))

    def _raw(self) -> Iterator[tuple[int, str, str]]:
        try:
            for lineno, kind, value in self._lexer.tokeniter(self.source, None):
                found = self.source.find(value, self.end)
                self._begin = self.end if found < 0 else found
                self.end = self._begin + len(value)
                yield lineno, kind, value
        except TemplateSyntaxError:
            self.broken = True
            raise

    def _placed(self) -> Iterator[Token]:
        for token in self._lexer.wrap(self._raw()):
            placed = _Placed(*token)
            placed.offset = self._begin
            yield placed


class SyntaxErrorAt(Exception):
    """A syntax error and where it stands."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def parse(environment: Environment, source: str) -> nodes.Template:
    """Parse a template.

    Raises:
        SyntaxErrorAt: The text is no template.
    """
    tokens: _Tokens | None = None
    try:
        tokens = _Tokens(environment, source)
        parser = Parser(environment, "")
        parser.stream = tokens.stream
        tree = parser.parse()
        tree.set_environment(environment)
        return tree
    except TemplateSyntaxError as error:
        line, message = error.lineno, error.message or "it is no template"
        offset = tokens.where() if tokens else 0
        place = at(tokens.source if tokens else source, offset)
        raise SyntaxErrorAt(message, place if place.line == line else of_name(source, "", line)) from error


def of_name(source: str, name: str, line: int) -> Position:
    """Return where a name stands on a line; the line's first word where it does not stand there as written."""
    lines = newline_re.sub("\n", source).split("\n")
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) if name else None
    return Position(line, found.start() + 1 if found else len(text) - len(text.lstrip()) + 1)


def at(source: str, offset: int) -> Position:
    """Return the position of an offset."""
    before = source[:offset]
    return Position(before.count("\n") + 1, offset - before.rfind("\n"))
