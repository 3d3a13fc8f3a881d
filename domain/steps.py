"""How the calls that are made for one item are named, and what a name says about why it was asked.

A step's name is part of a call's key, so it never changes for a call that was paid for. Writers make names by these
functions and readers ask `asking_of`; nobody else looks into a name.

    draft · revise-1 · revise-2         a text, and what mends it where it breaks a rule
    again-1 · again-2                   the part of a list that repeats something, asked for anew
    draft/again · draft/other           the same once more because the answer did not fit, and of another model
    draft/web_search-1f2e               what a tool asks for on the way
"""

from __future__ import annotations

import re
from enum import StrEnum

DRAFT = "draft"
_AGAIN = "again"
_OTHER_MODEL = "other"
_RULES = re.compile(r"(?:revise|again)-[1-9][0-9]*")


class Asking(StrEnum):
    """Why a call is made."""

    FIRST = "first"
    RULES = "rules"
    """What was made before breaks a rule."""
    SCHEMA = "schema"
    """The answer before did not fit its schema."""
    OTHER_MODEL = "other model"
    """Neither the answer before nor the one asked for again fitted."""


def revise(number: int) -> str:
    """The step that mends a draft for the first, second … time."""
    return f"revise-{number}"


def ask_anew(number: int) -> str:
    """The step that asks for the repeated part of a list for the first, second … time."""
    return f"again-{number}"


def within(step: str, name: str) -> str:
    """The step of a call that is made on the way of another."""
    return f"{step}/{name}" if step else name


def ask_again(step: str) -> str:
    """The step that asks once more because the answer did not fit."""
    return within(step, _AGAIN)


def ask_elsewhere(step: str) -> str:
    """The step that asks another model because no answer fitted."""
    return within(step, _OTHER_MODEL)


def asking_of(step: str) -> Asking:
    """Read from a step's name why it was asked."""
    last = step.rpartition("/")[2]
    if last == _AGAIN:
        return Asking.SCHEMA
    if last == _OTHER_MODEL:
        return Asking.OTHER_MODEL
    return Asking.RULES if _RULES.fullmatch(step) else Asking.FIRST
