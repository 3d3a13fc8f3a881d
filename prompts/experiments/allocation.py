"""Which arm of an experiment a company gets: once, by a hash, and for as long as the experiment lasts."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence

from prompts.experiments.outcomes import decided
from store.database import Connection
from store.prompts import experiments
from store.prompts.experiments import Arm, Experiment


async def assigned(
    connection: Connection, experiment: Experiment, company_id: str, *, record: bool = True
) -> Arm:
    """Return a company's arm; the first use decides it and records it, unless ``record`` is false."""
    name = await experiments.arm_of(connection, experiment, company_id)
    if name is None and not record:
        return await _first(connection, experiment, company_id)
    if name is None:
        first = await _first(connection, experiment, company_id)
        await experiments.assign(connection, experiment, company_id, first.name)
        name = await experiments.arm_of(connection, experiment, company_id)
    arm = experiment.arm(str(name))
    assert arm is not None, "an assignment names an arm of its experiment"
    return arm


async def _first(connection: Connection, experiment: Experiment, company_id: str) -> Arm:
    if experiment.allocation == "thompson":
        known = await decided(connection, experiment)
        if any(sum(counts) for counts in known.values()):
            return by_thompson(experiment.arms, known, f"{experiment.id}/{company_id}")
    return by_weight(experiment.arms, share(experiment.id, company_id))


def share(experiment_id: str, company_id: str) -> float:
    """A number in [0, 1) that depends on both ids alone, evenly spread over companies."""
    digest = hashlib.sha256(f"{experiment_id}/{company_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def by_weight(arms: Sequence[Arm], at: float) -> Arm:
    """Return the arm within whose part of [0, 1) a number falls."""
    upto = 0.0
    for arm in arms:
        upto += arm.weight
        if at < upto:
            return arm
    return arms[-1]


def by_thompson(arms: Sequence[Arm], known: Mapping[str, tuple[int, int]], seed: str) -> Arm:
    """Return the arm that draws the highest rate from what is known of it (Thompson sampling, Beta(1, 1) before).

    Args:
        arms: The arms.
        known: By arm's name: how often it was approved at once, and how often not.
        seed: The same seed draws the same.
    """
    draw = random.Random(seed)
    rates = [
        draw.betavariate(1 + known.get(a.name, (0, 0))[0], 1 + known.get(a.name, (0, 0))[1]) for a in arms
    ]
    return arms[rates.index(max(rates))]
