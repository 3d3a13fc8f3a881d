from __future__ import annotations

from typing import Any

import jsonschema

from domain.content.dna import FACTS, LIST_FACTS, CompanyDNA, dna_findings, dna_schema

HOME = "https://prazirna.example"
ABOUT = "https://prazirna.example/o-nas"


def _dna(**changes: Any) -> CompanyDNA:
    facts: dict[str, Any] = {
        "mission": "Pražit poctivě.",
        "values": ["poctivost"],
        "tone_formal_casual": 0,
        "sources": [
            {"field": "mission", "url": ABOUT},
            {"field": "values", "url": HOME},
            {"field": "tone_formal_casual", "url": HOME},
        ],
    }
    return CompanyDNA.model_validate(facts | changes)


def test_missing_facts_stay_missing_and_are_named() -> None:
    dna, findings = dna_findings(_dna(), [HOME, ABOUT])
    assert (dna.vision, dna.competitors) == (None, ())
    assert "Vision was not found and stays empty." in findings
    assert len(findings) == len(FACTS) - 3


def test_a_tone_of_0_is_known() -> None:
    assert "tone_formal_casual" in _dna().known()


def test_a_fact_whose_only_source_was_not_read_is_dropped() -> None:
    dna = _dna(usp="Jediní v kraji.", sources=[{"field": "usp", "url": "https://invented.example"}])
    cleaned, findings = dna_findings(dna, [HOME])
    assert cleaned.usp is None
    assert "USP was dropped: its source is not among the pages that were read." in findings
    assert "USP was not found and stays empty." not in findings


def test_an_invented_source_beside_a_sound_one_is_dropped_alone() -> None:
    sources = [{"field": "mission", "url": "https://invented.example"}, {"field": "mission", "url": ABOUT}]
    cleaned, _ = dna_findings(_dna(sources=sources), [ABOUT])
    assert cleaned.mission == "Pražit poctivě."
    assert [one.url for one in cleaned.sources] == [ABOUT]


def test_a_fact_without_any_source_is_kept_and_named() -> None:
    cleaned, findings = dna_findings(_dna(sources=[]), [HOME])
    assert cleaned.mission
    assert "Mission names no source: check it or clear it." in findings


def test_sources_of_nothing_are_dropped() -> None:
    sources = [{"field": "vision", "url": HOME}, {"field": "weather", "url": HOME}]
    cleaned, _ = dna_findings(_dna(sources=sources), [HOME])
    assert cleaned.sources == ()


def test_a_trailing_slash_makes_no_other_page() -> None:
    cleaned, _ = dna_findings(_dna(sources=[{"field": "mission", "url": f"{ABOUT}/"}]), [ABOUT])
    assert cleaned.mission


def test_empty_texts_and_null_lists_are_missing_facts() -> None:
    dna = _dna(mission="  ", values=None, competitors=["", "Kafe s.r.o.", "KAFE s.r.o."])
    assert (dna.mission, dna.values, dna.competitors) == (None, (), ("Kafe s.r.o.",))


def test_a_list_that_a_form_sends_as_lines_is_read() -> None:
    assert _dna(values="poctivost\nřemeslo, klid").values == ("poctivost", "řemeslo, klid")


def test_the_schema_lets_every_fact_be_missing() -> None:
    empty: dict[str, Any] = {name: [] if name in LIST_FACTS else None for name in FACTS}
    empty["sources"] = []
    jsonschema.validate(empty, dna_schema([HOME]))
    assert CompanyDNA.model_validate(empty) == CompanyDNA()


def test_the_schema_takes_only_pages_that_were_read_as_sources() -> None:
    source = dna_schema([HOME, ABOUT])["properties"]["sources"]["items"]["properties"]
    assert source["url"]["enum"] == [HOME, ABOUT]
    assert source["field"]["enum"] == list(FACTS)


def test_many_pages_make_no_huge_enum() -> None:
    urls = [f"{HOME}/{number}" for number in range(100)]
    assert "enum" not in dna_schema(urls)["properties"]["sources"]["items"]["properties"]["url"]


def test_without_any_page_there_are_no_sources() -> None:
    assert dna_schema([])["properties"]["sources"]["maxItems"] == 0


def test_an_answer_that_could_not_be_read_is_kept_as_text() -> None:
    assert CompanyDNA.model_validate({"raw": "Firma praží kávu."}).raw == "Firma praží kávu."


def test_what_is_stored_is_read_back_unchanged() -> None:
    assert CompanyDNA.model_validate(_dna().plain()) == _dna()
