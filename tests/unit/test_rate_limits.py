"""Rate limits as data: the shipped table, what the settings put over it, and what is refused."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from gateway.limits.rates import read_limits


def test_the_shipped_limits_are_those_of_the_brief() -> None:
    limits = read_limits("")
    assert limits.seconds == 60
    asked = ("gemini", "perplexity", "nanobana", "veo")
    assert [limits.of("org-1", name) for name in asked] == [60, 50, 10, 5]
    assert limits.of("org-1", "omni") is None


def test_one_organization_can_have_more_than_the_others() -> None:
    limits = read_limits("gemini=120, acme:gemini=300,acme:veo=1")
    assert (limits.of("acme", "gemini"), limits.of("org-1", "gemini")) == (300, 120)
    assert (limits.of("acme", "veo"), limits.of("org-1", "veo")) == (1, 5)


def test_the_sandbox_has_limits_of_its_own_and_what_was_set_by_hand_stays() -> None:
    limits = read_limits("veo=7").in_sandbox()
    assert limits.of("org-1", "veo") == 7
    assert (limits.of("org-1", "gemini") or 0) >= 1000


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("nobody=60", "gemini, perplexity, nanobana, veo"),
        ("acme:midjourney=5", "gemini, perplexity, nanobana, veo"),
        ("gemini", "provider=calls"),
        ("gemini=0", "from 1"),
        ("gemini=-5", "from 1"),
        ("gemini=many", "from 1"),
        ("gemini=1.5", "from 1"),
        ("gemini=²", "from 1"),
    ],
)
def test_a_limit_that_cannot_be_used_is_refused_with_what_is_allowed(value: str, allowed: str) -> None:
    with pytest.raises(InvalidInput, match="POSTHUB_RATE_LIMITS") as refused:
        read_limits(value)
    assert allowed in refused.value.next_step
