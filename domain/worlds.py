"""Two worlds that share stores and never meet: what the sandbox's stand-ins made up, and what real providers did.

Whatever can carry an answer, a figure or a place names its world: ledger, journal, cache, budgets, windows, breakers,
what is learned of templates, and what is planned for a month. A run is of one world all its life.
"""

from __future__ import annotations

from enum import StrEnum


class World(StrEnum):
    """Whose answers, money and places these are."""

    REAL = "real"
    SANDBOX = "sandbox"

    @property
    def other(self) -> World:
        return World.SANDBOX if self is World.REAL else World.REAL

    @classmethod
    def of(cls, *, sandbox: bool) -> World:
        return cls.SANDBOX if sandbox else cls.REAL
