"""What a run would use, and whether it answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "failed", "off"]


@dataclass(frozen=True)
class Check:
    """One line of the report. ``off`` is not used by choice and no failure; ``set`` names what changes it."""

    part: str
    uses: str
    state: State
    detail: str = ""
    set: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Checkup:
    """The whole report; ``sandbox`` where stand-ins take the providers' place."""

    sandbox: bool
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether all that is needed answers."""
        return all(check.state != "failed" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, "sandbox": self.sandbox, "checks": [each.as_json() for each in self.checks]}
