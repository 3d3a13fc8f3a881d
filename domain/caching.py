"""How long an answer may be given again at most: the bounds of the operator's setting and of a template."""

from __future__ import annotations

CREATIVE_PURPOSES = ("text", "writing", "image", "video")
"""What is written for one item of one company: repeated for an hour at most, others for a day."""

_LONGEST_SECONDS = 86_400
_LONGEST_CREATIVE_SECONDS = 3_600


def longest_seconds(purpose: str) -> int:
    return _LONGEST_CREATIVE_SECONDS if purpose in CREATIVE_PURPOSES else _LONGEST_SECONDS
