"""Drafting: a text is written, checked against its rules and revised; the version with the fewest findings is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain import steps
from domain.calls import TemplateRef
from domain.month import Month
from nodes.work import Ports, Task, ask

T = TypeVar("T")

_STEPS = (steps.DRAFT, steps.revise(1), steps.revise(2))
"""How often a draft that falls short goes back to the model; after that a person decides."""


@dataclass(frozen=True)
class Text(Generic[T]):
    """What is written: a template's answer to a schema, the rules that it has to keep, and what a revision is told.

    ``on_text`` gives, for a step, what gets its text as it arrives.
    """

    code: str
    schema: Mapping[str, Any]
    parse: Callable[[Any], T]
    findings_of: Callable[[T], list[str]]
    revision_of: Callable[[T], Mapping[str, Any]] = lambda _: {}
    on_text: Callable[[str], Callable[[str], None]] | None = None


@dataclass(frozen=True)
class Draft(Generic[T]):
    """The best of the versions, what is still wrong with it, and who wrote it."""

    value: T
    findings: Sequence[str]
    warnings: Sequence[str]
    model: str
    template: TemplateRef


async def best_draft(
    ports: Ports, month: Month, task: Task, text: Text[T], variables: Mapping[str, Any]
) -> Draft[T]:
    """Write, and revise while anything is found.

    Raises:
        ProviderError: A version brought no usable answer; says what it cost.
        NotAllowed: Tier or budget refuse a call.
    """
    best: Draft[T] | None = None
    told = dict(variables)
    for step in _STEPS:
        on_text = text.on_text(step) if text.on_text else None
        answer, rendered = await ask(
            ports, month, task, text.code, told, text.schema, text.parse, step=step, on_text=on_text
        )
        found = text.findings_of(answer.value)
        if best is None or len(found) < len(best.findings):
            best = Draft(answer.value, found, answer.warnings, answer.served.model, rendered.ref)
        if not found:
            break
        told |= {**text.revision_of(answer.value), "findings": found}
    assert best is not None
    return best
