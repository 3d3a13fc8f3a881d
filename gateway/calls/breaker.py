"""What is known of the deployments: pauses that providers asked for, and breakers. Shared with other workers.

A breaker opens after failures that the next caller would meet too, and lets one caller try when its time is
over. It stands before each deployment, also the only one of a chain. Other workers learn of both within
``REFRESH_SECONDS`` through Redis; without Redis each worker goes by what it has met itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from domain.errors import AnswerInDoubt, ProviderBusy, ProviderError, ProviderUnreachable
from store.money.observe import tell
from store.shared.redis import RedisAway, SharedRedis

REFRESH_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 60.0
"""What a provider may ask for at most: one sent a day once, and meant a minute."""

_Kind = Literal["pause", "broken"]
_KINDS: tuple[_Kind, ...] = ("pause", "broken")


@dataclass(frozen=True, slots=True)
class Cooldown:
    """How long a deployment is not to be asked; ``broken`` where its breaker is open."""

    seconds: float = 0.0
    broken: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """Opens after ``in_a_row`` failures, or ``of_last`` of the last ``looked_at`` calls.

    The first time is ``open_seconds``, doubled by each try that fails, up to ``longest_seconds``.
    """

    in_a_row: int = 6
    of_last: int = 12
    looked_at: int = 20
    open_seconds: float = 5.0
    longest_seconds: float = 60.0


@dataclass(slots=True)
class _State:
    outcomes: deque[bool]
    until: dict[str, float] = field(default_factory=lambda: {"pause": 0.0, "broken": 0.0})
    open_seconds: float = 0.0
    trying_until: float = 0.0


class CircuitBreakers:
    """Pauses and breakers of one process.

    Args:
        shared: Redis, where there is one.
        rule: When a breaker opens.
        account: Names the account at a provider that pauses and breakers are of.
        now: A monotonic clock.
    """

    def __init__(
        self,
        shared: SharedRedis | None = None,
        rule: BreakerRule | None = None,
        *,
        account: Callable[[str], str] = str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._rule = rule or BreakerRule()
        self._account = account
        self._now = now
        self._states: dict[str, _State] = {}
        self._fresh_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def _of(self, deployment: str) -> _State:
        if deployment not in self._states:
            self._states[deployment] = _State(deque(maxlen=self._rule.looked_at))
        return self._states[deployment]

    def cooldown(self, deployment: str) -> Cooldown:
        """How long a deployment is not to be asked; the first after an open breaker is let through to try."""
        state, now = self._of(deployment), self._now()
        broken = state.until["broken"] - now
        if broken <= 0 and state.open_seconds:
            broken = state.trying_until - now
        if broken > 0:
            return Cooldown(broken, True, "its breaker is open")
        pause = state.until["pause"] - now
        return Cooldown(pause, False, "it asked for a pause") if pause > 0 else Cooldown()

    def trying(self, deployment: str, seconds: float) -> None:
        """Note that a caller goes to a deployment; after an open breaker the others wait for its outcome."""
        state = self._of(deployment)
        if state.open_seconds:
            state.trying_until = self._now() + seconds

    def is_open(self, deployment: str) -> bool:
        """Whether the breaker of a deployment is open."""
        return self.cooldown(deployment).broken

    def succeeded(self, deployment: str) -> None:
        """Note that a provider answered, whatever the answer is worth."""
        state = self._of(deployment)
        state.outcomes.append(True)
        if state.open_seconds:
            state.open_seconds = state.trying_until = 0.0
            state.outcomes.clear()
            tell(lambda observer: observer.breaker(deployment, False))
            self._share(deployment, "broken", 0.0)

    def failed(self, deployment: str, error: ProviderError) -> None:
        """Note a failure: a pause that the provider asks for, or a mark for its breaker."""
        asked = error.details.get("retry_after_seconds")
        if asked:
            self._rest(deployment, "pause", min(float(asked), LONGEST_PAUSE_SECONDS))
        elif isinstance(error, ProviderBusy | ProviderUnreachable | AnswerInDoubt):
            self._mark(deployment)

    def _mark(self, deployment: str) -> None:
        state, rule = self._of(deployment), self._rule
        state.outcomes.append(False)
        last = list(state.outcomes)
        in_a_row = len(last) >= rule.in_a_row and not any(last[-rule.in_a_row :])
        if not (state.open_seconds or in_a_row or last.count(False) >= rule.of_last):
            return
        doubled = min(state.open_seconds * 2, rule.longest_seconds)
        state.open_seconds = doubled or rule.open_seconds
        state.trying_until = 0.0
        tell(lambda observer: observer.breaker(deployment, True))
        self._rest(deployment, "broken", state.open_seconds)

    def _rest(self, deployment: str, kind: _Kind, seconds: float) -> None:
        until = self._of(deployment).until
        until[kind] = max(until[kind], self._now() + seconds)
        self._share(deployment, kind, seconds)

    def _share(self, deployment: str, kind: _Kind, seconds: float) -> None:
        """Tell the other workers, in the background: no caller waits for it."""
        if self._shared is None:
            return
        task = asyncio.get_running_loop().create_task(self._tell(self._shared, deployment, kind, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, shared: SharedRedis, deployment: str, kind: _Kind, seconds: float) -> None:
        key, milliseconds = self._key(deployment, kind), int(seconds * 1000)
        try:
            if milliseconds > 0:
                await shared.ask(lambda client: client.set(key, "1", px=milliseconds))
            else:
                await shared.ask(lambda client: client.delete(key))
        except RedisAway:
            return

    async def refresh(self, deployments: Iterable[str]) -> None:
        """Learn what other workers have met; at most once in ``REFRESH_SECONDS``, for all callers together."""
        if self._shared is None or self._now() < self._fresh_until:
            return
        self._fresh_until = self._now() + REFRESH_SECONDS
        names = list(dict.fromkeys([*deployments, *self._states]))
        places = [(name, kind) for name in names for kind in _KINDS]
        keys = [self._key(*place) for place in places]
        try:
            found = await self._shared.ask(lambda client: _times_left(client, keys))
        except RedisAway:
            return
        for (name, kind), milliseconds in zip(places, found, strict=True):
            if milliseconds > 0:
                state = self._of(name)
                state.until[kind] = max(state.until[kind], self._now() + milliseconds / 1000)
                if kind == "broken":
                    state.open_seconds = state.open_seconds or self._rule.open_seconds

    def _key(self, deployment: str, kind: _Kind) -> str:
        provider, _, model = deployment.partition("/")
        return f"posthub:health:{kind}:{self._account(provider)}:{model}"

    async def aclose(self) -> None:
        """Let what is being told to other workers arrive."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=1.0)


async def _times_left(client: object, keys: list[str]) -> list[int]:
    async with client.pipeline(transaction=False) as pipeline:  # type: ignore[attr-defined]
        for key in keys:
            pipeline.pttl(key)
        return list(await pipeline.execute())
