"""Job ids that carry everything about their job, signed: any sandbox of the same seed answers for them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.faults import JOB, Fault
from sandbox.media.art import Art

_SIGNATURE = 10


@dataclass(frozen=True)
class MediaJob:
    """A video or picture job. ``submitted`` is in seconds since 1970; ``fault`` is one of the job faults."""

    model: str
    art: Art
    seconds: float
    submitted: float
    fault: str = ""
    input_tokens: int = 0

    def done(self, job_seconds: float) -> bool:
        return self.fault != "job_never_ends" and time.time() - self.submitted >= job_seconds


def job_fault(fault: Fault | None) -> str:
    """The job fault to write into an id; a safety block of a video shows when it is polled."""
    if fault is None:
        return ""
    if fault.type in ("safety", "empty"):
        return "job_filtered"
    return fault.type if fault.type in JOB else ""


def _sign(seed: int, data: bytes) -> str:
    return hmac.new(f"posthub-sandbox-{seed}".encode(), data, hashlib.sha256).hexdigest()[:_SIGNATURE]


def encode(seed: int, job: MediaJob) -> str:
    """An id that fits into a path."""
    data = json.dumps(asdict(job), ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=") + "-" + _sign(seed, data)


def decode(seed: int, job_id: str) -> MediaJob | None:
    """The job of an id, or None for an id that this sandbox has not given."""
    text, _, signature = job_id.rpartition("-")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if not hmac.compare_digest(_sign(seed, data), signature):
            return None
        raw: dict[str, Any] = json.loads(data)
    except (ValueError, UnicodeDecodeError):
        return None
    art = raw.pop("art")
    return MediaJob(art=Art(**{**art, "palette": tuple(art["palette"])}), **raw)
