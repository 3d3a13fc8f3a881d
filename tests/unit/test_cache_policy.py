"""What may be answered again and for how long, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.calls import Call, JobKind, TemplateRef
from domain.errors import InvalidInput
from gateway.cache.policy import read_cache_policy

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.SCRAPE_DNA, "research", "dna")
WRITING = replace(CALL, template=TemplateRef("BLOGPOST_GEN_V1", 1, "hash"))


def test_facts_are_answered_again_for_an_hour_and_creative_work_is_not() -> None:
    policy = read_cache_policy("")
    assert [policy.seconds(CALL, purpose) for purpose in ("search", "research", "embedding")] == [3600] * 3
    assert [policy.seconds(CALL, purpose) for purpose in ("text", "writing", "image", "video")] == [0] * 4


def test_a_template_has_its_own_time_which_counts_before_its_purpose() -> None:
    policy = read_cache_policy("BLOGPOST_GEN_V1=600, research=60, DNA_V1=0")
    assert policy.seconds(WRITING, "writing") == 600
    assert policy.seconds(CALL, "research") == 60
    assert policy.seconds(replace(CALL, template=TemplateRef("DNA_V1", 1, "hash")), "research") == 0


def test_what_a_template_says_of_itself_counts_unless_the_operator_says_otherwise() -> None:
    says = replace(CALL, template=TemplateRef("TOPIC_GEN_V1", 3, "hash", cache_seconds=120))
    assert read_cache_policy("").seconds(says, "text") == 120
    assert read_cache_policy("TOPIC_GEN_V1=30").seconds(says, "text") == 30
    never = replace(CALL, template=TemplateRef("RESEARCH_V1", 3, "hash", cache_seconds=0))
    assert read_cache_policy("").seconds(never, "search") == 0


def test_what_is_made_again_is_made_anew_whatever_the_policy_says() -> None:
    assert read_cache_policy("BLOGPOST_GEN_V1=600").seconds(replace(WRITING, revision=1), "writing") == 0


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("BLOGPOST_GEN_V1=604800", "BLOGPOST_GEN_V1 is a creative one: give 0 (never) to 3600 seconds"),
        ("writing=3601", "3600"),
        ("search=86401", "86400"),
        ("search=-1", "0 (never)"),
        ("search=hour", "0 (never)"),
        ("search", "0 (never)"),
        ("poetry=60", "search, research"),
    ],
)
def test_a_time_that_cannot_be_used_is_refused_with_what_is_allowed(value: str, allowed: str) -> None:
    with pytest.raises(InvalidInput, match="POSTHUB_CACHE_TTL") as refused:
        read_cache_policy(value)
    assert allowed in refused.value.next_step
