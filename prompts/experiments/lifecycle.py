"""Experiments between versions of one template: started, stopped and promoted by people, each step recorded."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from domain.errors import InvalidInput, NotFound
from domain.ids import stable_id
from prompts import versions
from prompts.active import PRODUCTION
from prompts.actor import may_release, reason_given
from prompts.editing import Editor
from prompts.experiments.report import ExperimentReport, report
from store.database import Connection
from store.prompts import experiments, templates
from store.prompts.events import Scope, record
from store.prompts.experiments import Arm, Experiment
from store.prompts.templates import TemplateKey

MINIMUM = 20
"""Decisions of each arm before there is a verdict, unless the person says otherwise."""
_MOST_ARMS = 8
_ARM = re.compile(r"\s*(?P<version>\d{1,9})\s*(?::\s*(?P<weight>\d*\.?\d+)\s*)?")

Allocation = Literal["weights", "thompson"]


@dataclass(frozen=True)
class ExperimentSpec:
    """What a person asked for: versions with their weights, and when and how."""

    arms: tuple[tuple[int, float], ...]
    allocation: Allocation = "weights"
    minimum: int = MINIMUM
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def parse_arms(text: str) -> tuple[tuple[int, float], ...]:
    """Read ``3:0.5,4:0.5``; without weights all arms get the same.

    Raises:
        InvalidInput: It is not written so, the weights do not sum to 1, or a version stands twice.
    """
    found = [_ARM.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise InvalidInput(
            f"The arms {text[:80]!r} are not understood.", next_step="Write, say, 3:0.5,4:0.5."
        )
    given = [match for match in found if match]
    numbers = [int(match["version"]) for match in given]
    if len(numbers) < 2 or len(numbers) > _MOST_ARMS:
        raise InvalidInput(
            f"An experiment has 2 to {_MOST_ARMS} arms, not {len(numbers)}.",
            next_step="Write, say, 3:0.5,4:0.5.",
        )
    if len(set(numbers)) < len(numbers):
        raise InvalidInput("A version stands twice in the arms.", next_step="Name each version once.")
    return tuple(zip(numbers, _weights(given), strict=True))


def _weights(given: Sequence[re.Match[str]]) -> list[float]:
    written = [match["weight"] for match in given]
    if all(weight is None for weight in written):
        return [1 / len(given)] * len(given)
    if any(weight is None for weight in written):
        raise InvalidInput("Some arms have no weight.", next_step="Give a weight to each arm or to none.")
    weights = [float(weight) for weight in written]
    if min(weights) <= 0 or not math.isclose(math.fsum(weights), 1.0, abs_tol=1e-6):
        raise InvalidInput(
            f"The weights sum to {math.fsum(weights):g}, not to 1.",
            next_step="Use, say, 0.5 and 0.5, each above 0.",
        )
    return weights


async def start(editor: Editor, key: TemplateKey, spec: ExperimentSpec, *, reason: str = "") -> Experiment:
    """Start an experiment: companies without a version of their own get one of its arms from now on.

    Raises:
        NotAllowed: The role may not change what is in production.
        NotFound: A version does not exist.
        InvalidInput: Another experiment runs on the template, or the dates or the minimum cannot be.
    """
    may_release(editor.actor, "start an experiment")
    _check(spec)
    async with editor.database.transaction(editor.organization) as connection:
        await templates.lock(connection, key)
        if await experiments.running(connection, editor.organization, key):
            raise InvalidInput(
                f"An experiment runs on {key[0]} ({key[1]}) already.",
                next_step=f"End it with: posthub experiments stop {key[0]}",
            )
        arms = [
            await _arm(connection, editor, key, *arm)
            for arm in zip(string.ascii_uppercase[: len(spec.arms)], spec.arms, strict=True)
        ]
        made = await _insert(connection, editor, key, spec, arms, reason)
        await _record(connection, editor, made, "started", reason, arms=[asdict(arm) for arm in arms])
    return made


def _check(spec: ExperimentSpec) -> None:
    if not 1 <= spec.minimum <= 1_000_000:
        raise InvalidInput(f"The minimum of {spec.minimum} decisions cannot be.", next_step="Use 1 or more.")
    begin = spec.starts_at or datetime.now(UTC)
    if spec.ends_at is not None and spec.ends_at <= begin:
        raise InvalidInput("The experiment ends before it starts.", next_step="Give a later end.")


async def _arm(
    connection: Connection, editor: Editor, key: TemplateKey, name: str, arm: tuple[int, float]
) -> Arm:
    version = await versions.by_number(connection, editor.organization, key, arm[0])
    return Arm(name, version.number, version.id, arm[1])


async def _insert(
    connection: Connection,
    editor: Editor,
    key: TemplateKey,
    spec: ExperimentSpec,
    arms: Sequence[Arm],
    reason: str,
) -> Experiment:
    earlier = await experiments.count(connection, editor.organization, key)
    values: dict[str, Any] = {
        "id": stable_id("experiment", editor.organization, *key, earlier + 1),
        "organization_id": editor.organization,
        "code": key[0],
        "language": key[1],
        "status": "running",
        "allocation": spec.allocation,
        "arms": [asdict(arm) for arm in arms],
        "minimum": spec.minimum,
        "ends_at": spec.ends_at,
        "author": editor.actor.author,
        "reason": reason,
    }
    if spec.starts_at is not None:
        values["starts_at"] = spec.starts_at
    return await experiments.add(connection, values)


async def found(editor: Editor, key: TemplateKey) -> Experiment:
    """Return the template's running experiment, or its last one.

    Raises:
        NotFound: There was never one.
    """
    async with editor.database.transaction(editor.organization) as connection:
        known = await experiments.latest(connection, editor.organization, key)
    if known is None:
        raise NotFound(
            f"There is no experiment on {key[0]} ({key[1]}).",
            next_step=f"Start one with: posthub experiments start {key[0]} --arms 1:0.5,2:0.5",
        )
    return replace(known, world=editor.world)


async def all_of(editor: Editor) -> list[Experiment]:
    """Return every experiment of the organization, the newest first."""
    async with editor.database.transaction(editor.organization) as connection:
        known = await experiments.all_of(connection, editor.organization)
    return [replace(one, world=editor.world) for one in known]


async def assignments(editor: Editor, one: Experiment) -> dict[str, str]:
    """Return the arm of every company that takes part, by company id."""
    async with editor.database.transaction(editor.organization) as connection:
        return await experiments.assignments(connection, one)


async def stop(editor: Editor, key: TemplateKey, *, reason: str = "") -> Experiment:
    """End the running experiment; what was in production before counts again for everybody.

    Raises:
        NotAllowed: The role may not.
        InvalidInput: None runs.
    """
    may_release(editor.actor, "stop an experiment")
    async with editor.database.transaction(editor.organization) as connection:
        await templates.lock(connection, key)
        ended = await _end(connection, editor, key, "stopped")
        await _record(connection, editor, ended, "stopped", reason)
    return ended


async def promote(
    editor: Editor, key: TemplateKey, *, arm: str | None = None, reason: str = ""
) -> tuple[Arm, ExperimentReport]:
    """Put an arm into production and end the experiment; the report stands in the trail beside the person's reason.

    Args:
        editor: Who.
        key: The template.
        arm: Its name or its version's number; without it the winner of the report.
        reason: Why.

    Raises:
        NotAllowed: The role may not.
        InvalidInput: No experiment runs, or there is no winner and no arm was named, or no reason for that.
    """
    may_release(editor.actor, "promote a version")
    async with editor.database.transaction(editor.organization) as connection:
        running = await experiments.running(connection, editor.organization, key)
    if running is None:
        raise _none_runs(key)
    seen = await report(editor.database, replace(running, world=editor.world))
    chosen = _chosen(running, seen, arm)
    said = reason if seen.winner == chosen.name else reason_given(reason)
    async with editor.database.transaction(editor.organization) as connection:
        await templates.lock(connection, key)
        ended = await _end(connection, editor, key, "promoted")
        version = await versions.by_number(connection, editor.organization, key, chosen.version)
        await editor.move(connection, version, PRODUCTION, "promoted", reason=said or seen.verdict)
        await _record(
            connection, editor, ended, "ended by promotion", said, arm=chosen.name, verdict=seen.verdict
        )
    return chosen, seen


def _chosen(running: Experiment, seen: ExperimentReport, arm: str | None) -> Arm:
    wanted = arm if arm is not None else seen.winner
    if wanted is None:
        raise InvalidInput(
            f"There is no winner. {seen.verdict}",
            next_step="Wait, or name an arm and say why: --arm B --reason TEXT.",
        )
    for one in running.arms:
        if wanted.upper() == one.name or wanted == str(one.version):
            return one
    names = ", ".join(f"{one.name} (version {one.version})" for one in running.arms)
    raise InvalidInput(f"The experiment has no arm {wanted[:20]!r}.", next_step=f"It has {names}.")


async def _end(connection: Connection, editor: Editor, key: TemplateKey, status: str) -> Experiment:
    ended = await experiments.close(connection, editor.organization, key, status)
    if ended is None:
        raise _none_runs(key)
    return ended


def _none_runs(key: TemplateKey) -> InvalidInput:
    return InvalidInput(
        f"No experiment runs on {key[0]} ({key[1]}).",
        next_step="See what there is: posthub experiments status",
    )


async def _record(
    connection: Connection, editor: Editor, one: Experiment, event: str, reason: str, **details: Any
) -> None:
    scope = Scope(one.organization_id, one.code, one.language)
    await record(
        connection, scope, editor.actor, f"experiment {event}", reason=reason, experiment=one.id, **details
    )
