"""Faults on request: how a provider misbehaves, for the calls that a rule matches."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.seeds import rng

# Before anything is accepted: nothing is billed.
REFUSING = frozenset({"status", "refuse"})
# The call is accepted and billed, the bytes travel badly.
TRANSPORT = frozenset({"slow", "drip", "hang", "cut"})
# The call is answered with 200 and billed, the content is no good.
CONTENT = frozenset(
    {"broken_json", "wrong_schema", "empty", "safety", "prompt_block", "max_tokens", "failed", "no_search"}
)
# Jobs: decided when submitted, seen when polled.
JOB = frozenset({"job_fails", "job_never_ends", "job_filtered"})
TYPES = REFUSING | TRANSPORT | CONTENT | JOB
_SUBMITS = (":predictLongRunning", "/interactions", "/videos/generate")
_MATCHES = frozenset({"provider", "path_contains", "body_contains", "method", "model"})


class BadFault(ValueError):
    """A fault that is not in the vocabulary; the text says what is."""


@dataclass(frozen=True)
class Fault:
    """``options``: status, retry_after, message, seconds, bytes_per_second, after_bytes."""

    type: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def refusing(self) -> bool:
        return self.type in REFUSING

    def number(self, name: str, default: float) -> float:
        return float(self.options.get(name, default))


def parse_fault(raw: Any) -> Fault:
    """From ``{"type": "status", "status": 429}`` or the short form ``status:429;retry_after=2``."""
    if isinstance(raw, str) and not raw.lstrip().startswith("{"):
        head, *rest = [part.strip() for part in raw.split(";")]
        kind, _, value = head.partition(":")
        options: dict[str, Any] = dict(part.split("=", 1) for part in rest if "=" in part)
        if value:
            options["status" if kind == "status" else "seconds"] = value
        return _checked(kind, options)
    data = json.loads(raw) if isinstance(raw, str) else raw
    if not isinstance(data, dict):
        raise BadFault("a fault is an object with a type")
    return _checked(str(data.get("type", "")), {key: value for key, value in data.items() if key != "type"})


def _checked(kind: str, options: dict[str, Any]) -> Fault:
    if kind not in TYPES:
        raise BadFault(f"unknown fault type {kind!r}; known: {', '.join(sorted(TYPES))}")
    return Fault(kind, options)


@dataclass
class Rule:
    """Applies a fault to matching calls, at most ``times`` times and with a probability."""

    id: str
    match: dict[str, str]
    fault: Fault
    times: int | None
    probability: float
    source: random.Random
    hits: int = 0

    def fits(self, call: dict[str, str]) -> bool:
        """Whether a call matches. What spoils an answer or a job is for calls that make one, not for polls."""
        if self.fault.type in CONTENT | JOB and call["method"] != "POST":
            return False
        if self.fault.type in JOB and not any(part in call["path"] for part in _SUBMITS):
            return False
        tests: dict[str, Callable[[str], bool]] = {
            "provider": lambda want: call["provider"] == want,
            "method": lambda want: call["method"] == want.upper(),
            "model": lambda want: want in call["model"],
            "path_contains": lambda want: want in call["path"],
            "body_contains": lambda want: want in call["body"],
        }
        return all(tests[name](str(want)) for name, want in self.match.items())

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "match": self.match,
            "fault": {"type": self.fault.type, **self.fault.options},
            "times": self.times,
            "probability": self.probability,
            "hits": self.hits,
        }


class Faults:
    """The rules in force, in the order they were given; the first that fits is applied."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._count = 0
        self.rules: list[Rule] = []

    def add(self, raw: Any) -> Rule:
        """Add a rule; raises BadFault for anything that is not understood."""
        if not isinstance(raw, dict) or "fault" not in raw:
            raise BadFault("expected {match, fault, times, probability}")
        match = raw.get("match") or {}
        if unknown := set(match) - _MATCHES:
            raise BadFault(f"unknown match {sorted(unknown)}; known: {', '.join(sorted(_MATCHES))}")
        times = raw.get("times")
        self._count += 1
        rule = Rule(
            id=str(uuid.uuid4()),
            match=dict(match),
            fault=parse_fault(raw["fault"]),
            times=None if times is None else int(times),
            probability=float(raw.get("probability", 1.0)),
            source=rng(self._seed, "fault", self._count),
        )
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()

    def pick(self, call: dict[str, str], header: str | None) -> Fault | None:
        """The fault for a call: that of its own header, else of the first rule that fits."""
        if header:
            return parse_fault(header)
        for rule in self.rules:
            if (rule.times is None or rule.hits < rule.times) and rule.fits(call):
                if rule.probability < 1 and rule.source.random() >= rule.probability:
                    continue
                rule.hits += 1
                return rule.fault
        return None
