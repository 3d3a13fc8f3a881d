"""What the pipeline is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from domain.calls import Call
from domain.ids import content_hash
from domain.worlds import World
from gateway.calls.judge import Judge
from gateway.ports import Answer, Attempt, Operation
from store.money.journal import JobKey
from store.money.prices import Units

FIRST_CHOICE = "first choice"
_BOOKING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to serve a request: a model at a provider.

    Attributes:
        name: Tells the request's candidates apart; stored with its operation.
        most: The most units that the attempt can be billed for.
        send: Makes one physical attempt.
        deadline: Total seconds of the attempt.
        collect: Fetches what an operation stands for; for media alone.
        prompt: The prompt as this provider gets it; for media alone.
        longer: The same candidate with room for a longer answer; None where the model has none.
        simpler: The same candidate with a simpler schema, where this one is refused; None where there is none.
        ready: Waits until what speaks to the provider has been loaded; no attempt's time.
        warning: What is unusual about it; stored with its answer.
        facts: What the table of models says of it; part of what a cached answer stands for.
    """

    name: str
    provider: str
    model: str
    most: Units
    send: Callable[[Attempt], Awaitable[Answer | Operation]]
    deadline: float
    collect: Callable[[Operation], Awaitable[Answer]] | None = None
    prompt: str = ""
    longer: Callable[[], Candidate] | None = None
    simpler: Callable[[], Candidate] | None = None
    ready: Callable[[], Awaitable[None]] | None = None
    warning: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deployment(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One logical call. ``payload`` is everything that is asked, as plain JSON; it makes the key.

    Which models and providers are configured is no part of the key: what was bought stays bought when a key is
    taken away or a newer model is put first before a run is resumed.

    Attributes:
        seconds: Total deadline of asking: every wait, retry and fallback together.
        collect_seconds: How long a bought file may take to come, after that.
        rebuy: Whether it may be bought again after an answer in doubt or of no use.
        world: In which it is asked, as the gateway says.
    """

    call: Call
    purpose: str
    payload: Mapping[str, Any]
    candidates: tuple[Candidate, ...]
    judge: Judge
    seconds: float
    collect_seconds: float = 0.0
    rebuy: bool = True
    world: World = World.REAL

    @property
    def key(self) -> JobKey:
        chain = [candidate.deployment for candidate in self.candidates]
        template = self.call.template.identity() if self.call.template else None
        whole = {"purpose": self.purpose, "template": template, "request": dict(self.payload)}
        return JobKey(self.call, self.purpose, content_hash(whole), {"chain": chain}, self.world)

    @property
    def lease_seconds(self) -> float:
        """The longest that the work can take."""
        return self.seconds + len(self.candidates) * self.collect_seconds + _BOOKING_SECONDS


@dataclass(frozen=True, slots=True)
class CallResult:
    """A job's stored answer: ``replayed`` from the journal, ``cached`` from another job, or bought now."""

    job_id: str
    output: Mapping[str, Any]
    replayed: bool
    cached: bool = False


def output_of(
    candidate: Candidate, answer: Answer, *, cost_micro: int, basis: str, why: str
) -> dict[str, Any]:
    """Return an answer as it is stored, plain JSON; a media file is added when it has been stored."""
    return {
        "text": answer.text,
        "sources": [asdict(source) for source in answer.sources],
        "vectors": [list(vector) for vector in answer.vectors],
        "finish": answer.finish.value,
        "reason": answer.reason,
        "prompt": candidate.prompt,
        "raw": dict(answer.raw),
        "warnings": [candidate.warning] if candidate.warning else [],
        "served": {
            "provider": candidate.provider,
            "model": candidate.model,
            "deployment": candidate.deployment,
            "why": why,
            "usage": asdict(answer.usage),
            "cost_micro": cost_micro,
            "basis": basis,
        },
    }
