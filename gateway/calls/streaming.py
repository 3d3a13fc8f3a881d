"""A streamed text that may have to begin again: a cut stream is restarted, and its reader is told so."""

from __future__ import annotations

from domain.calls import Restarted
from gateway.ports import OnText


class StreamRestarts:
    """Hands the pieces of each attempt to one reader, and a ``Restarted`` between two attempts."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._said_something = False

    def end(self) -> None:
        """Hand on nothing more: the reader may have gone before the text has come."""
        self._on_text = _nobody

    def begin(self) -> OnText:
        """Begin an attempt; returns where its pieces go."""
        if self._said_something:
            self._on_text(Restarted())
        self._said_something = False
        return self._take

    def _take(self, piece: str) -> None:
        self._said_something = True
        self._on_text(piece)


def _nobody(piece: str) -> None:
    """Where the pieces go that nobody reads."""
