"""Attempts as the ledger is given them and gives them back, and the columns that they become."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from domain.calls import NO_TEMPLATE, Call, Usage

Basis = Literal["provider", "usage", "estimate", "worst_case"]
"""How a cost is known."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What an attempt will be booked with. ``held_micro`` is the most that it can cost."""

    attempt_id: str
    job_id: str
    call: Call
    provider: str
    model: str
    engine: str
    held_micro: int
    price_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """A ledger row as it stands; ``cost_micro`` is None while it is held."""

    id: str
    state: str
    held_micro: int
    cost_micro: int | None
    price_ids: tuple[str, ...]
    error_code: str | None = None


def hold_values(hold: Hold) -> dict[str, Any]:
    """The fields of a row to be opened."""
    return _names(hold.call) | {
        "id": hold.attempt_id,
        "job_id": hold.job_id,
        "provider": hold.provider,
        "model": hold.model,
        "engine": hold.engine,
        "held": hold.held_micro,
        "price_ids": list(hold.price_ids),
    }


def _names(call: Call) -> dict[str, Any]:
    return {
        "organization_id": call.organization_id,
        "company_id": call.company_id,
        "run_id": call.run_id,
        "kind": call.kind.value,
        **(call.template.booked() if call.template else NO_TEMPLATE),
    }


def close_values(
    hold: Hold, state: str, basis: Basis | None, cost: int | None, usage: Usage, error_code: str | None
) -> dict[str, Any]:
    """The fields of a row to be closed; ``cost`` None stands for all that was held."""
    whose = {"organization_id": hold.call.organization_id, "id": hold.attempt_id}
    closing = {"state": state, "basis": basis, "cost": cost, "error_code": error_code}
    return whose | closing | asdict(usage)
