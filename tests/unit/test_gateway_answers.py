"""Judging answers, reading structured ones, and telling media by their bytes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field

from domain.calls import Call, JobKind, TextRequest, Usage
from domain.errors import BadOutput, ContentBlocked, MoneyState, OutputTruncated
from gateway.calls.attempt import cost_of
from gateway.calls.judge import judge_image, judge_text, judge_vectors, judge_video
from gateway.calls.structured import Parsed, Unfit, ask_again, read
from gateway.config import GatewayConfig, ProviderConfig
from gateway.ports import Answer, Finish, MediaFile
from gateway.providers.gemini.wire import finish_of, usage_of_metadata
from gateway.providers.media_prompt import nearest_ratio, with_negative
from gateway.providers.prices import shipped_prices
from store.money.prices import Tariff
from tests.media_bytes import MP4, PNG, film

ANSWER = Answer(usage=Usage(), units={}, text="ahoj")


class Persona(BaseModel):
    name: str = Field(min_length=2)
    age: int


def test_a_whole_text_is_good() -> None:
    assert judge_text("gemini", ANSWER) is None


@pytest.mark.parametrize(
    ("finish", "kind"),
    [(Finish.BLOCKED, ContentBlocked), (Finish.LENGTH, OutputTruncated), (Finish.OTHER, BadOutput)],
)
def test_a_text_that_was_stopped_is_told_from_a_whole_one(finish: Finish, kind: type[Exception]) -> None:
    assert isinstance(judge_text("gemini", replace(ANSWER, finish=finish, reason="X")), kind)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_bad(text: str) -> None:
    assert isinstance(judge_text("gemini", replace(ANSWER, text=text)), BadOutput)


def test_no_vectors_are_bad() -> None:
    assert isinstance(judge_vectors("gemini", ANSWER), BadOutput)
    assert judge_vectors("gemini", replace(ANSWER, vectors=((1.0,),))) is None


def test_an_image_is_judged_by_its_bytes_and_not_by_its_label() -> None:
    html = MediaFile(b"<html>gone</html>", "image/png")
    assert isinstance(judge_image("nanobana", replace(ANSWER, media=html)), BadOutput)
    assert isinstance(judge_image("nanobana", replace(ANSWER, media=MediaFile(MP4, "image/png"))), BadOutput)
    assert judge_image("nanobana", replace(ANSWER, media=MediaFile(PNG, "text/html"))) is None


def test_a_video_that_is_refused_in_words_is_a_block() -> None:
    refused = replace(ANSWER, finish=Finish.BLOCKED, reason="no video")
    assert isinstance(judge_video("gemini", refused), ContentBlocked)
    assert judge_video("gemini", replace(refused, media=MediaFile(MP4, "video/mp4"))) is None


def test_a_broken_file_is_of_no_use_and_a_film_of_quicktime_is_one() -> None:
    cut = judge_image("nanobana", replace(ANSWER, media=MediaFile(PNG[:-4], "image/png")))
    assert isinstance(cut, BadOutput) and cut.money is MoneyState.SPENT and "cut off" in cut.message
    assert judge_video("veo", replace(ANSWER, media=MediaFile(film(b"qt  "), "video/mp4"))) is None
    audio = judge_video("veo", replace(ANSWER, media=MediaFile(film(b"M4A "), "video/mp4")))
    assert isinstance(audio, BadOutput)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", Finish.STOP),
        ("stop", Finish.STOP),
        ("MAX_TOKENS", Finish.LENGTH),
        ("length", Finish.LENGTH),
        ("SAFETY", Finish.BLOCKED),
        ("content_filter", Finish.BLOCKED),
        ("RECITATION", Finish.BLOCKED),
        ("MALFORMED_RESPONSE", Finish.OTHER),
    ],
)
def test_every_finish_reason_means_something(reason: str, finish: Finish) -> None:
    assert finish_of(reason) is finish


def test_thinking_and_image_tokens_are_counted_apart_from_the_answer() -> None:
    metadata = {
        "promptTokenCount": 20,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 1130,
        "thoughtsTokenCount": 30,
        "cachedContentTokenCount": 8,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    usage, units = usage_of_metadata(metadata)
    assert (usage.input_tokens, usage.output_tokens, usage.thinking_tokens) == (25, 1160, 30)
    assert units == {"input": 17, "cached_input": 8, "output": 10, "thinking": 30, "image_token": 1120}


def test_the_nearest_offered_ratio_is_taken() -> None:
    assert nearest_ratio("4:5", ["1:1", "4:5"]) == "4:5"
    assert nearest_ratio("2:3", ["9:16", "16:9"]) == "9:16"
    assert nearest_ratio("1.91:1", ["1:1", "16:9"]) == "16:9"


def test_a_negative_prompt_is_folded_in_only_where_there_is_one() -> None:
    assert with_negative("káva", "") == "káva"
    assert with_negative("káva", "text").endswith("Avoid: text")


def _tariff(provider: str, model: str) -> Tariff:
    rows = [row for row in shipped_prices() if (row.provider, row.model) == (provider, model)]
    return Tariff(provider, model, tuple(rows))


def test_the_providers_own_figure_counts_before_the_computed_one() -> None:
    tariff = _tariff("perplexity", "perplexity/sonar")
    reported = replace(ANSWER, units={"search": 1}, reported_usd=Decimal("0.0053705"))
    assert cost_of(reported, tariff, 9999) == (5371, "provider")
    assert cost_of(replace(reported, reported_usd=None), tariff, 9999) == (2500, "usage")
    assert cost_of(replace(reported, reported_usd=None, estimated=True), tariff, 9999) == (2500, "estimate")


def test_an_answer_that_does_not_tell_its_usage_is_booked_at_its_worst_case() -> None:
    tariff = _tariff("nanobana", "imagen-3")
    assert cost_of(replace(ANSWER, units=None), tariff, 777) == (777, "worst_case")
    assert cost_of(replace(ANSWER, units={"unheard_of": 3}), tariff, 777) == (777, "worst_case")


def test_valid_json_is_read_without_a_warning() -> None:
    found = read('{"name": "Ema", "age": 31}', Persona.model_validate)
    assert found == Parsed(Persona(name="Ema", age=31), ())


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"name": "Ema", "age": 31}\n```',
        '{"name": "Ema", "age": 31,}',
        "{'name': 'Ema', 'age': 31}",
        'Tady je: {"name": "Ema", "age": 31}',
        '{"name": "Ema", "age": 31',
    ],
)
def test_nearly_json_is_repaired_with_a_warning(text: str) -> None:
    found = read(text, Persona.model_validate)
    assert isinstance(found, Parsed)
    assert found.value == Persona(name="Ema", age=31)
    assert "repaired" in found.warnings[0]


@pytest.mark.parametrize(
    "text", ["", "Nevím.", "null", '"Ema"', "[" * 100_000, '{"age": NaN, "name": "Ema"}']
)
def test_what_is_no_such_json_is_unfit_and_never_a_crash(text: str) -> None:
    assert isinstance(read(text, Persona.model_validate), Unfit)


def test_every_problem_is_named_with_its_place_and_without_the_value() -> None:
    found = read('{"name": "E", "age": "secret"}', Persona.model_validate)
    assert isinstance(found, Unfit)
    assert [line.split(":")[0] for line in found.problems] == ["name", "age"]
    assert "secret" not in " ".join(found.problems)


def test_a_parser_of_ones_own_may_refuse() -> None:
    def parse(value: Any) -> None:
        raise ValueError("two heroes")

    assert read("{}", parse) == Unfit(("ValueError: two heroes",))


def test_asking_again_is_a_step_of_its_own_with_the_answer_and_its_faults_as_data() -> None:
    call = Call("o", "c", "r", "pro", JobKind.GENERATE_TOPICS, "topics", "month", step="draft")
    request = TextRequest("text", "sys", "Ask.", 10)
    again_call, again = ask_again(call, request, "wrong", Unfit(("age: missing",)))
    assert again_call.step == "draft/again"
    assert again.prompt == 'Ask.\n\n{"rejected_answer":"wrong","validation_errors":["age: missing"]}'


def test_only_providers_with_a_key_serve_and_in_the_configured_order() -> None:
    gemini = {"gemini": ProviderConfig("gemini", "secret-key", "http://x")}
    config = GatewayConfig(providers=gemini, video_order=("veo-google", "veo", "omni"))
    assert [name for name, _ in config.videos()] == ["veo-google", "omni"]
    assert [model.provider for model in config.images()] == ["gemini"]
    assert "secret-key" not in repr(config)


def test_a_purpose_that_nobody_serves_says_which_key_to_set() -> None:
    config = GatewayConfig(providers={})
    with pytest.raises(Exception, match="text") as refusal:
        config.chain("text")
    assert "GEMINI_API_KEY" in str(refusal.value)
    with pytest.raises(Exception, match="no purpose 'poem'"):
        config.chain("poem")


def test_every_model_in_the_table_has_a_price_and_every_chain_a_purpose() -> None:
    models = GatewayConfig(providers={}).models
    chained = [model for chain in models.chains.values() for model in chain]
    priced = {(row.provider, row.model) for row in shipped_prices()}
    wanted = {*chained, *models.images.values(), *models.videos.values()}
    assert {(model.provider, model.model) for model in wanted} <= priced
    assert {"text", "research", "writing", "search", "embedding"} <= set(models.chains)
