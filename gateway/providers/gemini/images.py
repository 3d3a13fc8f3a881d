"""Images by Gemini's text-and-image models, through whichever engine speaks to its text models."""

from __future__ import annotations

from dataclasses import dataclass

from domain.calls import ImageRequest
from gateway.ports import Answer, Attempt, Operation, TextEngine
from gateway.providers.building import Building


def images(of: Building) -> EngineImages:
    """Build them for a gateway."""
    assert of.text is not None, "a provider of text-and-image models has text models"
    return EngineImages(of.text)


@dataclass(frozen=True, slots=True)
class EngineImages:
    """Answered at once, so there is nothing to collect."""

    engine: TextEngine

    async def submit(self, model: str, request: ImageRequest, attempt: Attempt) -> Answer | Operation:
        return await self.engine.draw(model, request, attempt)

    async def collect(self, operation: Operation) -> Answer:
        raise AssertionError("an image of a text model is never an operation")

    async def aclose(self) -> None:
        """The engine is closed by itself."""
