"""A text engine that is imported by its first call: the import takes seconds in which a run can begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.calls import ImageRequest, TextRequest
from gateway.ports import Answer, Attempt, OnText, TextEngine


@dataclass
class LateEngine:
    """Stands where an engine is expected.

    Args:
        name: The engine's.
        load: Imports what builds the engine; called in a thread, once.
    """

    name: str
    load: Callable[[], Callable[[], TextEngine]]
    _engine: TextEngine | None = None
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> None:
        """Wait until the engine has been imported."""
        await self._loaded()

    async def complete(
        self, model: str, request: TextRequest, attempt: Attempt, on_text: OnText | None = None
    ) -> Answer:
        return await (await self._loaded()).complete(model, request, attempt, on_text)

    async def draw(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer:
        return await (await self._loaded()).draw(model, request, attempt)

    async def aclose(self) -> None:
        if self._engine is not None:
            await self._engine.aclose()

    async def _loaded(self) -> TextEngine:
        async with self._loading:
            if self._engine is None:
                build = await asyncio.to_thread(self.load)
                self._engine = build()
            return self._engine
