"""What one sandbox process knows: its seed, bill, faults and cached prompts. Everything else is in the requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request

from sandbox.bill import Bill
from sandbox.faults import Faults
from sandbox.prompt_cache import PromptCache


@dataclass
class State:
    """``job_seconds`` is how long a video job takes; ``legacy_search`` False answers the old chat API with 410."""

    seed: int
    home: Path
    job_seconds: float = 1.0
    stream_delay: float = 0.0
    legacy_search: bool = True
    bill: Bill = field(init=False)
    faults: Faults = field(init=False)
    render_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    prompt_cache: PromptCache = field(default_factory=PromptCache)
    answers: dict[str, Any] = field(default_factory=dict)
    """Finished answers by request hash: a cache for speed only, the same question has the same answer anyway."""

    def __post_init__(self) -> None:
        self.bill = Bill(self.home)
        self.faults = Faults(self.seed)

    def remember(self, key: str, value: Any) -> Any:
        if len(self.answers) > 500:
            self.answers.pop(next(iter(self.answers)))
        self.answers[key] = value
        return value


def state_of(request: Request) -> State:
    state = request.app.state.sandbox
    assert isinstance(state, State)
    return state


def base_url(request: Request) -> str:
    """Scheme, host and port under which the client reached this sandbox."""
    return f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"
