"""The beginnings of prompts that a provider has seen lately: what is read from there is billed at a lower price."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox import tokens
from sandbox.seeds import fingerprint

_KEPT_SECONDS = 300.0
_MOST = 4000


@dataclass
class PromptCache:
    """Prefixes by hash, each forgotten five minutes after it was last used. ``clock`` gives seconds."""

    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, float] = field(default_factory=dict)

    def use(self, model: str, prompt: str, ends: list[int]) -> tuple[int, int]:
        """Read the longest known prefix and write the longest of all.

        Args:
            model: Prefixes are kept for each model.
            prompt: The whole prompt as text.
            ends: Where prefixes may end, in characters, in rising order.

        Returns:
            Tokens read from the cache, and tokens newly written to it.
        """
        now = self.clock()
        known = 0
        keys = [(end, fingerprint(model, prompt[:end])) for end in ends]
        for end, key in keys:
            if self._seen.get(key, now) > now:
                known = end
            self._seen.pop(key, None)
            self._seen[key] = now + _KEPT_SECONDS
        while len(self._seen) > _MOST:
            self._seen.pop(next(iter(self._seen)))
        read, whole = (tokens.count(prompt[:end]) for end in (known, ends[-1] if ends else 0))
        return read, whole - read
