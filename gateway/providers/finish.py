"""Why a model stopped, in our words."""

from __future__ import annotations

from gateway.ports import Finish
from gateway.providers.registry import Profile


def finish_by(profile: Profile | None, reason: str) -> Finish:
    """Map a provider's finish reason by its profile; an empty one is an answer that ended."""
    name = reason.upper()
    said = profile.finish if profile else {}
    for finish in (Finish.STOP, Finish.LENGTH, Finish.BLOCKED):
        if name in said.get(finish.value, ()):
            return finish
    return Finish.OTHER if name else Finish.STOP
