"""Two questions are the same only if their words say so; likeness of vectors is not asked here."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from gateway.cache.alike import asks_the_same
from gateway.cache.semantic_policy import read_semantic_templates, shipped

EMPTY = {word for words in shipped()["said_without_meaning"].values() for word in words}


def alike(one: str, other: str) -> bool:
    assert asks_the_same(one, other, empty=EMPTY) == asks_the_same(other, one, empty=EMPTY)
    return asks_the_same(one, other, empty=EMPTY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jaké jsou ceny kávy?", "Prosím, které jsou ceny kávy"),
        ("Co pražírna nabízí?", "co Prazirna nabizi?"),
        ("Zjisti konkurenci kavárny v Brně.", "Zjisti konkurenty kavárny v Brně!"),
        ("Which roasters sell in Prague?", "Please tell me which roaster sells in Prague"),
    ],
)
def test_politeness_accents_and_endings_do_not_matter(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Koupila firma Alfa firmu Beta?", "Koupila firma Beta firmu Alfa?"),
        ("Do dogs chase cats?", "Do cats chase dogs?"),
        ("Je káva zdravá?", "Není káva zdravá?"),
        ("Is coffee healthy?", "Is coffee not healthy?"),
        ("Jak zvýšit ceny kávy?", "Jak snížit ceny kávy?"),
        ("Which roaster is the cheapest?", "Which roaster is the best?"),
        ("Jaké byly tržby v roce 2025?", "Jaké byly tržby v roce 2026?"),
        ("Kdo kupuje kávu?", "Kde kupuje kávu?"),
        ("Ceny kávy", "Ceny kávy v Praze"),
        ("Co dělá Jan?", "Co dělá Jana?"),
        ("Vlak z Prahy do Brna", "Vlak do Prahy z Brna"),
        ("?", "!"),
    ],
)
def test_a_reversal_a_negation_another_number_name_or_restriction_is_another_question(
    one: str, other: str
) -> None:
    assert not alike(one, other)


def test_only_templates_that_state_facts_can_opt_in() -> None:
    assert read_semantic_templates("") == frozenset()
    assert read_semantic_templates("RESEARCH_V1") == {"RESEARCH_V1"}
    with pytest.raises(InvalidInput, match="POSTHUB_SEMANTIC_CACHE") as refused:
        read_semantic_templates("BLOGPOST_GEN_V1")
    assert "RESEARCH_V1" in refused.value.next_step
